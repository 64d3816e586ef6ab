"""Dropout and noise in ONNX: present in the file, without effect at inference.

In: IR nodes of `ir/ops/regularization.py`. Out: ONNX nodes.
"""

from __future__ import annotations

from typing import cast

from ..ir.dtype import DType
from ..ir.node import Node
from .onnx_writer import OnnxWriter
from .table import lowers


@lowers("dropout")
def dropout(w: OnnxWriter, node: Node) -> None:
    """Without its operand `training_mode`, Dropout is the identity."""
    rate = cast("float", node.attributes["rate"])
    # A rate of 1 is outside of what ONNX allows, and at inference the rate changes nothing.
    w.result("Dropout", w.operands[0], w.scalar(min(rate, 0.999), DType.F32))


@lowers("gaussian_noise")
def gaussian_noise(w: OnnxWriter, node: Node) -> None:
    w.result("Identity", w.operands[0])
