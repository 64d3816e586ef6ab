"""Works on rows: [batch, sequence, width] becomes [batch * sequence, width] around products.

In: a graph whose layers act on the last axis of tensors of three and more axes. Out: the same with
one reshape where such layers begin and one where something needs the axes apart. See `FlattenRows`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..ir.dim import Shape, product
from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.value import Value
from .manager import Pass
from .remarks import Remarks

PRODUCTS = frozenset({"linear", "qkv_projection", "kv_projection", "skip_layer_norm"})
"""What gains: products become one Gemm; a sum and its norm are left apart by the runtime."""

NORMS = frozenset({"layer_norm", "rms_norm", "softmax", "skip_layer_norm"})

POINTWISE = frozenset(
    {
        *("neg", "abs", "exp", "log", "sqrt", "reciprocal", "tanh", "erf", "sigmoid", "relu"),
        *("softplus", "softsign", "selu", "mish", "floor", "elu", "leaky_relu", "hard_sigmoid"),
        *("add", "sub", "mul", "div", "pow", "maximum", "minimum"),
        *("gelu", "silu", "bias_gelu", "dropout", "gaussian_noise"),
    }
)


@dataclass(frozen=True)
class FlattenRows(Pass):
    """Moves whole stretches of row-wise layers onto rows.

    Before, %x of type f32[B, 100, 64]:

        %n = layer_norm(%x, %gain, %bias)
        %h = relu(linear(%n, %w1, %b1))
        %y = add(%x, linear(%h, %w2, %b2))
        output %y

    After:

        %rows = reshape(%x) {shape = (100*B, 64)}
        %n = layer_norm(%rows, %gain, %bias)
        %h = relu(linear(%n, %w1, %b1))
        %y = reshape(add(%rows, linear(%h, %w2, %b2))) {shape = (B, 100, 64)}
        output %y

    A stretch is what row-wise nodes connected by values make; it moves where it has a product.
    Products on rows are one Gemm with its bias, and no optimizer of the runtime takes them apart.
    """

    name: ClassVar[str] = "flatten_rows"

    def run(self, graph: Graph, remarks: Remarks) -> int:
        order = graph.nodes()
        moved = _stretches_with_products(graph, order)
        rows = _Rows(graph)
        for node in moved:
            rows.move(node)
        for node in reversed(moved):
            rows.give_back(node)
        return len(moved)


class _Rows:
    """The rows of values that have several axes before their last."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._rows: dict[Value, Value] = {}

    def move(self, node: Node) -> None:
        """Computes a node on rows."""
        emit = Emitter.like(self._graph, node)
        lead = node.results[0].type.shape[:-1]
        operands = [
            self._of(each, emit) if each is not None and _has_rows(each, lead) else each
            for each in node.operands
        ]
        attributes = dict(node.attributes)
        if "axis" in attributes:
            attributes["axis"] = -1
        names = [f"{result.name}/rows" for result in node.results]
        made = self._graph.add(
            node.op, operands, attributes, spans=node.spans, scope=node.scope, names=names
        )
        self._rows.update(zip(node.results, made.results, strict=True))

    def give_back(self, node: Node) -> None:
        """Erases what was moved; what still needs its results gets the axes back."""
        for old in node.results:
            if self._graph.uses(old) or self._graph.is_output(old):
                emit = Emitter.like(self._graph, node)
                new = emit("reshape", self._rows[old], shape=old.type.shape)
                self._graph.replace_uses(old, new)
        current = self._graph.producer(node.results[0])
        assert current is not None
        self._graph.erase(current)

    def _of(self, value: Value, emit: Emitter) -> Value:
        if value not in self._rows:
            before = self._graph.producer(value)
            if (
                before is not None
                and before.op == "reshape"
                and before.operands[0] is not None
                and before.operands[0].type.shape == _row_shape(value.type.shape)
            ):
                self._rows[value] = before.operands[0]
            else:
                shape = _row_shape(value.type.shape)
                self._rows[value] = emit("reshape", value, shape=shape)
        return self._rows[value]


def _row_shape(shape: Shape) -> Shape:
    return (product(shape[:-1]), shape[-1])


def _has_rows(value: Value, lead: Shape) -> bool:
    """Whether a value has the axes `lead` before its last, so that it can be cut into rows."""
    return value.type.rank == len(lead) + 1 and value.type.shape[:-1] == lead


def _is_row_wise(node: Node) -> bool:
    """Whether each row of the results depends on the same row of the operands only."""
    result = node.results[0].type
    if result.rank < 3:
        return False
    lead = result.shape[:-1]
    if node.op in PRODUCTS or node.op in NORMS:
        x = node.operands[0]
        axis = node.attributes.get("axis", -1)
        return x is not None and axis in (-1, x.type.rank - 1)
    if node.op not in POINTWISE:
        return False
    return all(
        each is not None and (_has_rows(each, lead) or each.type.rank <= 1)
        for each in node.operands
    )


def _stretches_with_products(graph: Graph, order: list[Node]) -> list[Node]:
    """The row-wise nodes that are connected, by values with the same axes, with a product."""
    row_wise = [node for node in order if _is_row_wise(node)]
    group: dict[Value, Value] = {}

    def find(value: Value) -> Value:
        while group.setdefault(value, value) is not value:
            group[value] = group[group[value]]
            value = group[value]
        return value

    for node in row_wise:
        first = find(node.results[0])
        lead = node.results[0].type.shape[:-1]
        together = [each for each in node.operands if each is not None and _has_rows(each, lead)]
        for value in (*node.results[1:], *together):
            group[find(value)] = first
            first = find(first)
    gains = {find(node.results[0]) for node in row_wise if node.op in PRODUCTS}
    return [node for node in row_wise if find(node.results[0]) in gains]
