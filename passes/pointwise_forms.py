"""The forms of activations, of sums with a norm, and of softmaxes that belong to no attention.

In: fused `gelu`, `silu`, `bias_gelu`, `skip_layer_norm` and `scaled_masked_softmax` nodes. Out: the
same with their form named, or simpler nodes.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.costs import shape_class
from ..ir.dim import product
from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.spec import spec_of
from ..ir.target import Form
from ..ir.value import Value
from .form_choice import Choice, Chooser, Sizes


class PointwiseForms:
    """Gives each of these nodes its form."""

    def __init__(self, graph: Graph, chooser: Chooser) -> None:
        self._graph = graph
        self._chooser = chooser
        self._size = Sizes(graph)

    def choose(self, node: Node) -> Choice:
        """The form for a node at the declared maxima of its sizes."""
        x = node.operands[0]
        assert x is not None
        elements, width = self._size(product(x.type.shape)), self._size(product(x.type.shape[-1:]))
        shape = shape_class(elements // max(1, width), width)
        return self._chooser.choose(
            node, node.op, elements, lambda form: _refusal(form, node), shape=shape
        )

    def write(self, node: Node, form: Form) -> Sequence[Value] | None:
        """Puts the node into the form; the values that replace it, None where it stays."""
        if not form.expands:
            self._graph.update(node, attributes={**node.attributes, "form": form.name})
            return None
        emit = Emitter.like(self._graph, node)
        if form.name == "add_gelu":
            x, bias = node.operands
            assert x is not None
            assert bias is not None
            approximate = node.attributes["approximate"]
            return (emit("gelu", self._biased(x, bias, emit), approximate=approximate),)
        decompose = spec_of(node.op).decompose
        assert decompose is not None
        results = decompose(emit, node.operands, node.attributes)
        return results if isinstance(results, tuple) else (results,)

    def _biased(self, x: Value, bias: Value, emit: Emitter) -> Value:
        """x + bias, within the product that makes x where nothing else reads that."""
        before = self._graph.producer(x)
        if before is not None and self._graph.has_one_use(x) and _is_bare_product(before):
            factors = before.operands[:2]
            return Emitter.like(self._graph, before)("linear", *factors, bias)
        return emit("add", x, bias)


def _refusal(form: Form, node: Node) -> str | None:
    if form.name == "bias_gelu" and node.attributes["approximate"] != "none":
        return "it computes the exact gelu only"
    return None


def _is_bare_product(node: Node) -> bool:
    """Whether a node multiplies with a matrix and adds nothing."""
    if node.op == "linear":
        return node.operands[2] is None
    if node.op != "matmul":
        return False
    a, b = node.operands
    return a is not None and b is not None and b.type.rank == 2 and a.type.rank > 1
