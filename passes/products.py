"""The products with constant weights of a raised graph: what lower precision is about.

In: a graph of fused ops. Out: `Products`, in the graph's order.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..ir.dim import Shape
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.value import Value

PROJECTIONS = ("linear", "qkv_projection", "kv_projection")
"""Ops whose operands are x, then a weight and a bias for each result."""


@dataclass(frozen=True, slots=True)
class Products:
    """One `linear` node, or the products of one input that a projection node holds.

    They are one unit: the input is quantized once, and the weights may be packed side by side.
    """

    node: Node
    x: Value
    weights: tuple[Value, ...]
    biases: tuple[Value | None, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """The names of the weights, which tell the products apart."""
        return tuple(weight.name for weight in self.weights)

    @property
    def shape(self) -> Shape:
        """[inputs, outputs] of the weights side by side."""
        return (self.weights[0].type.shape[0], sum(w.type.shape[1] for w in self.weights))


def products_of(graph: Graph, node: Node | None) -> Products | None:
    """The node's products, if it has any and their weights are known when the file is written."""
    if node is None or node.op not in PROJECTIONS:
        return None
    x = node.operands[0]
    weights = tuple(each for each in node.operands[1::2] if each is not None)
    biases = tuple(node.operands[2::2])
    if x is None or any(graph.source(weight) is None for weight in weights):
        return None
    if any(bias is not None and graph.source(bias) is None for bias in biases):
        return None
    return Products(node, x, weights, biases)


def all_products(graph: Graph) -> list[Products]:
    """Every node with such products, in the graph's order."""
    found = (products_of(graph, node) for node in graph.nodes())
    return [each for each in found if each is not None]
