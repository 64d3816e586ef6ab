"""Raises the two formulas of gelu to one op.

In: products around erf or tanh. Out: `gelu`, exact or approximate as written; the approximation is
never put in the place of the exact form.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.value import Value
from .layout import operand_of
from .matching import Coefficients, close, factors, polynomial
from .rewrite import Match, Rewrite

_INNER = {
    "none": ("erf", {1: 1 / math.sqrt(2)}),
    "tanh": ("tanh", {1: math.sqrt(2 / math.pi), 3: math.sqrt(2 / math.pi) * 0.044715}),
}
"""By value of `approximate`: the function and its argument as a polynomial in x."""


@dataclass(frozen=True)
class GeluMatch(Match):
    x: Value
    approximate: str


@dataclass(frozen=True)
class FuseGelu(Rewrite[GeluMatch]):
    """`mul(mul(%x, 0.5), add(erf(mul(%x, 0.70710678)), 1))` → `gelu(%x)`, with factors and terms
    in any order; the formula with tanh → `gelu(%x){approximate="tanh"}`.
    """

    name: ClassVar[str] = "fuse_gelu"
    roots: ClassVar[tuple[str, ...]] = ("mul", "div")

    def match(self, graph: Graph, node: Node) -> GeluMatch | None:
        constant, leaves, nodes = factors(graph, node)
        if len(leaves) != 2:
            return None
        for x, gate in (leaves, leaves[::-1]):
            found = _gate(graph, gate) if x.type == node.result.type else None
            if found is None:
                continue
            curve, coefficients, gate_nodes = found
            for approximate, (op, expected) in _INNER.items():
                inner = polynomial(graph, operand_of(curve), x) if curve.op == op else None
                if inner is None or not _alike(inner[0], expected, x):
                    continue
                # x · c · (a·curve + b) is gelu where c·a = c·b = 1/2.
                halves = {power: constant * each for power, each in coefficients.items()}
                if _alike(halves, {0: 0.5, 1: 0.5}, x):
                    parts = dict.fromkeys((*inner[1], curve, *gate_nodes, *reversed(nodes)))
                    return GeluMatch(tuple(parts), x, approximate)
        return None

    def check(self, graph: Graph, match: GeluMatch) -> str | None:
        inside = set(match.nodes)
        root = match.nodes[-1]
        for node in match.nodes:
            outside = any(user not in inside for user in graph.users(node.result))
            if node is not root and (outside or graph.is_output(node.result)):
                return f"a step of the gelu, its {node.op}, is used elsewhere as well"
        return None

    def rewrite(self, graph: Graph, match: GeluMatch, emit: Emitter) -> Sequence[Value]:
        return [emit("gelu", match.x, approximate=match.approximate)]

    def describe(self, match: GeluMatch) -> str:
        return f"gelu of {len(match.nodes)} operations" + (
            ", approximated by tanh" if match.approximate == "tanh" else ""
        )


def _gate(graph: Graph, value: Value) -> tuple[Node, Coefficients, list[Node]] | None:
    """A sum as (curve, its polynomial in the curve, its nodes), the curve an erf or a tanh."""
    pending = [value]
    for _ in range(6):
        if not pending:
            return None
        node = graph.producer(pending.pop(0))
        if node is None:
            continue
        if node.op in ("erf", "tanh"):
            found = polynomial(graph, value, node.result)
            return None if found is None else (node, *found)
        if node.op in ("add", "sub", "mul", "div"):
            pending.extend(operand for operand in node.operands if operand is not None)
    return None


def _alike(found: Coefficients, expected: Coefficients, x: Value) -> bool:
    """Whether two polynomials agree to rounding; a term that cancelled out does not count."""
    return all(
        close(found.get(power, 0.0), expected.get(power, 0.0), x.type.dtype)
        for power in {*found, *expected}
    )
