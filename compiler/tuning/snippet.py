"""One node in its neighbourhood, as a model small enough to be measured in a moment.

In: a graph at the moment of a choice, the node, a size for each symbol. Out: a graph of fixed
sizes.

What stands beside the node decides a part of its cost, and is kept where it is cheap:

    %h = linear(%x, 768 × 3072)                %h = linear(%thin, 8 × 3072)
    %y = gelu(%h)                      →       %y = gelu(%h)

A runtime fuses what follows a product with it, and a form may take the bias into it; a product with
8 rows is one too. Behind a projection of queries, keys and values stands its attention, which reads
what packing has split.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...ir.dim import SymbolicDim
from ...ir.graph import Graph
from ...ir.node import Attribute, Node
from ...ir.parameter import Seeded
from ...ir.type import TensorType
from ...ir.value import Kind, Value
from ...passes.tuned_forms import concrete, concrete_type

THIN = 8
"""Inner size of the product that stands for the one before a node."""
PRODUCTS = ("linear", "matmul")
PROJECTIONS = ("qkv_projection", "kv_projection")


def snippet(graph: Graph, node: Node, sizes: Mapping[str, int]) -> tuple[Graph, Node]:
    """The node, what feeds it and, behind a projection, its attention; results are outputs. Also
    the node as it stands there."""
    return _Snippet(graph, sizes).around(node)


class _Snippet:
    def __init__(self, graph: Graph, sizes: Mapping[str, int]) -> None:
        self._from = graph
        self._sizes = sizes
        self._small = Graph("snippet")
        self._values: dict[Value, Value] = {}

    def around(self, node: Node) -> tuple[Graph, Node]:
        for operand in node.operands:
            if operand is not None and node.op not in (*PRODUCTS, *PROJECTIONS):
                self._behind_product(operand)
        copied = self._copy(node)
        open_ends = list(node.results)
        if node.op in PROJECTIONS:
            open_ends = self._attention(open_ends)
        for number, value in enumerate(open_ends):
            self._small.outputs[f"out{number}"] = self._values[value]
        return self._small, copied

    def _behind_product(self, value: Value) -> None:
        """Lets a thin product make a value that a product makes in the graph."""
        producer = self._from.producer(value)
        if producer is None or producer.op not in PRODUCTS or value in self._values:
            return
        weight, bias = producer.operands[1], (*producer.operands, None)[2]
        if weight is None or not self._is_constant(weight) or weight.type.rank != 2:
            return
        type = concrete_type(value.type, self._sizes)
        x = self._input("thin", type.with_shape((*type.shape[:-1], THIN)))
        shape = (THIN, type.shape[-1])
        source = Seeded(type.with_shape(shape), "glorot_uniform", (), 0, "thin")
        factors = [x, self._small.add_source("thin_kernel", source, Kind.PARAMETER)]
        operands = [*factors, self._value(bias)] if producer.op == "linear" else factors
        made = self._small.add(producer.op, operands)
        self._values[value] = made.result

    def _attention(self, results: list[Value]) -> list[Value]:
        """Copies the reshapes and the attention that read projections; the values left open."""
        heads = [self._reshaped(value) for value in results]
        readers = dict.fromkeys(user for value in heads for user in self._from.users(value))
        attentions = [user for user in readers if user.op == "attention"]
        for node in attentions:
            self._copy(node)
        unread = [v for v in heads if not any(n in attentions for n in self._from.users(v))]
        return unread + [result for node in attentions for result in node.results]

    def _reshaped(self, value: Value) -> Value:
        """What the reshapes behind a value, which are copied, make of it."""
        while len(users := self._from.users(value)) == 1 and users[0].op == "reshape":
            self._copy(users[0])
            value = users[0].result
        return value

    def _copy(self, node: Node) -> Node:
        operands = [self._value(operand) for operand in node.operands]
        attributes = {name: self._attribute(each) for name, each in node.attributes.items()}
        copied = self._small.add(node.op, operands, attributes)
        self._values.update(zip(node.results, copied.results, strict=True))
        return copied

    def _value(self, value: Value | None) -> Value | None:
        """A value's counterpart; a weight with its content, anything else an input."""
        if value is None:
            return None
        if value not in self._values:
            source = self._from.source(value)
            if source is not None:
                self._values[value] = self._small.add_source(value.name, source, value.kind)
            elif self._is_constant(value):
                zeros = Seeded(concrete_type(value.type, self._sizes), "zeros", (), 0, value.name)
                self._values[value] = self._small.add_source(value.name, zeros, Kind.PARAMETER)
            else:
                self._values[value] = self._input("in", concrete_type(value.type, self._sizes))
        return self._values[value]

    def _is_constant(self, value: Value) -> bool:
        """Whether a value follows from weights alone, which folding turns into a weight later."""
        if self._from.source(value) is not None:
            return True
        producer = self._from.producer(value)
        operands = producer.operands if producer is not None else ()
        return bool(operands) and all(each is None or self._is_constant(each) for each in operands)

    def _input(self, wish: str, type: TensorType) -> Value:
        return self._small.add_input(self._small.fresh_name(wish), type)

    def _attribute(self, value: Attribute) -> Attribute:
        if isinstance(value, tuple):
            return tuple(self._attribute(each) for each in value)
        return concrete(value, self._sizes) if isinstance(value, SymbolicDim) else value
