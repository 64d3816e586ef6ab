"""Recurrent networks in ONNX.

In: IR nodes of `ir/ops/recurrent.py`. Out: ONNX nodes.
"""

from __future__ import annotations

from typing import Any, cast

from ..ir.node import Node
from .onnx_writer import OnnxWriter
from .table import lowers

FUNCTIONS: dict[str, tuple[str, tuple[float, ...], tuple[float, ...]]] = {
    "tanh": ("Tanh", (), ()),
    "sigmoid": ("Sigmoid", (), ()),
    "relu": ("Relu", (), ()),
    "linear": ("Affine", (1.0,), (0.0,)),
    "hard_sigmoid": ("HardSigmoid", (1 / 6,), (0.5,)),
    "elu": ("Elu", (1.0,), ()),
    "leaky_relu": ("LeakyRelu", (0.2,), ()),
    "softsign": ("Softsign", (), ()),
}
"""ONNX's names for the functions within a step, with their alpha and beta."""


def _functions(*names: object) -> dict[str, Any]:
    chosen = [FUNCTIONS[cast("str", name)] for name in names]
    attributes: dict[str, Any] = {"activations": [name for name, _, _ in chosen]}
    alphas = [alpha for _, values, _ in chosen for alpha in values]
    betas = [beta for _, _, values in chosen for beta in values]
    if alphas:
        attributes["activation_alpha"] = alphas
    if betas:
        attributes["activation_beta"] = betas
    return attributes


def _write(w: OnnxWriter, node: Node, operator: str, **attributes: Any) -> None:
    """One node; its results have an axis of directions, here one, that is taken away."""
    units = node.operands[2]
    assert units is not None
    sequence, last = node.results
    inputs = [each for each in w.operands if each]
    made, final = w.steps(
        operator, *inputs, count=2, hidden_size=units.type.static_shape[2], **attributes
    )
    w.result_of(sequence, "Squeeze", made, w.ints([1]))
    w.result_of(last, "Squeeze", final, w.ints([0]))


@lowers("lstm")
def lstm(w: OnnxWriter, node: Node) -> None:
    bend, gate = node.attributes["activation"], node.attributes["recurrent_activation"]
    _write(w, node, "LSTM", **_functions(gate, bend, bend))


@lowers("gru")
def gru(w: OnnxWriter, node: Node) -> None:
    bend, gate = node.attributes["activation"], node.attributes["recurrent_activation"]
    after = int(bool(node.attributes["reset_after"]))
    _write(w, node, "GRU", linear_before_reset=after, **_functions(gate, bend))


@lowers("simple_rnn")
def simple_rnn(w: OnnxWriter, node: Node) -> None:
    _write(w, node, "RNN", **_functions(node.attributes["activation"]))
