"""Lets an input choose, for each group of products, between two ways to compute them.

In: a graph in the forms of its target, and groups of products. Out: the same with each of these
products twice, and an input of booleans, one for each group. See `SwitchProducts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..ir.dtype import DType
from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.type import TensorType
from ..ir.value import Value
from .manager import Pass
from .quantize import Product, products
from .remarks import Remarks
from .rewrite import erase_unused, is_used

SWITCHES = "neuralc.switches"
"""The input's name."""
EXACT = "/exact"
"""Behind the name of the weight of the second of two products."""


@dataclass(frozen=True)
class SwitchProducts(Pass):
    """Doubles products, so that one session can compute any mixture of both kinds.

    Before:

        %y = linear(%x, %weight, %bias)

    After, where %weight is in group 1 of 3:

        %neuralc.switches = input : bool[3]
        %exact = linear(%x, %weight/exact, %bias)
        %flag = slice(%neuralc.switches) {start = 1, stop = 2}
        %y = where(%flag, linear(%x, %weight, %bias), %exact)

    `quantize` behind it is told to leave the weights whose names end in `EXACT` as they are. For
    measuring only: both are computed in every run.
    """

    name: ClassVar[str] = "switch_products"
    groups: Sequence[Sequence[str]] = ()

    def run(self, graph: Graph, remarks: Remarks) -> int:
        group_of = {name: index for index, group in enumerate(self.groups) for name in group}
        chosen = [each for each in products(graph) if each.name in group_of]
        if not chosen:
            return 0
        switches = graph.add_input(SWITCHES, TensorType(DType.BOOL, (len(self.groups),)))
        for product in chosen:
            emit = Emitter.like(graph, product.node)
            index = group_of[product.name]
            flag = emit("slice", switches, axis=0, start=index, stop=index + 1)
            _double(graph, product, flag, emit)
        for node in {product.node.results[0]: product.node for product in chosen}.values():
            if not any(is_used(graph, result) for result in node.results):
                erase_unused(graph, node.results[0])
        return len(chosen)


def _double(graph: Graph, product: Product, flag: Value, emit: Emitter) -> None:
    """What read the product reads one of two."""
    node = graph.producer(product.result)
    assert node is not None
    x = node.operands[0]
    exact = emit.parameter(f"{product.name}{EXACT}", product.source, product.weight.kind)
    both = [emit("linear", x, weight, product.bias) for weight in (product.weight, exact)]
    graph.replace_uses(product.result, emit("where", flag, *both))
