"""Brings equal computations into one form, and drops those that do nothing.

In: a graph. Out: a graph that computes the same to the last bit (only the sign of a zero that had
zero added may differ), in which later passes have fewer spellings to know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.value import Value
from .canonical_arithmetic import ARITHMETIC
from .canonical_layout import LAYOUT
from .common_subexpressions import COMMUTATIVE
from .manager import Pass
from .remarks import Remarks
from .rewrite import Worklist, substitute

Rule = Callable[[Graph, Node], Value | None]

RULES: Mapping[str, tuple[Rule, ...]] = MappingProxyType(
    {op: (*ARITHMETIC.get(op, ()), *LAYOUT.get(op, ())) for op in (*ARITHMETIC, *LAYOUT)}
)
"""By op: what may take the place of such a node's result. The first rule that answers counts."""

MIRRORED = MappingProxyType({"greater": "less", "greater_equal": "less_equal"})


@dataclass(frozen=True)
class Canonicalize(Pass):
    """`reshape(reshape(%x))` → `reshape(%x)`; `mul(1, %x)` → `%x`; `greater(%a, %b)` →
    `less(%b, %a)`; `add(%weight, %x)` → `add(%x, %weight)`.
    """

    name: ClassVar[str] = "canonicalize"

    def run(self, graph: Graph, remarks: Remarks) -> int:
        worklist = Worklist(graph)
        changes = 0
        for node in worklist:
            turned = _turn(graph, node)
            if turned is not None:
                changes += 1
                node = turned
            for rule in RULES.get(node.op, ()):
                value = rule(graph, node)
                if value is not None:
                    substitute(graph, node, [value])
                    worklist.push_around(value)
                    changes += 1
                    break
        return changes


def _turn(graph: Graph, node: Node) -> Node | None:
    """The node with its operands in canonical order: constants and weights last, only less-than."""
    if node.op in MIRRORED:
        return graph.update(node, op=MIRRORED[node.op], operands=node.operands[::-1])
    if node.op in COMMUTATIVE:
        a, b = node.operands
        if graph.source(a) is not None and graph.source(b) is None:
            return graph.update(node, operands=(b, a))
    return None
