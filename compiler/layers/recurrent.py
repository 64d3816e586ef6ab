"""Recurrent layers, as Keras 3 has them: gate order, biases, masked steps.

A step that a padding mask leaves out changes nothing: the state passes it by, and the result at it
is that of the step before, zeros where there is none (or always, with zero_output_for_mask).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...ir.dtype import DType
from ...ir.type import TensorType
from ..checking.site import Site
from .initializers import GLOROT_UNIFORM, ORTHOGONAL, UNIT_FORGET, ZEROS
from .spec import LayerSpec, Mask, Parameter, Wants, define
from .weight import Weight

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ...ir.value import Value
    from ..building.construction import Construction

WITHIN_STEPS = (
    "tanh",
    "sigmoid",
    "relu",
    "linear",
    "hard_sigmoid",
    "elu",
    "leaky_relu",
    "softsign",
)
"""Activations that the runtime's recurrent kernels have."""

GATES = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}
ONNX_ORDER = {"LSTM": (0, 3, 1, 2), "GRU": (0, 1, 2), "SimpleRNN": (0,)}
"""Keras has an LSTM's gates as input, forget, cell, output; ONNX as input, output, forget, cell."""
OPS = {"LSTM": "lstm", "GRU": "gru", "SimpleRNN": "simple_rnn"}


# ---- checking -----------------------------------------------------------------------------


def _check(site: Site) -> None:
    """Activations are among those that a step can have; nothing is kept between runs."""
    for name in ("activation", "recurrent_activation"):
        value = site.arguments.values.get(name)
        if value is not None and site.arguments.usable(name) and value not in WITHIN_STEPS:
            site.arguments.failed.add(name)
            site.error(
                "E0240",
                f"`{name}` of `{site.name}` cannot be `{value}`: it acts within each step, and "
                "the runtime's kernel has no such function",
                name,
                help="it is one of " + ", ".join(WITHIN_STEPS),
            )
    for name, help in (
        ("stateful", "each run of a model starts from a state of zeros"),
        ("return_state", "only the result is given; return_sequences=true gives that of each step"),
    ):
        if site.arguments[name]:
            site.error("E0212", f"`{name}=true` cannot be compiled", name, help=help)


def _shape(site: Site) -> TensorType | None:
    """[batch, S, width] -> [batch, units], or [batch, S, units]."""
    if not site.require_float() or not site.require_known_width():
        return None
    a = site.arguments
    steps = (site.arriving.shape[1],) if a["return_sequences"] else ()
    return site.floats((*steps, a["units"]))


def _weights(site: Site) -> tuple[Weight, ...]:
    a = site.arguments
    kind, units = site.spec.name, a["units"]
    columns = GATES[kind] * units
    weights = [
        Weight("kernel", (site.width, columns), "kernel", GLOROT_UNIFORM),
        Weight("recurrent_kernel", (units, columns), "recurrent", ORTHOGONAL),
    ]
    if a["use_bias"]:
        two = kind == "GRU" and a["reset_after"]
        start = UNIT_FORGET if a.values.get("unit_forget_bias") else ZEROS
        weights.append(Weight("bias", (2, columns) if two else (columns,), "bias", start))
    return tuple(weights)


# ---- building -----------------------------------------------------------------------------


def _in_onnx_order(make: Construction, weight: Value, axis: int) -> Value:
    """A weight's gates along an axis in ONNX's order."""
    order = ONNX_ORDER[make.call.spec.name]
    if order == tuple(range(len(order))):
        return weight
    units = make["units"]
    parts = [
        make("slice", weight, axis=axis, start=gate * units, stop=(gate + 1) * units)
        for gate in order
    ]
    return make("concat", *parts, axis=axis)


def _rows(make: Construction, path: str) -> Value:
    """A kernel [in, gates · units] as ONNX has it: [1, gates · units, in]."""
    kernel = _in_onnx_order(make, make.weight(path), 1)
    turned = make("transpose", kernel, permutation=(1, 0))
    return make("reshape", turned, shape=(1, *turned.type.shape))


def _bias(make: Construction) -> Value | None:
    """[1, 2 · gates · units]: what is added to the inputs' products, then to the state's."""
    if not make["use_bias"]:
        return None
    bias = make.weight("bias")
    if bias.type.rank == 1:
        own = _in_onnx_order(make, bias, 0)
        none = make("mul", own, make.number(0.0))
        both = make("concat", own, none, axis=0)
    else:
        both = _in_onnx_order(make, bias, 1)
    return make("reshape", both, shape=(1, 2 * bias.type.static_shape[-1]))


def _run(make: Construction, x: Value) -> tuple[Value, Value]:
    """[batch, S, width] -> the state behind each step [batch, S, units], behind the last
    [batch, units]."""
    attributes: dict[str, Any] = {"activation": make["activation"]}
    if make.call.spec.name != "SimpleRNN":
        attributes["recurrent_activation"] = make["recurrent_activation"]
    if make.call.spec.name == "GRU":
        attributes["reset_after"] = make["reset_after"]
    node = make.node(
        OPS[make.call.spec.name],
        make("transpose", x, permutation=(1, 0, 2)),
        _rows(make, "kernel"),
        _rows(make, "recurrent_kernel"),
        _bias(make),
        **attributes,
    )
    sequence, last = node.results
    return make("transpose", sequence, permutation=(1, 0, 2)), last


def _build(make: Construction, x: Value) -> Value:
    mask = make.state.key_mask
    if make["go_backwards"]:
        x = make("reverse", x, axis=1)
        mask = None if mask is None else make("reverse", mask, axis=1)
    if mask is None:
        sequence, last = _run(make, x)
        return sequence if make["return_sequences"] else last
    return _build_masked(make, x, mask)


def _build_masked(make: Construction, x: Value, mask: Value) -> Value:
    """The steps that count are moved to the front, in their order; what is computed behind them is
    never read. `counted` [batch, S] says how many have come so far."""
    counted = make("cumsum", make("cast", mask, to=DType.I64), axis=1)
    zero, one = (make.emit.constant(n, DType.I64, "count") for n in (0, 1))
    batch, steps = mask.type.shape
    place = make("reshape", make("positions", mask, axis=1), shape=(1, steps, 1))
    reached = make("less", place, make("reshape", counted, shape=(batch, 1, steps)))
    order = make("argmax", reached, axis=2)
    sequence, _ = _run(make, make("take_rows", x, order))
    if not make["return_sequences"]:
        counted = make("slice", counted, axis=1, start=steps - 1, stop=steps)
    index = make("maximum", make("sub", counted, one), zero)
    found = make("take_rows", sequence, index)
    shown = make("greater", counted, zero)
    if make["return_sequences"] and make["zero_output_for_mask"]:
        shown = mask
    column = make("reshape", shown, shape=(*counted.type.shape, 1))
    result = make("where", column, found, make.number(0.0))
    return (
        result if make["return_sequences"] else make("reshape", result, shape=make.call.gives.shape)
    )


def _mask(arguments: Mapping[str, Any]) -> Mask:
    return Mask.READS if arguments["return_sequences"] else Mask.CONSUMES


def _gate(name: str, default: str, doc: str) -> Parameter:
    return Parameter(name, Wants.ACTIVATION, default, doc)


def _flag(name: str, default: bool, doc: str) -> Parameter:
    return Parameter(name, Wants.BOOLEAN, default, doc, named_only=True)


def _rate(name: str) -> Parameter:
    return Parameter(
        name, Wants.NUMBER, 0.0, "kept for training; no effect here", minimum=0, below=1
    )


def _define(name: str, doc: str, own: tuple[Parameter, ...] = ()) -> None:
    gated = name != "SimpleRNN"
    define(
        LayerSpec(
            name,
            doc,
            OPS[name],
            (
                Parameter("units", Wants.INTEGER, doc="the width of the state", minimum=1),
                _gate("activation", "tanh", "bends what enters the state"),
                *((_gate("recurrent_activation", "sigmoid", "bends the gates"),) if gated else ()),
                Parameter("return_sequences", Wants.BOOLEAN, False, "give every step's result"),
                Parameter("go_backwards", Wants.BOOLEAN, False, "from the last step to the first"),
                _rate("dropout"),
                _rate("recurrent_dropout"),
                _flag("use_bias", True, "add biases"),
                *own,
                _flag("zero_output_for_mask", False, "zeros at steps that a mask leaves out"),
                _flag("stateful", False, "keep the state between runs: cannot be compiled"),
                _flag("return_state", False, "give the state too: cannot be compiled"),
                _flag("unroll", False, "accepted from Keras programs; no effect"),
                Parameter(
                    "implementation",
                    Wants.INTEGER,
                    2,
                    "accepted from Keras programs; no effect",
                    named_only=True,
                ),
            ),
            _shape,
            _build,
            check=_check,
            mask=_mask,
            weights=_weights,
            weight_kinds=("kernel", "recurrent", "bias"),
            shape_by=("units", "return_sequences"),
            rank=2,
            nodes={"LSTM": 43, "GRU": 28}.get(name, 28),
        )
    )


_define(
    "LSTM",
    "Long short-term memory; the kernel is [in, 4 · units], gates input, forget, cell, output.",
    (_flag("unit_forget_bias", True, "the forget gate's bias starts from one"),),
)
_define(
    "GRU",
    "Gated recurrent units; the kernel is [in, 3 · units], gates update, reset, hidden.",
    (_flag("reset_after", True, "reset the state behind its product, with a bias of its own"),),
)
_define("SimpleRNN", "The state is bent from its products with the input and with itself.")
