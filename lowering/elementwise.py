"""Elementwise ops in ONNX: mostly one node each.

In: IR nodes of `ir/ops/elementwise.py`. Out: ONNX nodes.
"""

from __future__ import annotations

from typing import cast

from ..ir.dtype import DType
from ..ir.node import Node
from .onnx_program import ONNX_TYPES
from .onnx_writer import OnnxWriter
from .table import lowers

ONE_TO_ONE = {
    "neg": "Neg",
    "abs": "Abs",
    "exp": "Exp",
    "log": "Log",
    "sqrt": "Sqrt",
    "reciprocal": "Reciprocal",
    "tanh": "Tanh",
    "erf": "Erf",
    "sigmoid": "Sigmoid",
    "relu": "Relu",
    "softplus": "Softplus",
    "softsign": "Softsign",
    "selu": "Selu",
    "mish": "Mish",
    "floor": "Floor",
    "logical_not": "Not",
    "add": "Add",
    "sub": "Sub",
    "mul": "Mul",
    "div": "Div",
    "pow": "Pow",
    "maximum": "Max",
    "minimum": "Min",
    "equal": "Equal",
    "less": "Less",
    "less_equal": "LessOrEqual",
    "greater": "Greater",
    "greater_equal": "GreaterOrEqual",
    "logical_and": "And",
    "logical_or": "Or",
    "where": "Where",
}
"""Ops that are an ONNX operator of the same operands and no attributes."""


def _one_to_one(op: str) -> None:
    @lowers(op)
    def write(w: OnnxWriter, node: Node) -> None:
        w.result(ONE_TO_ONE[node.op], *w.operands)


for _op in ONE_TO_ONE:
    _one_to_one(_op)


@lowers("not_equal")
def not_equal(w: OnnxWriter, node: Node) -> None:
    w.result("Not", w.step("Equal", *w.operands))


@lowers("elu")
def elu(w: OnnxWriter, node: Node) -> None:
    w.result("Elu", *w.operands, alpha=node.attributes["alpha"])


@lowers("leaky_relu")
def leaky_relu(w: OnnxWriter, node: Node) -> None:
    w.result("LeakyRelu", *w.operands, alpha=node.attributes["slope"])


@lowers("hard_sigmoid")
def hard_sigmoid(w: OnnxWriter, node: Node) -> None:
    w.result("HardSigmoid", *w.operands, alpha=1 / 6, beta=0.5)


@lowers("cast")
def cast_(w: OnnxWriter, node: Node) -> None:
    to = w.narrowed(cast("DType", node.attributes["to"]))
    w.result("Cast", *w.operands, to=ONNX_TYPES[to])
