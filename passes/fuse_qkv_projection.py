"""Raises the projections that feed one attention to one op.

In: `linear` nodes (or products and sums) before an attention, raised or primitive. Out:
`qkv_projection` where queries, keys and values come from one input, `kv_projection` where the
queries come from another (cross-attention). Three maps that merely share an input stay apart:
what makes them one is the attention that reads them, and the kernels for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.value import Value
from .attention_pattern import find_attention
from .layout import operand_of
from .matching import times_scalar
from .projection import Projection, find_projection
from .rewrite import Match, Rewrite, substitute


@dataclass(frozen=True)
class ProjectionsMatch(Match):
    root: Value
    query: Projection | None
    key: Projection | None
    value: Projection | None

    @property
    def fused(self) -> tuple[Projection, ...]:
        """The projections that become one node: two or three."""
        assert self.key is not None
        assert self.value is not None
        query = self.query
        if query is None or query.x is not self.key.x or _same(query, self.key, self.value):
            return self.key, self.value
        return query, self.key, self.value


@dataclass(frozen=True)
class FuseQkvProjection(Rewrite[ProjectionsMatch]):
    """`attention(linear(%x, %wq, %bq), linear(%x, %wk, %bk), linear(%x, %wv, %bv))` →
    `%q, %k, %v = qkv_projection(%x, %wq, %bq, %wk, %bk, %wv, %bv); attention(%q, %k, %v)`.
    """

    name: ClassVar[str] = "fuse_qkv_projection"
    roots: ClassVar[tuple[str, ...]] = ("attention", "matmul")

    def match(self, graph: Graph, node: Node) -> ProjectionsMatch | None:
        if node.op == "attention":
            operands = node.operands[:3]
        else:
            pattern = find_attention(graph, node)
            if pattern is None:
                return None
            operands = (pattern.query, pattern.key, pattern.value)
        query, key, value = (_projected(graph, each) for each in operands)
        if sum(each is not None for each in (query, key, value)) < 2:
            return None
        found = [each for each in (query, key, value) if each is not None]
        nodes = tuple(dict.fromkeys(part for each in found for part in each.nodes))
        return ProjectionsMatch(nodes, node.results[0], query, key, value)

    def check(self, graph: Graph, match: ProjectionsMatch) -> str | None:
        if match.key is None or match.value is None:
            which = "key" if match.key is None else "value"
            return f"the {which} is no product with a weight, unlike its companions"
        if match.key.x is not match.value.x:
            return "key and value are projections of different inputs"
        if _same(match.key, match.value):
            return "key and value are one projection"
        return None

    def rewrite(self, graph: Graph, match: ProjectionsMatch, emit: Emitter) -> Sequence[Value]:
        op = "qkv_projection" if len(match.fused) == 3 else "kv_projection"
        operands: list[Value | None] = [match.fused[0].x]
        for each in match.fused:
            operands += [each.weight, each.bias]
        for each, result in zip(match.fused, emit.all(op, *operands), strict=True):
            substitute(graph, each.nodes[-1], [result])
        root = graph.producer(match.root)
        assert root is not None
        return root.results

    def describe(self, match: ProjectionsMatch) -> str:
        names = "query, key and value" if len(match.fused) == 3 else "key and value"
        width = match.fused[0].weight.type.shape[0]
        widths = ", ".join(str(each.weight.type.shape[1]) for each in match.fused)
        return f"{names} are projections of one input, {width} wide, to {widths}"


def _projected(graph: Graph, value: Value | None) -> Projection | None:
    """The projection that a value is, up to a factor, its layout, and repetition of its heads."""
    while value is not None:
        node = graph.producer(value)
        factor = times_scalar(graph, value)
        if factor is not None:
            value = factor[0]
        elif node is not None and node.op in ("reshape", "transpose", "expand"):
            value = operand_of(node)
        else:
            return find_projection(graph, value)
    return None


def _same(one: Projection, *others: Projection) -> bool:
    return any(one.nodes[-1] is other.nodes[-1] for other in others)
