"""What single ops need of their operands for some rows of their results, and how they give them.

In: a node and a `RowSelection`. Out: the operands of which the same rows are enough; the node
computed on these rows. Queries of an attention are rows, its keys and values are not.
"""

from __future__ import annotations

from collections.abc import Callable

from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Attribute, Node
from ..ir.value import Value
from .common_subexpressions import RANDOM
from .flatten_rows import NORMS, POINTWISE
from .layout import reshaped
from .row_selection import POSITIONS, RowSelection

ALONE = (POINTWISE - RANDOM) | {
    *("where", "cast", "logical_not", "logical_and", "logical_or"),
    *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
}
"""Ops that act on each element alone, operands broadcast."""

ROW_WISE = (NORMS - {"skip_layer_norm"}) | {"linear", "batch_norm", "bias_gelu"}
"""Ops of which each row needs the same row of the first operand, and all of the others."""

PRODUCTS = frozenset({"linear", "attention", "qkv_projection"})
"""What is worth computing on few rows."""

RowsOf = Callable[[Value], Value]
"""The wanted rows of a value [B, S, width]."""


def row_operands(node: Node, selection: RowSelection) -> tuple[int, ...] | None:
    """The numbers of the operands of which the wanted rows are enough for those of the first
    result; None where the op needs more, or cannot be moved."""
    type = node.results[0].type
    if type.rank != 3 or not selection.lies_in(type, POSITIONS):
        return None
    if selection.index is not None and type.shape[0] != selection.index.type.shape[0]:
        return None
    if node.op == "attention":
        return (0,)
    if node.op == "qkv_projection":
        return ()  # keys and values need all rows of what the queries need some of
    if node.op in ROW_WISE:
        return (0,) if node.attributes.get("axis", -1) in (-1, 2) else None
    if node.op == "gather":
        indices = node.operands[1]
        assert indices is not None
        whole = node.attributes["axis"] != 0 or not selection.lies_in(indices.type, POSITIONS)
        return None if whole else (1,)
    if node.op not in ALONE:
        return None
    found = []
    for number, operand in enumerate(node.operands):
        if operand is None or not selection.lies_in(operand.type, operand.type.rank - 2):
            continue
        if not selection.can_take(operand.type, operand.type.rank - 2):
            return None
        found.append(number)
    return tuple(found)


def obstacle(node: Node, selection: RowSelection) -> str | None:
    """Why an op that works on rows cannot be computed for these; None where it can."""
    if node.op == "attention":
        for what, pairs in (("mask", node.operands[4]), ("bias", node.operands[5])):
            if pairs is not None and not _can_take_pairs(pairs, selection):
                return f"the {what} tells heads apart, and each member has rows of its own"
    return None


def on_rows(graph: Graph, node: Node, selection: RowSelection, rows_of: RowsOf) -> Value:
    """The wanted rows of the first result. The other results of the node get a producer of their
    own, so that nothing reads the node any more when the first is replaced."""
    emit = Emitter.like(graph, node)
    if node.op == "attention":
        return _attention(graph, node, selection, rows_of, emit)
    if node.op == "qkv_projection":
        x, query, query_bias, *others = node.operands
        assert x is not None
        for old, new in zip(node.results[1:], emit.all("kv_projection", x, *others), strict=True):
            graph.replace_uses(old, new)
        return emit("linear", rows_of(x), query, query_bias)
    numbers = row_operands(node, selection)
    assert numbers is not None
    operands = list(node.operands)
    for number in numbers:
        operand = operands[number]
        assert operand is not None
        axis = operand.type.rank - 2
        if node.op == "gather":
            operands[number] = selection.take(emit, operand, POSITIONS)
        else:
            operands[number] = (
                rows_of(operand) if axis == POSITIONS else selection.take(emit, operand, axis)
            )
    return _again(emit, node, *operands)


def _again(emit: Emitter, node: Node, *operands: Value | None, **attributes: Attribute) -> Value:
    """The node's op with its attributes, but for those given, on other operands."""
    made = emit.graph.add(
        node.op,
        operands,
        {**node.attributes, **attributes},
        spans=emit.spans,
        scope=emit.scope,
    )
    return made.result


def _attention(
    graph: Graph, node: Node, selection: RowSelection, rows_of: RowsOf, emit: Emitter
) -> Value:
    query, key, value, key_mask, mask, bias = node.operands
    assert query is not None
    assert key is not None
    mask = _pairs(emit, mask, selection)
    sees_all = selection.is_last or selection.is_last_of(graph, key_mask)
    if node.attributes["causal"] and not sees_all:
        seen = _seen(emit, key, selection)
        mask = seen if mask is None else emit("logical_and", mask, seen)
    operands = (rows_of(query), key, value, key_mask, mask, _pairs(emit, bias, selection))
    return _again(emit, node, *operands, causal=False)


def _seen(emit: Emitter, key: Value, selection: RowSelection) -> Value:
    """Which keys are not behind each row: bool [1 or B, 1, rows, keys]."""
    positions = emit("positions", key, axis=POSITIONS)
    (length,) = positions.type.shape
    batch = 1 if selection.index is None else selection.index.type.shape[0]
    rows = selection.index
    if rows is None:
        rows = selection.take(emit, positions, 0)
    column = reshaped(emit, positions, (1, 1, 1, length))
    return emit("less_equal", column, reshaped(emit, rows, (batch, 1, selection.count, 1)))


def _can_take_pairs(pairs: Value, selection: RowSelection) -> bool:
    """Whether the rows of a mask or a bias that broadcasts to [B, heads, Sq, Sk] can be taken."""
    type = pairs.type
    if selection.index is None or not selection.lies_in(type, type.rank - 2):
        return True
    if all(dim == 1 for dim in type.shape[:-2]):
        return True
    return type.rank == 4 and type.shape[:2] == (selection.index.type.shape[0], 1)


def _pairs(emit: Emitter, pairs: Value | None, selection: RowSelection) -> Value | None:
    """The rows of a mask or a bias that broadcasts to [B, heads, Sq, Sk]."""
    if pairs is None or not selection.lies_in(pairs.type, pairs.type.rank - 2):
        return pairs
    shape = pairs.type.shape
    if selection.index is None:
        return selection.take(emit, pairs, len(shape) - 2)
    if all(dim == 1 for dim in shape[:-2]):
        rows = selection.take(emit, pairs, len(shape) - 2)
    else:
        rows = selection.take(emit, reshaped(emit, pairs, (shape[0], *shape[2:])), POSITIONS)
    batch, count, length = rows.type.shape
    return reshaped(emit, rows, (batch, 1, count, length))
