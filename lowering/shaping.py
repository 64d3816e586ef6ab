"""Ops that move elements, in ONNX.

In: IR nodes of `ir/ops/shaping.py`. Out: ONNX nodes; sizes known only at run time come from
`runtime_shapes.py`.
"""

from __future__ import annotations

from typing import cast

from ..ir.dim import Dim, Shape
from ..ir.node import Node
from .onnx_writer import LAST_INDEX, OnnxWriter
from .runtime_shapes import reshape_target, shape, size
from .table import lowers


def _operand_shape(node: Node, index: int = 0) -> Shape:
    operand = node.operands[index]
    assert operand is not None
    return operand.type.shape


@lowers("reshape")
def reshape(w: OnnxWriter, node: Node) -> None:
    target = reshape_target(w, _operand_shape(node), node.result.type.shape)
    w.result("Reshape", w.operands[0], target)


@lowers("transpose")
def transpose(w: OnnxWriter, node: Node) -> None:
    w.result("Transpose", w.operands[0], perm=node.attributes["permutation"])


@lowers("expand")
def expand(w: OnnxWriter, node: Node) -> None:
    """Expand broadcasts, so that a 1 keeps a dimension whose size need not be computed."""
    before, after = _operand_shape(node), node.result.type.shape
    added = len(after) - len(before)
    asked: list[Dim] = [
        1 if place >= added and before[place - added] == dim else dim
        for place, dim in enumerate(after)
    ]
    w.result("Expand", w.operands[0], shape(w, tuple(asked)))


@lowers("concat")
def concat(w: OnnxWriter, node: Node) -> None:
    w.result("Concat", *w.operands, axis=node.attributes["axis"])


@lowers("split")
def split(w: OnnxWriter, node: Node) -> None:
    sizes = w.ints(cast("tuple[int, ...]", node.attributes["sizes"]))
    w.result("Split", w.operands[0], sizes, axis=node.attributes["axis"])


@lowers("slice")
def slice_(w: OnnxWriter, node: Node) -> None:
    attributes = node.attributes
    axis = cast("int", attributes["axis"]) % len(_operand_shape(node))
    start, stop = cast("Dim", attributes["start"]), cast("Dim", attributes["stop"])
    whole = stop == _operand_shape(node)[axis]
    ends = w.ints([LAST_INDEX]) if whole else size(w, stop)
    steps = cast("int", attributes["step"])
    inputs = [w.operands[0], size(w, start), ends, w.ints([axis])]
    w.result("Slice", *inputs, *([w.ints([steps])] if steps != 1 else []))


@lowers("reverse")
def reverse(w: OnnxWriter, node: Node) -> None:
    axis = cast("int", node.attributes["axis"]) % len(_operand_shape(node))
    w.result(
        "Slice", w.operands[0], w.ints([-1]), w.ints([-LAST_INDEX]), w.ints([axis]), w.ints([-1])
    )


@lowers("pad")
def pad(w: OnnxWriter, node: Node) -> None:
    pads = cast("tuple[tuple[int, int], ...]", node.attributes["pads"])
    counts = w.ints([before for before, _ in pads] + [after for _, after in pads])
    dtype = w.narrowed(node.result.type.dtype)
    value = w.scalar(cast("float", node.attributes["value"]), dtype)
    w.result("Pad", w.operands[0], counts, value)


@lowers("gather")
def gather(w: OnnxWriter, node: Node) -> None:
    w.result("Gather", *w.operands, axis=node.attributes["axis"])


@lowers("take_rows", opset=12)
def take_rows(w: OnnxWriter, node: Node) -> None:
    """GatherND takes an index of one entry for each of its results."""
    entries = w.step("Unsqueeze", w.operands[1], w.ints([-1]))
    w.result("GatherND", w.operands[0], entries, batch_dims=1)


@lowers("nonzero")
def nonzero(w: OnnxWriter, node: Node) -> None:
    """NonZero gives one row of indices for each axis of its operand."""
    w.result("Squeeze", w.step("NonZero", w.operands[0]), w.ints([0]))
