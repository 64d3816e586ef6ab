"""Raises scale, bias, mask and softmax between the two products of an attention to one op.

In: primitive ops. Out: `scaled_masked_softmax`. Runs for the attentions that do not fuse as a
whole; those that do take the same parts in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.value import Value
from .rewrite import Match, Rewrite
from .softmax_pattern import Softmax, find_softmax, product_of_scores


@dataclass(frozen=True)
class SoftmaxMatch(Match):
    softmax: Softmax


@dataclass(frozen=True)
class FuseScaledMaskedSoftmax(Rewrite[SoftmaxMatch]):
    """`masked_softmax(add(mul(matmul(%q, %k), 0.125), %bias), %mask)` →
    `scaled_masked_softmax(matmul(%q, %k), %mask, %bias){scale=0.125}`.
    """

    name: ClassVar[str] = "fuse_scaled_masked_softmax"
    roots: ClassVar[tuple[str, ...]] = ("softmax", "masked_softmax")

    def match(self, graph: Graph, node: Node) -> SoftmaxMatch | None:
        softmax = find_softmax(graph, node)
        if softmax is None or product_of_scores(graph, softmax.scores) is None:
            return None
        return SoftmaxMatch(softmax.nodes, softmax)

    def check(self, graph: Graph, match: SoftmaxMatch) -> str | None:
        for node in match.nodes[:-1]:
            if not graph.has_one_use(node.result):
                return "the scaled or biased scores are used elsewhere as well"
        return None

    def rewrite(self, graph: Graph, match: SoftmaxMatch, emit: Emitter) -> Sequence[Value]:
        found = match.softmax
        return [
            emit(
                "scaled_masked_softmax",
                found.scores,
                found.mask,
                found.bias,
                scale=found.scale,
            )
        ]

    def describe(self, match: SoftmaxMatch) -> str:
        found = match.softmax
        parts = [f"scale {found.scale:g}"] if found.scale != 1.0 else []
        parts += ["bias"] if found.bias is not None else []
        parts += ["mask"] if found.mask is not None else []
        return " + ".join([*parts, "softmax"]) + " between two products"
