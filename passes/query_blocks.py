"""Attention in blocks of queries, each over the keys that it may see.

In: a fused attention without a bias and the number of blocks. Out: the same in as many attentions
over parts of it, in the form of one kernel each. See `QueryBlocks`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

from ..ir.dim import Dim
from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.value import Value

KERNEL = "attention23"
"""The form of each block: the only kernel whose masks are exact."""


class QueryBlocks:
    """Cuts attentions of one graph into blocks. Masks that several layers share are made once.

    Before, with 2 blocks of causal attention:

        %a = attention(%q, %k, %v, _, _, _) {heads = 8, causal = true}

    After:

        %q0 = slice(%q) {axis = 1, start = 0, stop = 512}      and %k0, %v0 alike
        %q1 = slice(%q) {axis = 1, start = 512, stop = 1024}
        %m0 = less_equal(0 … 511 as a row, 0 … 511 as a column)
        %m1 = less_equal(0 … 1023 as a row, 512 … 1023 as a column)
        %a0 = attention(%q0, %k0, %v0, _, %m0, _) {heads = 8, form = "attention23"}
        %a1 = attention(%q1, %k, %v, _, %m1, _) {heads = 8, form = "attention23"}
        %a = concat(%a0, %a1) {axis = 1}

    The runtime computes what `concat` reads operand by operand (memory_order.py), so that only one
    block's scores are there at a time. Without causality every block sees all keys.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._masks: dict[tuple[Value | None, Value | None, bool, Dim, Dim, int], list[Value]] = {}

    def write(self, node: Node, count: int) -> Value:
        """The value of the attention, computed in `count` blocks."""
        query, key, value, *_ = node.operands
        assert query is not None
        assert key is not None
        assert value is not None
        emit = Emitter.like(self._graph, node)
        length, keys = query.type.shape[1], key.type.shape[1]
        masks = self._masks_of(emit, node, count)
        attributes = {**node.attributes, "causal": False, "form": KERNEL}
        parts = []
        for index, (start, stop, behind) in enumerate(blocks_of(length, count)):
            seen = stop if node.attributes["causal"] else keys
            operands = (
                _part(emit, query, 1, start, stop),
                _part(emit, key, 1, 0, seen),
                _part(emit, value, 1, 0, seen),
                None,
                masks[index] if masks else None,
            )
            block = self._graph.add(
                "attention", operands, attributes, spans=emit.spans, scope=emit.scope
            )
            parts.append(_part(emit, block.result, 1, 0, behind - start))
        return emit("concat", *parts, axis=1)

    def _masks_of(self, emit: Emitter, node: Node, count: int) -> list[Value]:
        """For each block its mask, with a row for every query: what the kernel takes."""
        query, key, _, key_mask, mask, _ = node.operands
        assert query is not None
        assert key is not None
        causal = cast("bool", node.attributes["causal"])
        if not causal and key_mask is None and mask is None:
            return []
        length, keys = query.type.shape[1], key.type.shape[1]
        found = (key_mask, mask, causal, length, keys, count)
        if found not in self._masks:
            made = []
            places = emit("positions", key, axis=1) if causal else None
            for start, stop, _ in blocks_of(length, count):
                seen = stop if causal else keys
                parts = []
                if places is not None:
                    row = _part(emit, places, 0, 0, seen)
                    column = _part(emit, places, 0, start, stop)
                    row = emit("reshape", row, shape=(1, seen))
                    column = emit("reshape", column, shape=(stop - start, 1))
                    parts.append(emit("less_equal", row, column))
                if key_mask is not None:
                    kept = _part(emit, key_mask, 1, 0, seen)
                    parts.append(emit("reshape", kept, shape=(key_mask.type.shape[0], 1, 1, seen)))
                if mask is not None:
                    rows = _broadcast_part(emit, mask, -2, start, stop)
                    parts.append(_broadcast_part(emit, rows, -1, 0, seen))
                combined = parts[0]
                for other in parts[1:]:
                    combined = emit("logical_and", combined, other)
                wanted = (stop - start, seen)
                if combined.type.shape[-2:] != wanted:
                    shape = (*combined.type.shape[:-2], *wanted)
                    combined = emit("expand", combined, shape=shape)
                made.append(combined)
            self._masks[found] = made
        return self._masks[found]


def blocks_of(length: Dim, count: int) -> list[tuple[Dim, Dim, Dim]]:
    """For each block where its queries start and stop, and where those of the next start.

    Blocks of a known length lie side by side and differ by one query at most. Blocks of an open
    length are all as long as the longest, so that none is empty however short the sequence turns
    out (the kernel refuses empty operands); what two of them have in common is computed in both
    and taken from the second. There are no more blocks than queries.
    """
    if isinstance(length, int):
        count = min(length, count)
        ends = [length * index // count for index in range(count + 1)]
        return [(start, stop, stop) for start, stop in pairwise(ends)]
    width = (length + (count - 1)) // count
    starts = [(length - width) * index // (count - 1) for index in range(count)]
    return [
        (start, start + width, behind)
        for start, behind in zip(starts, [*starts[1:], length], strict=True)
    ]


def _part(emit: Emitter, x: Value, axis: int, start: Dim, stop: Dim) -> Value:
    """A stretch of an axis; the value itself where that is all of it."""
    if start == 0 and stop == x.type.shape[axis]:
        return x
    return emit("slice", x, axis=axis % x.type.rank, start=start, stop=stop)


def _broadcast_part(emit: Emitter, x: Value, axis: int, start: Dim, stop: Dim) -> Value:
    """The same of a mask, whose axis may be absent or 1 and stand for one of any length."""
    if -axis > x.type.rank or x.type.shape[axis] == 1:
        return x
    return _part(emit, x, axis, start, stop)
