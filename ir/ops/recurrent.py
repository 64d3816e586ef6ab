"""Recurrent networks over time, gates in ONNX's order.

In: sequences [S, B, D], the time in front. Out: the hidden state behind each step [S, B, U], and
behind the last one [B, U]. The state starts at zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..spec import AttributeSpec, Operand, OpSpec, define
from ..type import TensorType
from .elementwise import sigmoid
from .rules import require, require_float, require_rank, require_shape

Array = np.ndarray[Any, Any]
Types = tuple[TensorType, ...]

ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = {
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "relu": lambda x: np.maximum(x, 0.0),
    "linear": lambda x: x,
    "hard_sigmoid": lambda x: np.clip(x / 6.0 + 0.5, 0.0, 1.0),
    "elu": lambda x: np.asarray(np.where(x > 0, x, np.expm1(np.minimum(x, 0.0)))),
    "leaky_relu": lambda x: np.asarray(np.where(x >= 0, x, 0.2 * x)),
    "softsign": lambda x: np.asarray(x / (1.0 + np.abs(x))),
}
"""What gates and states may be bent by; elu with alpha 1, leaky_relu with slope 0.2."""


def _infer(op: str, gates: int) -> Callable[[Any, Any], Types]:
    def infer(operands: Any, attributes: Any) -> Types:
        x, weight, recurrent, bias = operands
        require_float(op, x=x, weight=weight, recurrent_weight=recurrent, bias=bias)
        require_rank(op, "x", x, 3)
        require_rank(op, "recurrent_weight", recurrent, 3)
        units = recurrent.shape[2]
        require(isinstance(units, int), f"{op}: the number of units {units} is not known")
        require_shape(op, "weight", weight, (1, gates * units, x.shape[2]))
        require_shape(op, "recurrent_weight", recurrent, (1, gates * units, units))
        require_shape(op, "bias", bias, (1, 2 * gates * units))
        for name in ("activation", "recurrent_activation"):
            if name in attributes:
                known = attributes[name] in ACTIVATIONS
                require(known, f"{op}: there is no activation {attributes[name]!r}")
        steps, batch = x.shape[:2]
        return x.with_shape((steps, batch, units)), x.with_shape((batch, units))

    return infer


def _over_time(
    x: Array, recurrent: Array, states: int, step: Callable[..., tuple[Array, ...]]
) -> tuple[Array, Array]:
    """Runs `step(x at t, *states)`, the hidden state first, over all steps."""
    zero = np.zeros((x.shape[1], recurrent.shape[2]))
    state: tuple[Array, ...] = (zero,) * states
    hidden = []
    for at in x:
        state = step(at, *state)
        hidden.append(state[0])
    return np.stack(hidden) if hidden else np.zeros((0, *zero.shape)), state[0]


def _biases(bias: Array | None, gates: int, units: int) -> tuple[Array, Array]:
    """Those of the inputs and those of the state, each [gates · units]."""
    if bias is None:
        zero = np.zeros(gates * units)
        return zero, zero
    return bias[0, : gates * units], bias[0, gates * units :]


def _lstm(arrays: Any, attributes: Any) -> tuple[Array, Array]:
    x, weight, recurrent, bias = arrays
    gate, bend = ACTIVATIONS[attributes["recurrent_activation"]], attributes["activation"]
    bend = ACTIVATIONS[bend]
    units = recurrent.shape[2]
    total = sum(_biases(bias, 4, units))

    def step(at: Array, hidden: Array, cell: Array) -> tuple[Array, ...]:
        z = at @ weight[0].T + hidden @ recurrent[0].T + total
        i, o, f, c = np.split(z, 4, axis=1)
        cell = gate(f) * cell + gate(i) * bend(c)
        return gate(o) * bend(cell), cell

    return _over_time(x, recurrent, 2, step)


def _gru(arrays: Any, attributes: Any) -> tuple[Array, Array]:
    x, weight, recurrent, bias = arrays
    gate, bend = ACTIVATIONS[attributes["recurrent_activation"]], attributes["activation"]
    bend = ACTIVATIONS[bend]
    units = recurrent.shape[2]
    of_input, of_state = _biases(bias, 3, units)
    after = attributes["reset_after"]

    def step(at: Array, hidden: Array) -> tuple[Array, ...]:
        xz, xr, xh = np.split(at @ weight[0].T + of_input, 3, axis=1)
        rz, rr, rh = np.split(recurrent[0], 3)
        bz, br, bh = np.split(of_state, 3)
        z = gate(xz + hidden @ rz.T + bz)
        r = gate(xr + hidden @ rr.T + br)
        inner = r * (hidden @ rh.T + bh) if after else (r * hidden) @ rh.T + bh
        return ((1 - z) * bend(xh + inner) + z * hidden,)

    return _over_time(x, recurrent, 1, step)


def _simple_rnn(arrays: Any, attributes: Any) -> tuple[Array, Array]:
    x, weight, recurrent, bias = arrays
    bend = ACTIVATIONS[attributes["activation"]]
    total = sum(_biases(bias, 1, recurrent.shape[2]))

    def step(at: Array, hidden: Array) -> tuple[Array, ...]:
        return (bend(at @ weight[0].T + hidden @ recurrent[0].T + total),)

    return _over_time(x, recurrent, 1, step)


_OPERANDS = (
    Operand("x"),
    Operand("weight"),
    Operand("recurrent_weight"),
    Operand("bias", optional=True),
)
_RESULTS = ("sequence", "last")
_BEND = {"activation": AttributeSpec(str, "tanh")}
_GATED = {**_BEND, "recurrent_activation": AttributeSpec(str, "sigmoid")}

define(
    OpSpec(
        "lstm",
        _OPERANDS,
        _infer("lstm", 4),
        _GATED,
        results=_RESULTS,
        reference=_lstm,
        doc="Long short-term memory (Hochreiter and Schmidhuber, 1997), as ONNX LSTM: weight "
        "[1, 4U, D], recurrent_weight [1, 4U, U], bias [1, 8U], gates input, output, forget, cell.",
    )
)

define(
    OpSpec(
        "gru",
        _OPERANDS,
        _infer("gru", 3),
        {**_GATED, "reset_after": AttributeSpec(bool, True)},
        results=_RESULTS,
        reference=_gru,
        doc="Gated recurrent unit (Cho et al., 2014), as ONNX GRU: weight [1, 3U, D], "
        "recurrent_weight [1, 3U, U], bias [1, 6U], gates update, reset, hidden. With reset_after "
        "the state is reset behind its product, as cuDNN has it.",
    )
)

define(
    OpSpec(
        "simple_rnn",
        _OPERANDS,
        _infer("simple_rnn", 1),
        _BEND,
        results=_RESULTS,
        reference=_simple_rnn,
        doc="h = activation(x W + h R + biases), as ONNX RNN: weight [1, U, D], recurrent_weight "
        "[1, U, U], bias [1, 2U].",
    )
)
