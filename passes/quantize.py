"""Computes products in bytes where a lower precision was asked for.

In: a graph whose products are on rows, and a `QuantizationPlan`. Out: the same with quantized
products and with weights that are made bytes while the file is written. See `Quantize`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, cast

from ..ir.dtype import DType
from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.parameter import Computed, ParameterSource
from ..ir.quantization import FP32, ProductScheme, QuantizationPlan
from ..ir.type import TensorType
from ..ir.value import Value
from .manager import Pass
from .remarks import Remarks
from .rewrite import substitute

BLOCKS = {"int8-weights": (8, 128), "int4-weights": (4, 32)}
"""Bits of a weight, and rows that share a scale."""

ZERO_POINTS = {
    **dict.fromkeys(("relu", "sigmoid", "softplus", "softmax", "masked_softmax", "abs", "exp"), 0),
    "gelu": 32,
    "bias_gelu": 32,
    "silu": 48,
}
"""The byte that stands for 0 among what an op makes: few bytes are left to numbers that cannot be.

The least gelu is -0.17, the least silu -0.28, so that rows which reach up to 1.2 keep the precision
that 128 would give them, and those that reach further gain almost a bit."""


@dataclass(frozen=True)
class Product:
    """Activations times a constant matrix: a node, or one result of a projection."""

    node: Node
    result: Value
    x: Value
    weight: Value
    source: ParameterSource
    bias: Value | None

    @property
    def name(self) -> str:
        """What a plan calls it."""
        return self.weight.name

    @property
    def elements(self) -> int:
        """Elements of the weight."""
        rows, columns = cast("tuple[int, int]", self.weight.type.shape)
        return rows * columns


PRODUCTS = ("linear", "matmul", "qkv_projection", "kv_projection")


def products(graph: Graph) -> Iterator[Product]:
    """Every product of the graph that can be quantized, in order: those of `linear` nodes, of
    projections, and of `matmul`s by a constant matrix."""
    for node in graph.nodes():
        if node.op in PRODUCTS:
            yield from products_of(graph, node)


def products_of(graph: Graph, node: Node) -> Iterator[Product]:
    """The products of one node that can be quantized."""
    x = node.operands[0]
    assert x is not None
    biases = node.operands[2::2] if node.op != "matmul" else (None,)
    for weight, bias, result in zip(node.operands[1::2], biases, node.results, strict=True):
        assert weight is not None
        source = graph.source(weight)
        if (
            source is not None
            and graph.source(x) is None
            and weight.type.rank == 2
            and weight.type.dtype is DType.F32
        ):
            yield Product(node, result, x, weight, source, bias)


SCHEME_OF_OP = {
    "quantized_linear": "int8",
    "dynamic_quantized_linear": "int8-tensor",
}


def count_products(graph: Graph) -> dict[str, int]:
    """How many products by a constant matrix are computed in each scheme."""
    counts: dict[str, int] = {}
    for node in graph.nodes():
        if node.op == "block_quantized_linear":
            scheme = f"int{node.attributes['bits']}-weights"
        elif node.op.endswith("quantized_linear"):
            scheme = SCHEME_OF_OP[node.op]
        else:
            continue
        counts[scheme] = counts.get(scheme, 0) + 1
    rest = sum(1 for _ in products(graph))
    return dict(sorted(counts.items())) | ({"fp32": rest} if rest else {})


@dataclass(frozen=True)
class Quantize(Pass):
    """Puts products into the scheme that the plan has for their weight.

    Before:

        %y = linear(%x, %weight, %bias)

    After, by the scheme int8:

        %q, %s = quantize_rows(%x) {zero_point = 128}
        %y = quantized_linear(%q, %s, %weight/int8, %weight/scale, %bias) {zero_point = 128, …}

    By int8-tensor: `dynamic_quantized_linear(%x, %weight/int8, %weight/scale, %bias)`. By
    int8-weights and int4-weights:
    `block_quantized_linear(%x, %weight/blocks, %weight/scales, %bias) {bits = 8, block = 128}`.

    Products that read the same activations read the same bytes. Small ones gain nothing and stay;
    projections of several products are taken apart.
    """

    name: ClassVar[str] = "quantize"
    plan: QuantizationPlan = field(default_factory=QuantizationPlan)

    def run(self, graph: Graph, remarks: Remarks) -> int:
        if not self.plan.is_active:
            return 0
        writer = _Writer(graph)
        changes = 0
        for root in [node.results[0] for node in graph.nodes() if node.op in PRODUCTS]:
            # A change of its operands has put another node in its place.
            node = graph.producer(root)
            assert node is not None
            chosen = {
                product.result: (product, scheme)
                for product in products_of(graph, node)
                if (scheme := self._scheme(product, remarks)) is not FP32
            }
            if chosen:
                substitute(graph, node, writer.write_all(node, chosen))
                changes += len(chosen)
        return changes

    def _scheme(self, product: Product, remarks: Remarks) -> ProductScheme:
        scheme = self.plan.products.get(product.name)
        if scheme is None and product.elements < self.plan.least_work:
            words = f"the product by {product.weight.type} stays fp32: too small to gain"
            remarks.form(self.name, words, [product.node])
            return FP32
        scheme = scheme or ProductScheme(self.plan.default)
        remarks.form(self.name, _words(product, scheme), [product.node])
        return FP32 if scheme.scheme == FP32.scheme else scheme


def _words(product: Product, scheme: ProductScheme) -> str:
    how = ", scale known" if scheme.activation_scale is not None else ""
    return f"the product by {product.weight.type} {product.name} as {scheme.scheme}{how}"


class _Writer:
    """Writes quantized products into a graph; what several of them read is written once."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._bytes: dict[tuple[Value, int, float | None], tuple[Value, Value | None]] = {}
        self._weights: dict[tuple[Value, str, ParameterSource | None], tuple[Value, Value]] = {}

    def write_all(
        self, node: Node, chosen: Mapping[Value, tuple[Product, ProductScheme]]
    ) -> list[Value]:
        """The results of a node, the chosen ones as quantized products."""
        emit = Emitter.like(self._graph, node)
        results = []
        for place, result in enumerate(node.results):
            if result in chosen:
                results.append(self.write(*chosen[result]))
            else:
                weight, bias = node.operands[1 + 2 * place : 3 + 2 * place]
                results.append(emit("linear", node.operands[0], weight, bias))
        return results

    def write(self, product: Product, scheme: ProductScheme) -> Value:
        """The value of the product, in its scheme."""
        emit = Emitter.like(self._graph, product.node)
        name = scheme.scheme
        if name == "int8":
            return self._int8(emit, product, scheme)
        if name == "int8-tensor":
            weight = self._columns(emit, product, scheme)
            return emit("dynamic_quantized_linear", product.x, *weight, product.bias)
        bits, block = BLOCKS[name]
        weight = self._blocks(emit, product, name)
        operands = (product.x, *weight, product.bias)
        return emit("block_quantized_linear", *operands, bits=bits, block=block)

    def _int8(self, emit: Emitter, product: Product, scheme: ProductScheme) -> Value:
        zero_point = scheme.zero_point
        if zero_point is None:
            maker = self._graph.producer(product.x)
            zero_point = ZERO_POINTS.get(maker.op, 128) if maker is not None else 128
        key = product.x, zero_point, scheme.activation_scale
        if key not in self._bytes:
            self._bytes[key] = _quantized(emit, *key)
        x, row_scale = self._bytes[key]
        weight, weight_scale = self._columns(emit, product, scheme)
        operands = (x, row_scale, weight, weight_scale, product.bias)
        known = scheme.activation_scale if scheme.activation_scale is not None else 1.0
        return emit("quantized_linear", *operands, zero_point=zero_point, scale=known)

    def _columns(
        self, emit: Emitter, product: Product, scheme: ProductScheme
    ) -> tuple[Value, Value]:
        key = product.weight, "columns", scheme.clip
        if key not in self._weights:
            rows, columns = product.weight.type.shape
            types = (
                TensorType(DType.I8, (rows, columns)),
                TensorType(product.weight.type.dtype, (columns,)),
            )
            operands = (product.source, scheme.clip)
            made = [
                Computed(type, "quantize_columns", {}, operands, index)
                for index, type in enumerate(types)
            ]
            self._weights[key] = self._stored(emit, product, made, ("int8", "scale"))
        return self._weights[key]

    def _blocks(self, emit: Emitter, product: Product, scheme: str) -> tuple[Value, Value]:
        key = product.weight, scheme, None
        if key not in self._weights:
            bits, block = BLOCKS[scheme]
            rows, columns = cast("tuple[int, int]", product.weight.type.shape)
            count = -(-rows // block)
            types = (
                TensorType(DType.U8, (columns, count, block * bits // 8)),
                TensorType(product.weight.type.dtype, (columns, count)),
            )
            attributes = {"bits": bits, "block": block}
            made = [
                Computed(type, "quantize_blocks", attributes, (product.source,), index)
                for index, type in enumerate(types)
            ]
            self._weights[key] = self._stored(emit, product, made, (f"int{bits}", "scales"))
        return self._weights[key]

    def _stored(
        self, emit: Emitter, product: Product, made: list[Computed], names: tuple[str, str]
    ) -> tuple[Value, Value]:
        path, kind = product.weight.name, product.weight.kind
        weight, scale = (
            emit.parameter(f"{path}/{name}", source, kind)
            for name, source in zip(names, made, strict=True)
        )
        return weight, scale


def _quantized(
    emit: Emitter, x: Value, zero_point: int, scale: float | None
) -> tuple[Value, Value | None]:
    """Activations as bytes, and the scales of their rows where those are not known before."""
    if scale is not None:
        return emit("quantize", x, scale=scale, zero_point=zero_point), None
    quantized, row_scale = emit.all("quantize_rows", x, zero_point=zero_point)
    return quantized, row_scale
