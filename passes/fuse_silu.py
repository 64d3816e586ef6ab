"""Raises x · sigmoid(x) to `silu`.

In: a product. Out: `silu`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.value import Value
from .matching import operand_pairs
from .rewrite import Match, Rewrite


@dataclass(frozen=True)
class SiluMatch(Match):
    x: Value


@dataclass(frozen=True)
class FuseSilu(Rewrite[SiluMatch]):
    """`mul(%x, sigmoid(%x))` → `silu(%x)`."""

    name: ClassVar[str] = "fuse_silu"
    roots: ClassVar[tuple[str, ...]] = ("mul",)

    def match(self, graph: Graph, node: Node) -> SiluMatch | None:
        for x, gate in operand_pairs(node):
            inner = graph.producer(gate)
            if inner is not None and inner.op == "sigmoid" and inner.operands[0] is x:
                return SiluMatch((inner, node), x)
        return None

    def check(self, graph: Graph, match: SiluMatch) -> str | None:
        if not graph.has_one_use(match.nodes[0].result):
            return "the sigmoid of the silu is used elsewhere as well"
        return None

    def rewrite(self, graph: Graph, match: SiluMatch, emit: Emitter) -> Sequence[Value]:
        return [emit("silu", match.x)]

    def describe(self, match: SiluMatch) -> str:
        return "product with its own sigmoid is one silu"
