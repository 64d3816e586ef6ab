"""Products in bytes: which are quantized, how, and what may influence a row of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnxruntime as ort
import pytest
from neuralc.ir.dim import symbol
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.equality import difference
from neuralc.ir.evaluate import evaluate
from neuralc.ir.graph import Graph
from neuralc.ir.interpreter import interpret
from neuralc.ir.parameter import Literal, Seeded
from neuralc.ir.quantization import ProductScheme, QuantizationPlan
from neuralc.ir.target import target_named
from neuralc.ir.text import parse_graph, print_graph
from neuralc.ir.type import TensorType
from neuralc.ir.value import Value
from neuralc.lowering.onnx_lowering import lower
from neuralc.lowering.weights import to_bytes
from neuralc.passes.forms_pipeline import forms_passes
from neuralc.passes.manager import PipelineResult, run_pipeline
from neuralc.passes.memory_plan import plan
from neuralc.passes.quantize import Quantize, count_products, products

CPU = target_named("cpu", "int8")
WIDTH, HIDDEN = 96, 384
SCHEMES = ("int8", "int8-tensor", "int8-weights", "int4-weights")
TOLERANCE = {"int8": 0.015, "int8-tensor": 0.015, "int8-weights": 0.015, "int4-weights": 0.12}
"""The mean error of two products, as a part of the spread of their results."""


class Network:
    """A graph with rows [B, 96] as its input, and short ways to add layers."""

    def __init__(self) -> None:
        self.graph = Graph("Network")
        self.x = self.graph.add_input("x", TensorType(DType.F32, (symbol("B"), WIDTH)))
        self.emit = Emitter(self.graph)

    def weight(self, name: str, *shape: int) -> Value:
        type = TensorType(DType.F32, shape)
        return self.emit.parameter(name, Seeded(type, "glorot_normal", (), 0, name))

    def linear(self, x: Value, name: str, columns: int, bias: bool = True) -> Value:
        rows = x.type.shape[-1]
        assert isinstance(rows, int)
        offset = self.weight(f"{name}/bias", columns) if bias else None
        return self.emit("linear", x, self.weight(name, rows, columns), offset)

    def feed_forward(self, activation: str = "gelu") -> Network:
        hidden = self.emit(activation, self.linear(self.x, "up", HIDDEN))
        self.graph.outputs["y"] = self.linear(hidden, "down", WIDTH)
        return self

    def quantized(
        self, default: str = "int8", schemes: Mapping[str, ProductScheme] | None = None
    ) -> PipelineResult:
        plan = QuantizationPlan(default, schemes or {})
        return run_pipeline(self.graph, forms_passes(CPU, {}, plan=plan), verify=True)

    def ops(self, default: str = "int8", **schemes: ProductScheme) -> list[str]:
        return [node.op for node in self.quantized(default, schemes).graph.nodes()]


def rows(count: int = 6, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, WIDTH)).astype(np.float32)


def session(graph: Graph) -> ort.InferenceSession:
    program = lower(graph, CPU, producer_version="test")
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(to_bytes(program), options, providers=["CPUExecutionProvider"])


def run(graph: Graph, x: np.ndarray) -> np.ndarray:
    (result,) = session(graph).run(None, {"x": x})
    return result


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_kernels_compute_what_the_quantized_graph_says(scheme: str) -> None:
    network = Network().feed_forward()
    result = network.quantized(scheme)
    x = rows()
    meant, held = (interpret(graph, {"x": x})["y"] for graph in (network.graph, result.graph))
    found = run(result.graph, x)
    assert count_products(result.graph) == {scheme: 2}
    assert np.abs(held - meant).mean() < TOLERANCE[scheme] * meant.std()
    # No number of these lies so near the middle of two steps that float32 takes the other one.
    assert np.abs(found - held).max() < 1e-5 * meant.std()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_weights_are_made_when_the_file_is_written(scheme: str) -> None:
    graph = Network().feed_forward().quantized(scheme).graph
    sources = {value.name: source for value, source in graph.sources()}
    assert not {"up", "down"} & set(sources)
    assert sum(evaluate(s).nbytes for s in sources.values()) < 0.32 * 4 * 2 * WIDTH * HIDDEN
    assert difference(graph, parse_graph(print_graph(graph))) is None


@pytest.mark.parametrize("activation", ["tanh", "gelu", "relu"])
def test_no_product_errs_more_than_half_steps_allow(activation: str) -> None:
    """The bound of docs/exactness.md, for every row and column."""
    network = Network()
    hidden = network.emit(activation, network.x)
    network.graph.outputs |= {"y": network.linear(hidden, "down", HIDDEN, False), "x": hidden}
    graph = network.quantized().graph
    given = {"x": rows(32) * np.logspace(-3, 3, 32)[:, None].astype(np.float32)}
    meant = interpret(network.graph, given)
    steps = [n.results[1].name for n in graph.nodes() if n.op == "quantize_rows"]
    held = interpret(graph, given, keep=steps)
    sources = {value.name: evaluate(source) for value, source in graph.sources()}
    weight = next(evaluate(s) for v, s in network.graph.sources() if v.name == "down")
    row, column = held[steps[0]], sources["down/scale"].astype(np.float64)
    sums = np.abs(meant["x"]).sum(1, keepdims=True)
    bound = column / 2 * sums + row / 2 * np.abs(weight).sum(0) + WIDTH / 4 * row * column
    error = np.abs(held["y"] - meant["y"])
    assert (error <= bound * (1 + 1e-9)).all()
    assert error.max() > 0


def test_products_of_the_same_rows_share_their_bytes() -> None:
    network = Network()
    for name in ("query", "key", "value"):
        network.graph.outputs[name] = network.linear(network.x, name, 512, bias=name != "key")
    assert network.ops() == ["quantize_rows"] + ["quantized_linear"] * 3


def test_a_projection_is_taken_apart_where_a_product_of_it_is_quantized() -> None:
    network = Network()
    weights = [network.weight(name, WIDTH, HIDDEN) for name in ("query", "key", "value")]
    biases = [network.weight("query/bias", HIDDEN), None, None]
    pairs = [each for pair in zip(weights, biases, strict=True) for each in pair]
    results = network.emit.all("qkv_projection", network.x, *pairs)
    network.graph.outputs |= dict(zip("abc", results, strict=True))
    assert network.ops() == ["quantize_rows"] + ["quantized_linear"] * 3
    exact = network.ops(key=ProductScheme("fp32"))
    assert sorted(exact) == ["linear", "quantize_rows", *["quantized_linear"] * 2]
    graph = network.quantized().graph
    x = rows()
    for name, found in zip("abc", session(graph).run(None, {"x": x}), strict=True):
        np.testing.assert_allclose(found, interpret(graph, {"x": x})[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_output_is_written_without_a_reshape_behind_it(scheme: str) -> None:
    network = Network()
    emit, graph = network.emit, network.graph
    x = graph.add_input("sequence", TensorType(DType.F32, (symbol("B"), 5, WIDTH)))
    flat = emit("reshape", x, shape=(symbol("B") * 5, WIDTH))
    graph.outputs["y"] = emit(
        "reshape", network.linear(flat, "head", HIDDEN), shape=(symbol("B"), 5, HIDDEN)
    )
    result = network.quantized(scheme).graph
    last = result.producer(result.outputs["y"])
    assert last is not None
    assert last.op.endswith("quantized_linear")
    given = {"sequence": rows(10).reshape(2, 5, WIDTH), "x": rows(2)}
    (found,) = session(result).run(None, given)
    held = interpret(result, given)["y"]
    np.testing.assert_allclose(found, held, rtol=1e-4, atol=1e-5)


def test_the_memory_plan_knows_what_lies_beside_bytes() -> None:
    network = Network().feed_forward()
    sizes = {"B": 64}
    spaces = {
        scheme: {
            buffer.op: buffer.bytes
            for buffer in plan(network.quantized(scheme).graph, CPU, sizes).buffers
            if not buffer.names
        }
        for scheme in SCHEMES
    }
    assert spaces["int8"] == {
        "quantize_rows": 64 * HIDDEN * 4,  # the later of two
        "quantized_linear": 64 * WIDTH * 4,
    }
    assert spaces["int8-tensor"] == {"dynamic_quantized_linear": 64 * HIDDEN}
    assert spaces["int4-weights"] == {"block_quantized_linear": 64 * HIDDEN}
    known = {"up": ProductScheme("int8", 0.035), "down": ProductScheme("int8", 0.035)}
    graph = network.quantized("int8", known).graph
    assert all(buffer.names for buffer in plan(graph, CPU, sizes).buffers)


def test_one_weight_of_two_products_is_stored_once() -> None:
    network = Network()
    weight = network.weight("tied", WIDTH, HIDDEN)
    other = network.graph.add_input("other", network.x.type)
    for name, x in (("a", network.x), ("b", other)):
        network.graph.outputs[name] = network.emit("linear", x, weight, None)
    names = [value.name for value, _ in network.quantized().graph.sources()]
    assert sorted(names) == ["tied/int8", "tied/scale"]


@pytest.mark.parametrize(
    ("activation", "zero_point"), [("relu", 0), ("gelu", 32), ("silu", 48), ("tanh", 128)]
)
def test_the_byte_of_zero_suits_what_makes_the_rows(activation: str, zero_point: int) -> None:
    graph = Network().feed_forward(activation).quantized().graph
    found = [n.attributes["zero_point"] for n in graph.nodes() if n.op == "quantize_rows"]
    assert found == [128, zero_point]


def test_a_byte_of_zero_that_suits_makes_rows_more_exact() -> None:
    network = Network()
    network.graph.outputs["y"] = network.linear(network.emit("relu", network.x), "down", HIDDEN)
    x = rows(64)
    meant = interpret(network.graph, {"x": x})["y"]

    def error(**scheme: int) -> float:
        plan = {"down": ProductScheme("int8", **scheme)}
        held = interpret(network.quantized("fp32", plan).graph, {"x": x})["y"]
        return float(np.abs(held - meant).mean())

    assert error() < 0.9 * error(zero_point=128)


def test_a_plan_names_products_by_their_weights() -> None:
    network = Network().feed_forward()
    assert [each.name for each in products(network.graph)] == ["up", "down"]
    down = ProductScheme("int8-tensor")
    assert network.ops("fp32", down=down) == ["linear", "gelu", "dynamic_quantized_linear"]
    assert network.ops("int8", down=ProductScheme("fp32")).count("linear") == 1
    assert network.ops("fp32") == ["linear", "gelu", "linear"]


def test_a_known_scale_needs_no_search_in_the_rows() -> None:
    network = Network().feed_forward()
    up = ProductScheme("int8", activation_scale=0.035, zero_point=120)
    graph = network.quantized("fp32", {"up": up}).graph
    assert [node.op for node in graph.nodes()][:2] == ["quantize", "quantized_linear"]
    x = rows()
    meant, held = (interpret(each, {"x": x})["y"] for each in (network.graph, graph))
    assert np.abs(held - meant).mean() < 0.015 * meant.std()
    assert np.abs(run(graph, x) - held).max() < 1e-5 * meant.std()


def test_clipped_columns_have_smaller_steps() -> None:
    network = Network().feed_forward()
    clip = Literal(TensorType(DType.F32, (HIDDEN,)), np.full(HIDDEN, 0.5, np.float32))
    steps = []
    for scheme in (ProductScheme("int8"), ProductScheme("int8", clip=clip)):
        sources = network.quantized("fp32", {"up": scheme}).graph.sources()
        steps.append(next(evaluate(s) for value, s in sources if value.name == "up/scale"))
    assert (steps[1] < steps[0]).all()
    assert steps[1].mean() < 0.7 * steps[0].mean()


def test_small_products_and_computed_weights_stay() -> None:
    network = Network()
    matrix = network.graph.add_input("matrix", TensorType(DType.F32, (WIDTH, HIDDEN)))
    small = network.linear(network.x, "small", 8)
    network.graph.outputs |= {
        "small": small,
        "computed": network.emit("matmul", network.x, matrix),
    }
    result = network.quantized()
    assert count_products(result.graph) == {"fp32": 1}
    assert [str(remark) for remark in result.remarks.all() if remark.pass_name == "quantize"] == [
        "form [quantize]: the product by f32[96, 8] stays fp32: too small to gain"
    ]
    assert network.ops(small=ProductScheme("int8")).count("quantized_linear") == 1


@pytest.mark.parametrize("scheme", ["int8", "int8-weights", "int4-weights"])
@pytest.mark.parametrize("other", [1e30, np.inf, np.nan, 0.0], ids=str)
def test_no_row_moves_another(scheme: str, other: float) -> None:
    running = session(Network().feed_forward().quantized(scheme).graph)
    x = rows()
    (before,) = running.run(None, {"x": x})
    changed = x.copy()
    changed[2, 5] = other
    (after,) = running.run(None, {"x": changed})
    kept = [0, 1, 3, 4, 5]
    np.testing.assert_array_equal(after[kept], before[kept])
    assert not np.array_equal(after[2], before[2])
    (alone,) = running.run(None, {"x": x[:1]})
    if scheme == "int8":
        np.testing.assert_array_equal(alone, before[:1])


def test_a_row_of_whole_tensor_form_moves_all_others() -> None:
    running = session(Network().feed_forward().quantized("int8-tensor").graph)
    x = rows()
    (before,) = running.run(None, {"x": x})
    x[2, 5] = 1e3
    (after,) = running.run(None, {"x": x})
    assert np.abs(after[0] - before[0]).max() > 0.5 * before.std()


def test_rows_of_zeros_give_the_bias() -> None:
    network = Network()
    network.graph.outputs["y"] = network.linear(network.x, "up", HIDDEN)
    graph = network.quantized().graph
    expected = interpret(network.graph, {"x": np.zeros((1, WIDTH))})["y"].astype(np.float32)
    np.testing.assert_array_equal(run(graph, np.zeros((1, WIDTH), np.float32)), expected)
    tiny = np.full((1, WIDTH), 1e-38, np.float32)
    np.testing.assert_array_equal(run(graph, tiny), expected)


def test_no_pair_of_weights_overflows_sixteen_bits() -> None:
    """What processors without VNNI add in 16 bits: two products with an unsigned byte."""
    random = np.random.default_rng(3)
    content = random.standard_normal((WIDTH, HIDDEN)).astype(np.float32)
    content[::7] = np.sign(content[::7]) * 4
    content[1::7] = content[::7][: len(content[1::7])]
    network = Network()
    type = TensorType(DType.F32, content.shape)
    weight = network.emit.parameter("heavy", Literal(type, content))
    network.graph.outputs["y"] = network.emit("linear", network.x, weight, None)
    sources = {value.name: source for value, source in network.quantized().graph.sources()}
    levels = evaluate(sources["heavy/int8"]).astype(int)
    assert (255 * (levels[0::2] + levels[1::2])).max() < 1 << 15
    assert (255 * (levels[0::2] + levels[1::2])).min() >= -(1 << 15)
    assert np.abs(levels).max() <= 127


def test_nothing_is_left_to_do_the_second_time() -> None:
    result = Network().feed_forward().quantized()
    again = run_pipeline(result.graph, [Quantize(QuantizationPlan("int8"))], verify=True)
    assert again.records[0].changes == 0


def test_a_plan_of_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match="no scheme 'int3'"):
        QuantizationPlan("int3")
    with pytest.raises(ValueError, match="no scheme 'int3'"):
        ProductScheme("int3")
