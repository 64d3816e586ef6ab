"""Resizing in ONNX.

In: IR nodes of `ir/ops/resizing.py`. Out: ONNX nodes.
"""

from __future__ import annotations

from typing import Any, cast

from ..ir.node import Node
from .onnx_writer import OnnxWriter
from .table import lowers


@lowers("resize", opset=13)
def resize(w: OnnxWriter, node: Node) -> None:
    """Resize; the kernel for lines wants the axes that grow behind the others."""
    scales = cast("tuple[int, ...]", node.attributes["scales"])
    x = w.operands[0]
    if node.attributes["mode"] == "nearest":
        w.result(
            "Resize",
            x,
            "",
            w.floats(scales),
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )
        return
    lines: dict[str, Any] = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    order = sorted(range(len(scales)), key=lambda axis: scales[axis] > 1)
    if order == sorted(order):
        w.result("Resize", x, "", w.floats(scales), **lines)
        return
    x = w.step("Transpose", x, perm=order)
    grown = w.step("Resize", x, "", w.floats([scales[axis] for axis in order]), **lines)
    w.result("Transpose", grown, perm=[order.index(axis) for axis in range(len(order))])
