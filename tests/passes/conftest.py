"""Shared by the tests of passes: networks in primitive ops, as they are built at -O0."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from neuralc.ir.dim import symbol
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.graph import Graph
from neuralc.ir.interpreter import interpret
from neuralc.ir.parameter import Seeded
from neuralc.ir.span import Span
from neuralc.ir.type import TensorType
from neuralc.ir.value import Value

BATCH = symbol("B", origin="the batch")


class Encoder:
    """Writes transformer blocks of one width into a graph, dropout and masks included."""

    def __init__(self, width: int, heads: int, length: object, *, padded: bool, name: str) -> None:
        self.graph = Graph(name)
        self.emit = Emitter(self.graph)
        self.width, self.heads, self.length = width, heads, length
        self.input = self.graph.add_input("input", self.type(BATCH, length, width))
        self.key_mask: Value | None = None
        if padded:
            type = TensorType(DType.I64, (BATCH, length))
            mask = self.graph.add_input("attention_mask", type)
            zero = self.emit.constant(0, DType.I64)
            self.key_mask = self.emit("not_equal", mask, zero)

    def type(self, *shape: object) -> TensorType:
        return TensorType(DType.F32, shape)

    def weight(self, path: str, *shape: int) -> Value:
        name = "glorot_uniform" if len(shape) > 1 else "random_uniform"
        limits = () if len(shape) > 1 else (("minval", -0.5), ("maxval", 0.5))
        return self.emit.parameter(path, Seeded(self.type(*shape), name, limits, 0, path))

    def dense(self, x: Value, path: str, width: int) -> Value:
        product = self.emit("matmul", x, self.weight(f"{path}/kernel", x.type.shape[-1], width))
        return self.emit("add", product, self.weight(f"{path}/bias", width))

    def norm(self, x: Value, path: str) -> Value:
        gain = self.weight(f"{path}/gain", self.width)
        bias = self.weight(f"{path}/bias", self.width)
        return self.emit("layer_norm", x, gain, bias, epsilon=1e-5)

    def positions(self, x: Value) -> Value:
        counted = self.emit("positions", x, axis=1)
        return self.emit("add", x, self.emit("sinusoid", counted, width=self.width))

    def attention(self, x: Value, memory: Value, path: str, *, causal: bool = False) -> Value:
        emit, heads, size = self.emit, self.heads, self.width // self.heads
        queries, keys = x.type.shape[1], memory.type.shape[1]

        def split(value: Value, length: object, permutation: tuple[int, ...]) -> Value:
            apart = emit("reshape", value, shape=(BATCH, length, heads, size))
            return emit("transpose", apart, permutation=permutation)

        query = split(self.dense(x, f"{path}/query", self.width), queries, (0, 2, 1, 3))
        key = split(self.dense(memory, f"{path}/key", self.width), keys, (0, 2, 3, 1))
        value = split(self.dense(memory, f"{path}/value", self.width), keys, (0, 2, 1, 3))
        scores = emit("mul", emit("matmul", query, key), emit.constant(size**-0.5))
        masks = []
        if self.key_mask is not None:
            masks.append(emit("reshape", self.key_mask, shape=(BATCH, 1, 1, keys)))
        if causal:
            column = emit("reshape", emit("positions", memory, axis=1), shape=(1, keys))
            row = emit("reshape", emit("positions", x, axis=1), shape=(queries, 1))
            masks.append(emit("less_equal", column, row))
        if masks:
            mask = masks[0] if len(masks) == 1 else emit("logical_and", *masks)
            weights = emit("masked_softmax", scores, mask)
        else:
            weights = emit("softmax", scores)
        weights = emit("dropout", weights, rate=0.1)
        attended = emit("transpose", emit("matmul", weights, value), permutation=(0, 2, 1, 3))
        joined = emit("reshape", attended, shape=(BATCH, queries, self.width))
        return self.dense(joined, f"{path}/output", self.width)

    def feed_forward(self, x: Value, path: str, activation: str) -> Value:
        emit = self.emit
        inner = self.dense(x, f"{path}/inner", 4 * self.width)
        if activation == "gelu":
            curve = emit("erf", emit("mul", inner, emit.constant(0.5**0.5)))
            half = emit("mul", inner, emit.constant(0.5))
            inner = emit("mul", half, emit("add", curve, emit.constant(1.0)))
        else:
            inner = emit("relu", inner)
        return self.dense(emit("dropout", inner, rate=0.1), f"{path}/outer", self.width)

    def layer(
        self,
        x: Value,
        path: str,
        *,
        causal: bool = False,
        memory: Value | None = None,
        activation: str = "gelu",
    ) -> Value:
        """A pre-norm block; with a memory, a decoder's."""
        line = 1 + len({node.scope for node in self.graph.nodes()})
        span = Span("model.neural", line, 5, line, 40)
        with self.emit.inside(path, (span,)):
            n = self.norm(x, f"{path}/attention_norm")
            x = self.emit("add", x, self.attention(n, n, f"{path}/attention", causal=causal))
            if memory is not None:
                n = self.norm(x, f"{path}/cross_attention_norm")
                attended = self.attention(n, memory, f"{path}/cross_attention")
                x = self.emit("add", x, attended)
            n = self.norm(x, f"{path}/ffn_norm")
            return self.emit("add", x, self.feed_forward(n, f"{path}/ffn", activation))


def encoder_graph(
    layers: int,
    width: int = 16,
    heads: int = 4,
    length: object = 6,
    *,
    causal: bool = False,
    padded: bool = False,
    cross: bool = False,
    activation: str = "gelu",
) -> Graph:
    """A stack of pre-norm blocks and a head; with `cross` decoder blocks behind encoder blocks."""
    model = Encoder(width, heads, length, padded=padded, name="Stack")
    x = start = model.positions(model.input)
    for index in range(layers):
        x = model.layer(x, f"encoder[{index}]", causal=causal, activation=activation)
    if cross:
        memory, x = x, start
        for index in range(layers):
            x = model.layer(x, f"decoder[{index}]", causal=True, memory=memory)
    pooled = model.emit("reduce_mean", x, axes=(1,))
    model.graph.outputs["output"] = model.emit("softmax", model.dense(pooled, "head", 3))
    return model.graph


def random_inputs(graph: Graph, seed: int = 0, batch: int = 2, **sizes: int) -> dict[str, object]:
    """Inputs for a graph: normal floats, half of the booleans true, integers 0 and 1."""
    from neuralc.ir.dim import evaluate

    random = np.random.default_rng(seed)
    symbols = {name: sizes.get(name, batch) for name in graph.symbols()}
    inputs: dict[str, object] = {}
    for value in graph.inputs:
        shape = [evaluate(dim, symbols) for dim in value.type.shape]
        if value.type.dtype.is_float:
            inputs[value.name] = random.standard_normal(shape).astype(value.type.dtype.numpy)
        else:
            inputs[value.name] = random.integers(0, 2, shape).astype(value.type.dtype.numpy)
    return inputs


def assert_same_meaning(before: Graph, after: Graph, **sizes: int) -> None:
    """Both give the same outputs in float64 on random inputs of several batch sizes."""
    for seed, batch in enumerate((1, 3)):
        inputs = random_inputs(before, seed, batch, **sizes)
        expected, found = interpret(before, inputs), interpret(after, inputs)
        assert list(expected) == list(found)
        for name, array in expected.items():
            assert found[name].dtype == array.dtype
            np.testing.assert_allclose(found[name], array, rtol=2e-6, atol=1e-6, err_msg=name)


@pytest.fixture(scope="session")
def encoder() -> Callable[..., Graph]:
    return encoder_graph


@pytest.fixture(scope="session")
def same_meaning() -> Callable[..., None]:
    return assert_same_meaning
