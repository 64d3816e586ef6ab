"""Canonical forms of ops that move elements.

In: a node. Out: a value that may take the place of its result, or None.
"""

from __future__ import annotations

from collections.abc import Callable

from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.value import Value
from .layout import moves_only_ones, operand_of, permutation_of, reshaped, transposed
from .matching import scalar

Rule = Callable[[Graph, Node], Value | None]


def _reshape(graph: Graph, node: Node) -> Value | None:
    """reshape(reshape(x)) → reshape(x); a reshape to the same shape → x."""
    x = operand_of(node)
    inner = graph.producer(x)
    nested = inner is not None and inner.op == "reshape"
    if not nested and x.type != node.result.type:
        return None
    return reshaped(_emitter(graph, node, inner if nested else None), x, node.result.type.shape)


def _transpose(graph: Graph, node: Node) -> Value | None:
    """transpose(transpose(x)) → transpose(x) or x; one that moves only ones → reshape(x)."""
    x, permutation = operand_of(node), permutation_of(node)
    inner = graph.producer(x)
    nested = inner is not None and inner.op == "transpose"
    if not nested and not moves_only_ones(x.type.shape, permutation):
        return None
    return transposed(_emitter(graph, node, inner if nested else None), x, permutation)


def _unchanged(graph: Graph, node: Node) -> Value | None:
    """An expand, cast, slice, pad, concat or split that gives all of its one operand → x.

    A slice of the full length starts at 0 and has step 1, a pad of no width adds nothing.
    """
    if len(node.operands) == 1 and len(node.results) == 1:
        x = operand_of(node)
        return x if x.type == node.result.type else None
    return None


def _gather(graph: Graph, node: Node) -> Value | None:
    """A gather of one place that is known → a slice, which other passes move."""
    x, index = node.operands
    assert x is not None
    number = scalar(graph, index)
    axis = node.attributes["axis"]
    assert isinstance(axis, int)
    length = x.type.shape[axis]
    if number is None or not isinstance(length, int) or not -length <= number < length:
        return None
    start = int(number) % length
    emit = _emitter(graph, node, None)
    place = emit("slice", x, axis=axis % x.type.rank, start=start, stop=start + 1)
    return reshaped(emit, place, node.result.type.shape)


def _take_rows(graph: Graph, node: Node) -> Value | None:
    """take_rows(gather(table, places)) → gather(table, take_rows(places))."""
    x, index = node.operands
    gather = graph.producer(x)
    if gather is None or gather.op != "gather" or gather.attributes["axis"] != 0:
        return None
    table, places = gather.operands
    assert places is not None
    if places.type.rank != 2:
        return None
    emit = _emitter(graph, node, gather)
    return emit("gather", table, emit("take_rows", places, index), axis=0)


def _emitter(graph: Graph, node: Node, inner: Node | None) -> Emitter:
    return Emitter.like(graph, node) if inner is None else Emitter.like(graph, inner, node)


LAYOUT: dict[str, tuple[Rule, ...]] = {
    "reshape": (_reshape,),
    "transpose": (_transpose,),
    "gather": (_gather,),
    "take_rows": (_take_rows,),
    **dict.fromkeys(("expand", "cast", "slice", "pad", "concat", "split"), (_unchanged,)),
}
