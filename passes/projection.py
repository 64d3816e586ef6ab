"""Projections: x @ weight + bias, however it stands in the graph.

In: a graph and a value. Out: `Projection`, or None.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.value import Value
from .matching import plus_vector


@dataclass(frozen=True)
class Projection:
    """The value of the last of `nodes` is x @ weight + bias; the weight is 2-D and a source."""

    x: Value
    weight: Value
    bias: Value | None
    nodes: tuple[Node, ...]


def product_with_weight(graph: Graph, node: Node | None) -> Projection | None:
    """The node as a projection without a bias: a matmul by a weight, or a linear node."""
    if node is None or node.op not in ("matmul", "linear"):
        return None
    x, weight = node.operands[:2]
    has_bias = node.op == "linear" and node.operands[2] is not None
    if (
        x is None
        or weight is None
        or has_bias
        or x.type.rank < 2
        or weight.type.rank != 2
        or graph.source(weight) is None
    ):
        return None
    return Projection(x, weight, None, (node,))


def find_projection(graph: Graph, value: Value) -> Projection | None:
    """The value as a projection: a linear node, a matmul by a weight, or such a one plus bias."""
    node = graph.producer(value)
    if node is None:
        return None
    if node.op == "linear":
        x, weight, bias = node.operands
        assert x is not None
        assert weight is not None
        return Projection(x, weight, bias, (node,)) if graph.source(weight) else None
    parts = plus_vector(graph, node)
    if parts is None:
        return product_with_weight(graph, node)
    product = product_with_weight(graph, graph.producer(parts[0]))
    if product is None or parts[1].type.rank != 1 or not graph.has_one_use(parts[0]):
        return None
    return Projection(product.x, product.weight, parts[1], (*product.nodes, node))
