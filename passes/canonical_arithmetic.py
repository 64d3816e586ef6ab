"""Canonical forms of arithmetic and logic.

In: a node. Out: a value that may take the place of its result, or None. The rules hold for every
input, infinities and NaN included: x·0 is not 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.parameter import Literal
from ..ir.value import Kind, Value
from .matching import scalar

Rule = Callable[[Graph, Node], Value | None]


def _neutral(number: float, sides: tuple[int, ...]) -> Rule:
    """x ∘ number → x, where the constant stands at one of `sides` and does not widen x."""

    def rule(graph: Graph, node: Node) -> Value | None:
        for side in sides:
            other = node.operands[1 - side]
            if (
                other is not None
                and other.type == node.result.type
                and scalar(graph, node.operands[side]) == number
            ):
                return other
        return None

    return rule


def _division_by_power_of_two(graph: Graph, node: Node) -> Value | None:
    """x / 2ⁿ → x · 2⁻ⁿ: no bit differs, and a product is cheaper."""
    x, divisor = node.operands
    number = scalar(graph, divisor)
    assert x is not None
    assert divisor is not None
    if not number or abs(math.frexp(number)[0]) != 0.5:
        return None
    # The reciprocal must be exact too: it is not where it is too small for a normal number.
    if not x.type.dtype.is_float or not 2.0**-14 <= abs(number) <= 2.0**14:
        return None
    inverse = graph.add_source("constant", _filled(divisor, 1.0 / number), Kind.CONSTANT)
    return Emitter.like(graph, node)("mul", x, inverse)


def _filled(like: Value, number: float) -> Literal:
    import numpy as np

    return Literal(like.type, np.full(like.type.static_shape, number, like.type.dtype.numpy))


def _undone(op: str) -> Rule:
    """f(f(x)) → x."""

    def rule(graph: Graph, node: Node) -> Value | None:
        inner = graph.producer(node.operands[0])
        return inner.operands[0] if inner is not None and inner.op == op else None

    return rule


def _same_operand(graph: Graph, node: Node) -> Value | None:
    """x ∧ x, x ∨ x, max(x, x), min(x, x) → x."""
    a, b = node.operands
    return a if a is b else None


def _neutral_truth(neutral: bool) -> Rule:
    """x ∧ true, x ∨ false → x."""

    def rule(graph: Graph, node: Node) -> Value | None:
        for side in (1, 0):
            source = graph.source(node.operands[side])
            other = node.operands[1 - side]
            if (
                isinstance(source, Literal)
                and source.type.numel == 1
                and other is not None
                and other.type == node.result.type
                and bool(source.array.reshape(())) is neutral
            ):
                return other
        return None

    return rule


def _equal_branches(graph: Graph, node: Node) -> Value | None:
    """where(c, x, x) → x."""
    _, then, otherwise = node.operands
    same = then is otherwise and then is not None and then.type == node.result.type
    return then if same else None


def _truth_of_truth(graph: Graph, node: Node) -> Value | None:
    """not_equal(cast(mask), 0) → mask, for a mask of booleans."""
    x, zero = node.operands
    cast = graph.producer(x)
    if scalar(graph, zero) != 0.0 or cast is None or cast.op != "cast":
        return None
    (mask,) = cast.operands
    assert mask is not None
    return mask if mask.type == node.result.type else None


def _negated_equality(graph: Graph, node: Node) -> Value | None:
    """¬(a = b) → a ≠ b and back, which holds for NaN as well (¬(a < b) → a ≥ b would not)."""
    inner = graph.producer(node.operands[0])
    opposite = {"equal": "not_equal", "not_equal": "equal"}
    if inner is None or inner.op not in opposite:
        return None
    return Emitter.like(graph, inner, node)(opposite[inner.op], *inner.operands)


ARITHMETIC: dict[str, tuple[Rule, ...]] = {
    "add": (_neutral(0.0, (1, 0)),),
    "sub": (_neutral(0.0, (1,)),),
    "mul": (_neutral(1.0, (1, 0)),),
    "div": (_neutral(1.0, (1,)), _division_by_power_of_two),
    "pow": (_neutral(1.0, (1,)),),
    "neg": (_undone("neg"),),
    "logical_not": (_undone("logical_not"), _negated_equality),
    "maximum": (_same_operand,),
    "minimum": (_same_operand,),
    "logical_and": (_same_operand, _neutral_truth(True)),
    "logical_or": (_same_operand, _neutral_truth(False)),
    "where": (_equal_branches,),
    "not_equal": (_truth_of_truth,),
}
