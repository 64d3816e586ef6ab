"""Matrix products in ONNX.

In: IR nodes of `ir/ops/linear.py`. Out: ONNX nodes.
"""

from __future__ import annotations

from ..ir.node import Node
from .onnx_writer import OnnxWriter
from .table import lowers


@lowers("matmul")
def matmul(w: OnnxWriter, node: Node) -> None:
    w.result("MatMul", *w.operands)


@lowers("linear", "gemm")
def gemm(w: OnnxWriter, node: Node) -> None:
    """Rows [M, k] times [k, n], the bias added by the same kernel."""
    w.result("Gemm", *w.operands)
