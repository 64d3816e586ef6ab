"""Raises products with a weight to `linear`.

In: matmul by a weight, with a bias behind it or not. Out: one `linear` node.
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
from .projection import Projection, product_with_weight
from .rewrite import Match, Rewrite


@dataclass(frozen=True)
class LinearMatch(Match):
    product: Projection
    bias: Value | None


@dataclass(frozen=True)
class FuseLinear(Rewrite[LinearMatch]):
    """`add(matmul(%x, %weight), %bias)` → `linear(%x, %weight, %bias)`, and
    `matmul(%x, %weight)` → `linear(%x, %weight)`.
    """

    name: ClassVar[str] = "fuse_linear"
    roots: ClassVar[tuple[str, ...]] = ("matmul", "add")
    tells: ClassVar[bool] = False

    def match(self, graph: Graph, node: Node) -> LinearMatch | None:
        if node.op == "matmul":
            product = product_with_weight(graph, node)
            if product is None or self._has_bias(graph, node):
                return None
            return LinearMatch((node,), product, None)
        parts = plus_vector(graph, node)
        product = product_with_weight(graph, graph.producer(parts[0])) if parts else None
        if parts is None or product is None:
            return None
        return LinearMatch((*product.nodes, node), product, parts[1])

    def check(self, graph: Graph, match: LinearMatch) -> str | None:
        product = match.product.nodes[-1].result
        if match.bias is not None and not graph.has_one_use(product):
            return "the product without its bias is used elsewhere as well"
        return None

    def rewrite(self, graph: Graph, match: LinearMatch, emit: Emitter) -> Sequence[Value]:
        bias = match.bias
        if bias is not None and bias.type.rank != 1:
            bias = emit("reshape", bias, shape=bias.type.shape[-1:])
        return [emit("linear", match.product.x, match.product.weight, bias)]

    def _has_bias(self, graph: Graph, node: Node) -> bool:
        """Whether the one reader of a product adds a bias: then that is the root."""
        users = graph.users(node.result) if graph.has_one_use(node.result) else []
        return any(plus_vector(graph, user) is not None for user in users)
