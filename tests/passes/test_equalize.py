"""Columns in front of products are scaled, and nothing else is: the function stays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from neuralc.ir.dim import symbol
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.evaluate import evaluate
from neuralc.ir.graph import Graph
from neuralc.ir.interpreter import interpret
from neuralc.ir.parameter import Literal, Seeded
from neuralc.ir.type import TensorType
from neuralc.ir.value import Kind, Value
from neuralc.passes.dead_code import DeadCode
from neuralc.passes.equalize import Equalize, places
from neuralc.passes.manager import run_pipeline
from neuralc.passes.pipelines import passes_of
from neuralc.passes.remarks import RemarkKind

B = symbol("B")
WIDTH = 8


class Network:
    """A norm in front of products, with what a test wants around it."""

    def __init__(self) -> None:
        self.graph = Graph("Network")
        self.emit = Emitter(self.graph)
        self.x = self.graph.add_input("x", TensorType(DType.F32, (B, 5, WIDTH)))

    def weight(self, path: str, *shape: int) -> Value:
        source = Seeded(TensorType(DType.F32, shape), "random_normal", (), 0, path)
        return self.emit.parameter(path, source)

    def norm(self, op: str = "layer_norm", **attributes: object) -> Value:
        operands = [self.weight("gain", WIDTH)]
        if op == "layer_norm":
            operands.append(self.weight("shift", WIDTH))
        return self.emit(op, self.x, *operands, epsilon=1e-5, **attributes)  # type: ignore[arg-type]

    def dense(self, x: Value, path: str, width: int = 4) -> Value:
        weight = self.weight(f"{path}/kernel", x.type.shape[-1], width)  # type: ignore[arg-type]
        return self.emit("linear", x, weight, self.weight(f"{path}/bias", width))

    def done(self, *outputs: Value) -> Graph:
        self.graph.outputs = {f"y{number}": each for number, each in enumerate(outputs)}
        return self.graph


def powers(count: int = WIDTH) -> np.ndarray:
    return np.exp2(np.arange(count) % 7 - 3.0)


def ops(graph: Graph) -> list[str]:
    return [node.op for node in graph.nodes()]


def assert_equal_in_float64(before: Graph, after: Graph) -> None:
    """Powers of two change no digit, so that rounding cannot hide anything."""
    random = np.random.default_rng(0)
    inputs = {v.name: random.standard_normal((3, *v.type.shape[1:])) for v in before.inputs}
    expected, found = interpret(before, inputs), interpret(after, inputs)
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("op", ["layer_norm", "rms_norm"])
def test_a_norm_that_products_alone_read_takes_the_factors(op: str) -> None:
    net = Network()
    n = net.norm(op)
    graph = net.done(net.dense(n, "a"), net.dense(n, "b"))
    result = run_pipeline(graph, [Equalize({"gain": powers()}), DeadCode()], verify=True)
    assert sorted(ops(result.graph)) == sorted(ops(graph))
    content = {value.name: evaluate(source) for value, source in result.graph.sources()}
    before = {value.name: evaluate(source) for value, source in graph.sources()}
    np.testing.assert_array_equal(content["gain/equalized"] * powers(), before["gain"])
    for path in ("a/kernel", "b/kernel"):
        scaled = before[path] * powers()[:, None]
        np.testing.assert_array_equal(content[f"{path}/equalized"], scaled)
    assert_equal_in_float64(graph, result.graph)
    twice = run_pipeline(result.graph, [Equalize({"gain": powers()})])
    assert [record.changes for record in twice.records] == [0]


@pytest.mark.parametrize("also_output", [False, True], ids=["read by a sum", "an output"])
def test_a_norm_that_others_read_is_written_again_for_the_products(also_output: bool) -> None:
    net = Network()
    n = net.norm()
    y = net.dense(n, "a", WIDTH)
    graph = net.done(y, n) if also_output else net.done(net.emit("add", n, y))
    assert [place.shared for place in places(graph)] == [True]
    result = run_pipeline(graph, [Equalize({"gain": powers()}), DeadCode()], verify=True).graph
    assert ops(result).count("layer_norm") == 2
    assert_equal_in_float64(graph, result)


def test_a_residual_sum_and_its_norm_keep_their_sum() -> None:
    net = Network()
    gain, shift = net.weight("gain", WIDTH), net.weight("shift", WIDTH)
    n, total = net.emit.all("skip_layer_norm", net.x, net.x, gain, shift, epsilon=1e-5)
    plain = net.done(net.dense(n, "a", WIDTH), total)
    result = run_pipeline(plain, [Equalize({"gain": powers()}), DeadCode()], verify=True).graph
    assert ops(result).count("skip_layer_norm") == 1
    assert "layer_norm" not in ops(result)
    assert_equal_in_float64(plain, result)

    net = Network()
    gain, shift = net.weight("gain", WIDTH), net.weight("shift", WIDTH)
    n, total = net.emit.all("skip_layer_norm", net.x, net.x, gain, shift, epsilon=1e-5)
    post = net.done(net.emit("add", n, net.dense(n, "a", WIDTH)), total)
    result = run_pipeline(post, [Equalize({"gain": powers()}), DeadCode()], verify=True).graph
    assert ops(result).count("layer_norm") == 1
    assert_equal_in_float64(post, result)


def attended(kv_heads: int, *, read_elsewhere: bool = False) -> Graph:
    net = Network()
    heads, size = 4, 2
    query = net.dense(net.x, "query", heads * size)
    operands = [net.x]
    for path in ("key", "value"):
        operands += [
            net.weight(f"{path}/kernel", WIDTH, kv_heads * size),
            net.weight(f"{path}/bias", kv_heads * size),
        ]
    key, value = net.emit.all("kv_projection", *operands)
    y = net.emit("attention", query, key, value, heads=heads, kv_heads=kv_heads, scale=0.5)
    outputs = [net.dense(y, "output")]
    return net.done(*outputs, value) if read_elsewhere else net.done(*outputs)


@pytest.mark.parametrize("kv_heads", [4, 2, 1])
def test_values_of_an_attention_take_the_factors_of_the_product_behind(kv_heads: int) -> None:
    graph = attended(kv_heads)
    (place,) = places(graph)
    assert (place.key, place.columns) == ("value/kernel", 2 * kv_heads)
    factors = {place.key: powers(place.columns)}
    result = run_pipeline(graph, [Equalize(factors), DeadCode()], verify=True).graph
    names = {value.name for value, _ in result.sources()}
    assert {"value/kernel/equalized", "value/bias/equalized", "output/kernel/equalized"} <= names
    assert {"key/kernel", "query/kernel"} <= names
    assert_equal_in_float64(graph, result)


def test_a_weight_that_takes_two_sets_of_factors(encoder: Callable[..., Graph]) -> None:
    """Values' weights stand behind a norm and in front of the attention's output."""
    graph = run_pipeline(encoder(2, causal=True), passes_of(2)).graph
    found = {place.key: powers(place.columns) for place in places(graph)}
    assert len(found) == 6
    result = run_pipeline(graph, [Equalize(found), DeadCode()], verify=True).graph
    assert len([name for name in found if name.endswith("value/kernel")]) == 2
    assert_equal_in_float64(graph, result)


def test_a_weight_that_others_read_keeps_its_content_for_them() -> None:
    net = Network()
    weight = net.weight("kernel", WIDTH, WIDTH)
    y = net.emit("linear", net.norm(), weight)
    graph = net.done(y, net.emit("linear", net.x, weight))
    result = run_pipeline(graph, [Equalize({"gain": powers()}), DeadCode()], verify=True).graph
    assert_equal_in_float64(graph, result)


def near_misses() -> dict[str, tuple[Graph, str, str]]:
    found: dict[str, tuple[Graph, str, str]] = {}
    net = Network()
    n = net.emit("layer_norm", net.x, None, net.weight("shift", WIDTH), epsilon=1e-5)
    found["no gain"] = net.done(net.dense(n, "a")), "shift", "no gain"

    net = Network()
    gain = net.graph.add_input("gain", TensorType(DType.F32, (WIDTH,)))
    n = net.emit("layer_norm", net.x, gain, epsilon=1e-5)
    found["a gain that is computed"] = net.done(net.dense(n, "a")), "gain", "is computed"

    net = Network()
    square = net.graph.add_input("square", TensorType(DType.F32, (B, WIDTH, WIDTH)))
    n = net.emit("layer_norm", square, net.weight("gain", WIDTH), axis=1, epsilon=1e-5)
    found["another axis"] = net.done(net.dense(n, "a")), "gain", "not over the last axis"

    elsewhere = attended(4, read_elsewhere=True)
    found["values read elsewhere"] = elsewhere, "value/kernel", "than the attention"

    graph = attended(4)
    (attention,) = [node for node in graph.nodes() if node.op == "attention"]
    graph.outputs["raw"] = attention.result
    found["attended values read elsewhere"] = graph, "value/kernel", "than products"
    return found


@pytest.mark.parametrize("case", near_misses(), ids=str)
def test_what_cannot_take_factors_stays(case: str) -> None:
    graph, key, reason = near_misses()[case]
    result = run_pipeline(graph, [Equalize({key: powers()})], verify=True)
    assert [record.changes for record in result.records] == [0]
    missed = [r.message for r in result.remarks.all() if r.kind is RemarkKind.MISSED]
    assert [message for message in missed if reason in message] != []


def test_a_product_with_a_computed_weight_is_no_place() -> None:
    net = Network()
    weight = net.graph.add_input("w", TensorType(DType.F32, (WIDTH, 4)))
    graph = net.done(net.emit("linear", net.norm(), weight))
    assert places(graph) == []


@pytest.mark.parametrize("wrong", [np.full(WIDTH, 3.0), np.ones(WIDTH - 1), np.zeros(WIDTH)])
def test_factors_that_would_round_or_do_not_fit_are_refused(wrong: np.ndarray) -> None:
    net = Network()
    graph = net.done(net.dense(net.norm(), "a"))
    (place,) = places(graph)
    pass_ = Equalize({place.key: wrong})
    with pytest.raises(Exception, match="factors"):
        run_pipeline(graph, [pass_])


def test_no_factors_change_nothing() -> None:
    net = Network()
    graph = net.done(net.dense(net.norm(), "a"))
    result = run_pipeline(graph, [Equalize()])
    assert [record.changes for record in result.records] == [0]
    assert result.remarks.all() == ()


def test_factors_stay_exact_in_the_file_s_precision() -> None:
    """A power of two moves the exponent alone: the scaled weight over its factor is the weight."""
    array = np.random.default_rng(0).standard_normal((WIDTH, 4)).astype(np.float32)
    net = Network()
    source = Literal(TensorType(DType.F32, (WIDTH, 4)), array)
    weight = net.graph.add_source("kernel", source, Kind.PARAMETER)
    graph = net.done(net.emit("linear", net.norm(), weight))
    result = run_pipeline(graph, [Equalize({"gain": powers()})]).graph
    scaled = {value.name: evaluate(each) for value, each in result.sources()}["kernel/equalized"]
    np.testing.assert_array_equal(scaled / powers()[:, None].astype(np.float32), array)
