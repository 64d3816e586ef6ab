"""Raises a gelu behind a bias to `bias_gelu`.

In: `gelu` of a sum with a vector of weights. Out: `bias_gelu`. A bias that belongs to a product
with a weight is taken by `linear` before this pass looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.value import Value
from .matching import plus_vector
from .rewrite import Match, Rewrite


@dataclass(frozen=True)
class BiasGeluMatch(Match):
    x: Value
    bias: Value


@dataclass(frozen=True)
class FuseBiasGelu(Rewrite[BiasGeluMatch]):
    """`gelu(add(%x, %bias))` → `bias_gelu(%x, %bias)`."""

    name: ClassVar[str] = "fuse_bias_gelu"
    roots: ClassVar[tuple[str, ...]] = ("gelu",)

    def match(self, graph: Graph, node: Node) -> BiasGeluMatch | None:
        sum = graph.producer(node.operands[0])
        parts = plus_vector(graph, sum) if sum is not None else None
        return BiasGeluMatch((sum, node), *parts) if sum is not None and parts else None

    def check(self, graph: Graph, match: BiasGeluMatch) -> str | None:
        if not graph.has_one_use(match.nodes[0].result):
            return "the sum before the gelu is used elsewhere as well"
        return None

    def rewrite(self, graph: Graph, match: BiasGeluMatch, emit: Emitter) -> Sequence[Value]:
        bias = match.bias
        if bias.type.rank != 1:
            bias = emit("reshape", bias, shape=bias.type.shape[-1:])
        approximate = match.nodes[-1].attributes["approximate"]
        return [emit("bias_gelu", match.x, bias, approximate=approximate)]

    def describe(self, match: BiasGeluMatch) -> str:
        return "bias and gelu are one"
