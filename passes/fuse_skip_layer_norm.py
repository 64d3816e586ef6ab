"""Raises a residual sum and the norm behind it to one op.

In: `layer_norm` of a sum of two tensors of one shape. Out: `skip_layer_norm`, whose second result
is the sum for whoever else reads it (in a pre-norm block the next residual connection does).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.value import Value
from .rewrite import Match, Rewrite, substitute


@dataclass(frozen=True)
class SkipLayerNormMatch(Match):
    x: Value
    skip: Value
    gain: Value | None
    bias: Value | None


@dataclass(frozen=True)
class FuseSkipLayerNorm(Rewrite[SkipLayerNormMatch]):
    """`%s = add(%x, %skip); %n = layer_norm(%s, %gain, %bias)` →
    `%n, %s = skip_layer_norm(%x, %skip, %gain, %bias)`.
    """

    name: ClassVar[str] = "fuse_skip_layer_norm"
    roots: ClassVar[tuple[str, ...]] = ("layer_norm",)

    def match(self, graph: Graph, node: Node) -> SkipLayerNormMatch | None:
        sum = graph.producer(node.operands[0])
        if sum is None or sum.op != "add":
            return None
        x, skip = sum.operands
        assert x is not None
        assert skip is not None
        if x.type != skip.type:
            return None  # Positions added to each row of a batch, and no residual connection.
        return SkipLayerNormMatch((sum, node), x, skip, node.operands[1], node.operands[2])

    def check(self, graph: Graph, match: SkipLayerNormMatch) -> str | None:
        sum, norm = match.nodes
        if any(
            each is not None and graph.source(each) is None for each in (match.gain, match.bias)
        ):
            return "gain or bias of the norm is computed and not a weight"
        if norm.attributes["axis"] not in (-1, sum.result.type.rank - 1):
            return "the norm is not over the last axis"
        return None

    def rewrite(self, graph: Graph, match: SkipLayerNormMatch, emit: Emitter) -> Sequence[Value]:
        sum, norm = match.nodes
        normalized, total = emit.all(
            "skip_layer_norm",
            match.x,
            match.skip,
            match.gain,
            match.bias,
            epsilon=norm.attributes["epsilon"],
        )
        substitute(graph, sum, [total])
        return [normalized]

    def describe(self, match: SkipLayerNormMatch) -> str:
        return "residual sum and layer norm are one"
