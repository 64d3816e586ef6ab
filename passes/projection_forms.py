"""The forms of projections: one product each or all packed into one, with or without Gemm.

In: fused `linear`, `qkv_projection` and `kv_projection` nodes. Out: `linear` nodes in a form, or
plain products.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from ..ir.costs import shape_class
from ..ir.dim import Dim, product
from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.parameter import Computed, Literal, ParameterSource
from ..ir.target import Form
from ..ir.type import TensorType
from ..ir.value import Kind, Value
from .form_choice import Choice, Chooser, Sizes


class ProjectionForms:
    """Gives each projection of a graph its form."""

    def __init__(self, graph: Graph, chooser: Chooser) -> None:
        self._graph = graph
        self._chooser = chooser
        self._size = Sizes(graph)

    def choose(self, node: Node) -> Choice:
        """The form for a projection at the declared maxima of its sizes."""
        x = node.operands[0]
        assert x is not None
        widths = [weight.type.shape[1] for weight, _ in self._weights(node)]
        columns: Dim = sum(widths[1:], widths[0])
        work = self._size(2 * product(x.type.shape) * columns)
        # Two products cost as three do: by what they multiply.
        case = "linear" if node.op == "linear" else "qkv_projection"
        rows, width = self._size(product(x.type.shape[:-1])), self._size(columns)
        return self._chooser.choose(
            node,
            case,
            work,
            lambda form: self._refusal(form, node),
            shape=shape_class(rows, width),
        )

    def write(self, node: Node, form: Form) -> Sequence[Value] | None:
        """Puts the node into the form; the values that replace it, None where it stays."""
        if form.name == "gemm":
            self._graph.update(node, attributes={**node.attributes, "form": form.name})
            return None
        emit = Emitter.like(self._graph, node)
        x = node.operands[0]
        assert x is not None
        if form.name == "matmul_add":
            ((weight, bias),) = self._weights(node)
            result = emit("matmul", x, weight)
            return (result if bias is None else emit("add", result, bias),)
        if form.name == "separate":
            return [emit("linear", x, weight, bias) for weight, bias in self._weights(node)]
        return self._packed(node, x, emit)

    def _weights(self, node: Node) -> list[tuple[Value, Value | None]]:
        """The weight and the bias of each product."""
        weights = [each for each in node.operands[1::2] if each is not None]
        return list(zip(weights, node.operands[2::2], strict=True))

    def _refusal(self, form: Form, node: Node) -> str | None:
        x = node.operands[0]
        assert x is not None
        if form.ranks is not None and x.type.rank not in form.ranks:
            return "it takes rows only, not more axes"
        if form.name == "packed":
            operands = [each for pair in self._weights(node) for each in pair if each is not None]
            if any(self._graph.source(each) is None for each in operands):
                return "the weights are computed when the model runs"
        return None

    def _packed(self, node: Node, x: Value, emit: Emitter) -> Sequence[Value]:
        pairs = self._weights(node)
        widths = tuple(cast("int", weight.type.shape[1]) for weight, _ in pairs)
        path = f"{node.scope}/packed" if node.scope else "packed"
        rows = pairs[0][0].type.shape[0]
        kernel = Computed(
            TensorType(x.type.dtype, (rows, sum(widths))),
            "concat",
            {"axis": 1},
            tuple(self._source(weight) for weight, _ in pairs),
        )
        weight = emit.parameter(f"{path}/kernel", kernel, Kind.PARAMETER)
        bias = None
        if any(each is not None for _, each in pairs):
            parts = tuple(
                self._source(each) if each is not None else _zeros(x, width)
                for (_, each), width in zip(pairs, widths, strict=True)
            )
            type = TensorType(x.type.dtype, (sum(widths),))
            bias = emit.parameter(f"{path}/bias", Computed(type, "concat", {"axis": 0}, parts))
        return emit.all("split", emit("linear", x, weight, bias), axis=-1, sizes=widths)

    def _source(self, value: Value) -> ParameterSource:
        source = self._graph.source(value)
        assert source is not None
        return source


def _zeros(x: Value, width: int) -> ParameterSource:
    type = TensorType(x.type.dtype, (width,))
    return Literal(type, np.zeros(width, x.type.dtype.numpy))
