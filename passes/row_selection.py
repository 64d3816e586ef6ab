"""Some of the positions of a sequence, and the part of a value that belongs to them.

In: a node that takes positions out of a value [B, S, …]. Out: `RowSelection`, which takes the same
positions out of other values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from ..ir.dim import Dim, largest
from ..ir.dtype import DType
from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.type import TensorType
from ..ir.value import Value
from .layout import reshaped, through_layout
from .masks import conjuncts, starts_at
from .matching import scalar

SAVED = 8
"""One position in so many must be left out: with 1 in 8 left out one encoder layer is 1.1 times as
fast, with 1 in 128 as fast as with all (benchmarks/rows.py)."""
POSITIONS = 1
"""The axis of values [B, S, width] that counts positions."""


@dataclass(frozen=True)
class RowSelection:
    """`count` of `length` positions: start, start + step … below stop, the same for all members of
    the batch, or those that `index` [B, count] names for each member."""

    length: Dim
    count: Dim
    start: Dim = 0
    stop: Dim = 0
    step: int = 1
    index: Value | None = None

    @classmethod
    def of(cls, node: Node) -> RowSelection | None:
        """What a slice or a take_rows takes along axis 1 of [B, S, width]; None for others."""
        x = node.operands[0]
        if node.op not in ("slice", "take_rows") or x is None or x.type.rank != 3:
            return None
        length, count = x.type.shape[POSITIONS], node.result.type.shape[POSITIONS]
        if node.op == "take_rows":
            return cls(length, count, index=node.operands[1])
        if node.attributes["axis"] not in (POSITIONS, POSITIONS - 3):
            return None
        start, stop = (cast("Dim", node.attributes[each]) for each in ("start", "stop"))
        return cls(length, count, start, stop, cast("int", node.attributes["step"]))

    @property
    def is_last(self) -> bool:
        """Whether it is the last position alone, for every member."""
        return self.index is None and self.count == 1 and self.start == self.length - 1

    @property
    def saves_enough(self) -> bool:
        """Whether enough positions are left out, at the largest sizes, to pay for taking the
        others out in more than one place."""
        count, length = largest(self.count), largest(self.length)
        if count is None:
            return False
        return length is None or SAVED * (length - count) >= length

    def lies_in(self, type: TensorType, axis: int) -> bool:
        """Whether a value has the positions on an axis, and not one entry for all of them."""
        return 0 <= axis < type.rank and type.shape[axis] == self.length

    def can_take(self, type: TensorType, axis: int) -> bool:
        """Whether the rows can be taken out of such a value by one op.

        Where each member has rows of its own, what stands before the positions is the batch or
        nothing.
        """
        if self.index is None:
            return True
        own = axis == POSITIONS and type.shape[0] == self.index.type.shape[0]
        return own or all(dim == 1 for dim in type.shape[:axis])

    def take(self, emit: Emitter, value: Value, axis: int) -> Value:
        """The rows of a value; where members differ they come as [B, count, …]."""
        index = self.index
        if index is None:
            return emit("slice", value, axis=axis, start=self.start, stop=self.stop, step=self.step)
        if axis == POSITIONS and value.type.shape[0] == index.type.shape[0]:
            return emit("take_rows", value, index)
        return emit("gather", reshaped(emit, value, value.type.shape[axis:]), index, axis=0)

    def is_last_of(self, graph: Graph, key_mask: Value | None) -> bool:
        """Whether no position that the mask [B, S] allows comes behind the rows: they are the
        largest positions of a mask that says no more than this one."""
        mask = last_of(graph, self.index)
        if key_mask is None or mask is None:
            return False
        allowed = {through_layout(graph, each) for each in conjuncts(graph, key_mask)}
        return {through_layout(graph, each) for each in conjuncts(graph, mask)} <= allowed


def last_of(graph: Graph, index: Value | None) -> Value | None:
    """The mask [B, S] of which an index [B, 1] is the last position that counts, or 0."""
    node = graph.producer(index)
    if node is None or node.op != "reduce_max" or node.attributes["axes"] != (1,):
        return None
    chosen = graph.producer(node.operands[0])
    if chosen is None or chosen.op != "where" or scalar(graph, chosen.operands[2]) != 0:
        return None
    mask, positions = chosen.operands[:2]
    return mask if mask is not None and _counts_up(graph, positions) else None


def counted_ends(graph: Graph, index: Value | None) -> Value | None:
    """The mask [B, S] of which an index [B, 1] is the first or the last position that counts, or 0
    where none does; None for other indices."""
    node = graph.producer(index)
    if node is not None and node.op == "argmax" and node.attributes["axis"] == 1:
        mask = node.operands[0]
        return mask if mask is not None and mask.type.dtype is DType.BOOL else None
    return last_of(graph, index)


def _counts_up(graph: Graph, value: Value | None) -> bool:
    """Whether a value is 0, 1, 2 …"""
    return value is not None and value.type.rank == 1 and starts_at(graph, value) == 0
