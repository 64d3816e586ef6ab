"""Reductions in ONNX.

In: IR nodes of `ir/ops/reduction.py`. Out: ONNX nodes.
"""

from __future__ import annotations

from typing import cast

from onnx import TensorProto

from ..ir.dtype import DType
from ..ir.node import Node
from .onnx_writer import OnnxWriter
from .table import lowers

OPERATORS = {
    "reduce_sum": "ReduceSum",
    "reduce_mean": "ReduceMean",
    "reduce_max": "ReduceMax",
    "reduce_min": "ReduceMin",
}


def _reduce(op: str) -> None:
    @lowers(op)
    def write(w: OnnxWriter, node: Node) -> None:
        axes = w.ints(cast("tuple[int, ...]", node.attributes["axes"]))
        keepdims = int(bool(node.attributes["keepdims"]))
        operator, x = OPERATORS[node.op], w.operands[0]
        if node.result.type.dtype is not DType.BOOL:
            w.result(operator, x, axes, keepdims=keepdims)
            return
        # Few kernels reduce booleans; every one reduces int32.
        numbers = w.step("Cast", x, to=TensorProto.INT32)
        reduced = w.step(operator, numbers, axes, keepdims=keepdims)
        w.result("Cast", reduced, to=TensorProto.BOOL)


for _op in OPERATORS:
    _reduce(_op)


@lowers("cumsum")
def cumsum(w: OnnxWriter, node: Node) -> None:
    w.result("CumSum", w.operands[0], w.ints([cast("int", node.attributes["axis"])]))


@lowers("argmax")
def argmax(w: OnnxWriter, node: Node) -> None:
    (x,) = node.operands
    assert x is not None
    values = w.operands[0]
    if x.type.dtype is DType.BOOL:
        values = w.step("Cast", values, to=TensorProto.FLOAT)
    keepdims = int(bool(node.attributes["keepdims"]))
    w.result("ArgMax", values, axis=node.attributes["axis"], keepdims=keepdims)
