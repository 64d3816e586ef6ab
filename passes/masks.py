"""Attention masks by what they are.

In: a boolean mask that broadcasts to scores [B, N, Sq, Sk] or [B, Sq, Sk]. Out: `Masks`: which part
of it hides keys (padding), whether it is causal, and what is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ir.dim import Dim, Shape
from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.parameter import Computed, Literal
from ..ir.value import Value
from .layout import operand_of, reshaped

_LARGEST_LITERAL = 1 << 22
"""Elements of a literal mask that are worth comparing with a triangle."""


@dataclass(frozen=True)
class Masks:
    """A mask as a conjunction: keys allowed ∧ (key ≤ query, if causal) ∧ every one of `rest`."""

    keys: tuple[Value, ...]
    """Masks that differ by batch and key only; reshaped to [B, Sk] they say which keys count."""
    causal: bool
    rest: tuple[Value, ...]

    def key_mask(self, emit: Emitter, batch: Dim, length: Dim) -> Value | None:
        """The keys that count, bool [B, Sk]; None where all do."""
        return conjunction(emit, [reshaped(emit, mask, (batch, length)) for mask in self.keys])

    def other(self, emit: Emitter) -> Value | None:
        """What is neither padding nor causality, as one mask."""
        return conjunction(emit, self.rest)


def conjunction(emit: Emitter, masks: list[Value] | tuple[Value, ...]) -> Value | None:
    """The masks joined by `logical_and`; None for no mask."""
    joined: Value | None = None
    for mask in masks:
        joined = mask if joined is None else emit("logical_and", joined, mask)
    return joined


def find_masks(graph: Graph, mask: Value | None, scores: Shape) -> Masks:
    """Takes a mask of scores [B, N, Sq, Sk] or [B, Sq, Sk] apart."""
    keys: list[Value] = []
    rest: list[Value] = []
    causal = False
    queries, length = scores[-2:]
    alike = (1,) * (len(scores) - 2)
    for part in conjuncts(graph, mask):
        shape = (1,) * (len(scores) - part.type.rank) + part.type.shape
        if shape == (scores[0], *alike, length):
            keys.append(part)
        elif shape[-2:] == (queries, length) and is_causal(graph, part):
            causal = True
        else:
            rest.append(part)
    return Masks(tuple(keys), causal, tuple(rest))


def conjuncts(graph: Graph, mask: Value | None) -> list[Value]:
    """The masks that are joined by `logical_and`, in the order of reading, each once."""
    found: dict[Value, None] = {}
    pending = [mask] if mask is not None else []
    seen: set[Value] = set()
    while pending:
        value = pending.pop()
        if value in seen:
            continue
        seen.add(value)
        node = graph.producer(value)
        if node is not None and node.op == "logical_and":
            pending.extend(operand for operand in reversed(node.operands) if operand is not None)
        elif node is not None and node.op == "expand":
            # Masks broadcast anyway.
            pending.append(operand_of(node))
        else:
            found[value] = None
    return list(found)


def is_causal(graph: Graph, mask: Value) -> bool:
    """Whether a mask [n, n], perhaps with axes of length 1 before, allows (i, j) where j ≤ i.

    It is one where positions are compared, or a literal lower triangle.
    """
    source = graph.source(mask)
    if isinstance(source, Literal):
        return _is_triangle(source.array)
    node = graph.producer(mask)
    if node is None:
        return False
    if node.op == "reshape":
        return is_causal(graph, operand_of(node))
    keys, queries = _compared(node)
    if keys is None or queries is None:
        return False
    length = mask.type.shape[-1]
    if not _lies_along(keys, -1, length) or not _lies_along(queries, -2, length):
        return False
    ahead = _difference(graph, keys, queries)
    # key ≤ query allows the diagonal; key < query does where queries count from one more.
    return ahead == (0 if node.op in ("less_equal", "greater_equal") else 1)


def _compared(node: Node) -> tuple[Value | None, Value | None]:
    """(smaller, greater) of a comparison."""
    if node.op in ("less_equal", "less"):
        return node.operands[0], node.operands[1]
    if node.op in ("greater_equal", "greater"):
        return node.operands[1], node.operands[0]
    return None, None


def _lies_along(value: Value, axis: int, length: Dim) -> bool:
    """Whether a value has this length on one axis, counted from the end, and 1 on all others."""
    shape = value.type.shape
    if len(shape) < -axis or shape[axis] != length:
        return False
    return all(dim == 1 for index, dim in enumerate(shape) if index != len(shape) + axis)


def _difference(graph: Graph, keys: Value, queries: Value) -> int | None:
    """How much more query i counts than key i, where both count up by one; else None."""
    first, second = starts_at(graph, keys), starts_at(graph, queries)
    return None if first is None or second is None else second - first


def starts_at(graph: Graph, value: Value) -> int | None:
    """The first number of a vector that counts start, start + 1, …"""
    node = graph.producer(value)
    while node is not None and node.op == "reshape":
        value = operand_of(node)
        node = graph.producer(value)
    if node is not None:
        offset = node.attributes["offset"] if node.op == "positions" else None
        return offset if isinstance(offset, int) else None
    source = graph.source(value)
    while isinstance(source, Computed) and source.op == "reshape":
        source = source.operands[0]
    if not isinstance(source, Literal) or source.array.dtype.kind not in "iu":
        return None
    numbers = source.array.reshape(-1)
    counts_up = bool(np.array_equal(numbers, np.arange(numbers.size) + numbers[:1]))
    return int(numbers[0]) if numbers.size and counts_up else None


def _is_triangle(array: np.ndarray[Any, Any]) -> bool:
    if array.dtype != np.bool_ or array.ndim < 2 or array.size > _LARGEST_LITERAL:
        return False
    rows, columns = array.shape[-2:]
    if array.size != rows * columns:
        return False
    return bool(np.array_equal(array.reshape(rows, columns), np.tri(rows, dtype=np.bool_)))
