"""Reshapes and transposes by what they do to the elements.

In: an emitter and a value. Out: a value in another layout, with as few new nodes as it takes: two
transposes become one or none, a transpose that only moves axes of length 1 is a reshape.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.dim import Dim
from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.value import Value


def transposed(emit: Emitter, value: Value, permutation: Sequence[int]) -> Value:
    """The value with axis i taken from its axis permutation[i]."""
    producer = emit.graph.producer(value)
    if producer is not None and producer.op == "transpose":
        before = permutation_of(producer)
        return transposed(emit, operand_of(producer), [before[axis] for axis in permutation])
    if list(permutation) == sorted(permutation):
        return value
    shape = [value.type.shape[axis] for axis in permutation]
    if moves_only_ones(value.type.shape, permutation):
        return reshaped(emit, value, shape)
    return emit("transpose", value, permutation=tuple(permutation))


def reshaped(emit: Emitter, value: Value, shape: Sequence[Dim]) -> Value:
    """The value's elements, in the same order, in another shape."""
    while (producer := emit.graph.producer(value)) is not None and producer.op == "reshape":
        if value.type.shape == tuple(shape):
            return value
        value = operand_of(producer)
    if value.type.shape == tuple(shape):
        return value
    return emit("reshape", value, shape=tuple(shape))


def moves_only_ones(shape: Sequence[Dim], permutation: Sequence[int]) -> bool:
    """Whether a transpose keeps the order of every axis that is longer than 1."""
    long = [axis for axis in permutation if shape[axis] != 1]
    return long == sorted(long)


def permutation_of(node: Node) -> tuple[int, ...]:
    """The permutation of a transpose node."""
    permutation = node.attributes["permutation"]
    assert isinstance(permutation, tuple)
    return tuple(axis for axis in permutation if isinstance(axis, int))


def operand_of(node: Node) -> Value:
    """The one operand of a node that has one."""
    (operand,) = node.operands
    assert operand is not None
    return operand


def through_layout(graph: Graph, value: Value) -> Value:
    """The value above any reshapes and transposes: the same elements in some other order."""
    while (node := graph.producer(value)) is not None and node.op in ("reshape", "transpose"):
        value = operand_of(node)
    return value
