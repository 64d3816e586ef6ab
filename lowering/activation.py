"""Activations that have a kernel of their own.

In: fused nodes of `ir/ops/activation.py` in a form that is one kernel. Out: ONNX nodes.
"""

from __future__ import annotations

from ..ir.node import Node
from .onnx_writer import CONTRIB, OnnxWriter
from .table import lowers


@lowers("gelu", "gelu20", opset=20)
def gelu(w: OnnxWriter, node: Node) -> None:
    w.result("Gelu", *w.operands, approximate=node.attributes["approximate"])


@lowers("bias_gelu", "bias_gelu", contrib=True)
def bias_gelu(w: OnnxWriter, node: Node) -> None:
    """BiasGelu is the exact one; FastGelu is the tanh form, and takes a bias too."""
    op = "BiasGelu" if node.attributes["approximate"] == "none" else "FastGelu"
    w.result(op, *w.operands, domain=CONTRIB)
