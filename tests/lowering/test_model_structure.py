"""Names, places, metadata and constants of lowered models."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import onnx
import pytest
from neuralc.ir.diagnostic import CompileError
from neuralc.ir.dim import SymbolicDim, symbol
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.graph import Graph
from neuralc.ir.interpreter import interpret
from neuralc.ir.parameter import Seeded
from neuralc.ir.span import Span
from neuralc.ir.target import target_named
from neuralc.ir.type import TensorType
from neuralc.lowering.onnx_lowering import SOURCE_MAP, lower
from neuralc.lowering.validity import check
from neuralc.lowering.weights import to_bytes

PORTABLE = target_named("portable")
SPAN = Span("net.neural", 3, 5, 3, 20)


def start(*shape: Any, dtype: DType = DType.F32) -> tuple[Graph, Emitter, Any]:
    graph = Graph("net")
    x = graph.add_input("x", TensorType(dtype, shape))
    return graph, Emitter(graph), x


def program(graph: Graph, **metadata: str) -> Any:
    return lower(graph, PORTABLE, producer_version="1.2", metadata=metadata)


def test_nodes_are_named_by_scope_and_weights_by_path() -> None:
    graph, emit, x = start(2, 4)
    for index in range(2):
        with emit.inside(f"encoder[{index}]", (SPAN,)), emit.inside("ffn"):
            type = TensorType(DType.F32, (4, 4))
            path = f"encoder[{index}]/ffn/inner/kernel"
            weight = emit.parameter(path, Seeded(type, "glorot_uniform", (), 0, path))
            x = emit("relu", emit("matmul", emit("relu", x), weight))
    graph.outputs["output"] = x
    lowered = program(graph)
    assert [node.name for node in lowered.model.graph.node] == [
        "encoder[0]/ffn/relu", "encoder[0]/ffn/matmul", "encoder[0]/ffn/relu_1",
        "encoder[1]/ffn/relu", "encoder[1]/ffn/matmul", "encoder[1]/ffn/relu_1",
    ]  # fmt: skip
    assert [name for name, _ in lowered.initializers] == [
        "encoder[0]/ffn/inner/kernel", "encoder[1]/ffn/inner/kernel",
    ]  # fmt: skip
    assert list(lowered.model.graph.node[-1].output) == ["output"]
    assert lowered.value_names["x"] == "x"
    assert lowered.value_names["matmul"] == "encoder[0]/ffn/matmul"


def test_places_travel_with_each_node_and_as_one_map() -> None:
    graph, emit, x = start(2, 4)
    with emit.inside("head", (SPAN, Span("net.neural", 9, 1, 9, 2))):
        graph.outputs["y"] = emit("masked_softmax", x, emit("equal", x, x))
    model = program(graph).model
    places = {
        node.name: [entry.value for entry in node.metadata_props] for node in model.graph.node
    }
    assert set(places) == {
        "head/equal", "head/masked_softmax", "head/masked_softmax/mask",
        "head/masked_softmax/softmax",
    }  # fmt: skip
    assert all(value == ["net.neural:3:5; net.neural:9:1"] for value in places.values())
    stored = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(stored[SOURCE_MAP]) == {name: value[0] for name, value in places.items()}


def test_metadata_of_the_graph_and_of_the_caller_is_kept() -> None:
    graph, emit, x = start(2)
    graph.metadata = {"loss": "mse", "optimizer": "adam"}
    graph.outputs["y"] = emit("relu", x)
    model = program(graph, optimizer="sgd", extra="1").model
    stored = {entry.key: entry.value for entry in model.metadata_props}
    assert stored == {"loss": "mse", "optimizer": "sgd", "extra": "1", SOURCE_MAP: "{}"}
    assert (model.producer_name, model.producer_version) == ("neuralc", "1.2")
    assert model.ir_version == PORTABLE.ir_version
    assert model.opset_import[0].version == PORTABLE.opset


def test_outputs_that_no_node_makes_or_that_are_one_value(run_model: Any, lowered: Any) -> None:
    graph, emit, x = start(symbol("B"), 4)
    y = emit("neg", x)
    weight = emit.constant([1.0, 2.0], name="weight")
    graph.outputs = {"first": y, "second": y, "input": x, "constant": weight}
    graph.outputs["after"] = emit("exp", y)
    model = lowered(graph, PORTABLE)
    check(model)
    inputs = {"x": np.arange(8, dtype=np.float32).reshape(2, 4)}
    for found, wanted in zip(
        run_model(model, inputs), interpret(graph, inputs).values(), strict=True
    ):
        np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_a_weight_or_scope_called_like_an_input_or_output_gets_a_number() -> None:
    graph, emit, x = start(4)
    weight = emit.constant([1.0, 2.0, 3.0, 4.0], name="output")
    with emit.inside("x"):
        inner = emit("add", x, weight)
    graph.outputs["output"] = emit("neg", inner)
    lowered = program(graph)
    assert [name for name, _ in lowered.initializers] == ["output_1"]
    check(to_bytes(lowered))


def test_an_output_called_like_an_input_is_refused() -> None:
    graph, emit, x = start(4)
    graph.outputs["x"] = emit("neg", x)
    with pytest.raises(CompileError, match="E0606"):
        program(graph)


def test_equal_contents_are_stored_once() -> None:
    graph, emit, x = start(4)
    type = TensorType(DType.F32, (4,))
    for name in ("tied", "other name"):
        weight = emit.parameter(name, Seeded(type, "glorot_uniform", (), 0, "tied"))
        x = emit("add", x, weight)
    x = emit("mul", emit("mul", x, emit.constant(2.0)), emit.constant(2.0))
    graph.outputs["y"] = emit("add", x, emit.constant(-0.0))
    names = [name for name, _ in program(graph).initializers]
    assert len(names) == 3
    assert names[0] == "tied"


def test_zero_and_minus_zero_are_two_constants() -> None:
    graph, emit, x = start(4)
    graph.outputs["y"] = emit("div", emit("div", x, emit.constant(0.0)), emit.constant(-0.0))
    assert len(program(graph).initializers) == 2


def operators(graph: Graph) -> list[str]:
    return [node.op_type for node in program(graph).model.graph.node]


def sequence(maximum: int | None, length: int | None = None) -> Graph:
    size = length or symbol("S", maximum=maximum)
    graph, emit, x = start(symbol("B"), size, 6)
    graph.outputs["y"] = emit("add", x, emit("sinusoid", emit("positions", x, axis=1), width=6))
    return graph


def test_positions_with_a_maximum_are_a_part_of_a_table() -> None:
    assert operators(sequence(9)) == ["Shape", "Slice", "Add"]


def test_positions_of_a_known_length_are_a_constant() -> None:
    assert operators(sequence(None, 5)) == ["Identity", "Add"]


def test_positions_without_a_maximum_are_computed(run_model: Any, lowered: Any) -> None:
    graph = sequence(None)
    assert "Sin" in operators(graph)
    inputs = {"x": np.zeros((1, 5000, 6), np.float32)}
    (found,) = run_model(lowered(graph, PORTABLE), inputs)
    # As exact as a table at late positions too.
    np.testing.assert_allclose(found, interpret(graph, inputs)["y"], atol=1e-7)


@pytest.mark.parametrize("maximum", [7, None])
def test_positions_start_at_their_offset(maximum: Any, run_model: Any, lowered: Any) -> None:
    graph, emit, x = start(symbol("S", maximum=maximum))
    places = emit("positions", x, axis=0, offset=3)
    graph.outputs = {"y": emit("sinusoid", places, width=5), "n": places}
    inputs = {"x": np.zeros(6, np.float32)}
    outputs = run_model(lowered(graph, PORTABLE), inputs)
    for found, wanted in zip(outputs, interpret(graph, inputs).values(), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-7)


def test_a_size_is_read_from_an_input_once() -> None:
    batch, length = symbol("B"), symbol("S")
    graph, emit, x = start(batch, length, 6)
    swapped = emit("reshape", x, shape=(length, batch, 6))
    again = emit("reshape", emit("neg", x), shape=(length, batch, 6))
    graph.outputs["y"] = emit("add", swapped, again)
    found = operators(graph)
    assert found.count("Shape") == 2
    assert found.count("Concat") == 1


def test_a_reshape_with_one_unknown_needs_no_computation() -> None:
    batch, length = symbol("B"), symbol("S")
    graph, emit, x = start(batch, length, 6)
    graph.outputs["y"] = emit("reshape", x, shape=(batch * length, 6))
    graph.outputs["z"] = emit("reshape", x, shape=(batch, length, 2, 3))
    assert operators(graph) == ["Reshape", "Reshape"]


def test_a_size_that_no_input_has_is_a_fault() -> None:
    length = symbol("S")
    assert isinstance(length, SymbolicDim)
    graph, emit, x = start(2 * length, 1, 3)
    graph.outputs["y"] = emit("expand", x, shape=(2 * length, length, 3))
    with pytest.raises(CompileError, match=r"E0602.*S"):
        program(graph)


def test_a_size_that_is_counted_is_read_off_what_counts() -> None:
    length = symbol("N")
    graph, emit, mask = start(length, dtype=DType.BOOL)
    count = symbol("P", within=length)
    rows = emit("nonzero", mask, count=count)
    graph.outputs["rows"] = rows
    graph.outputs["ones"] = emit("expand", emit.constant([1.0]), shape=(count + 1,))
    assert operators(graph) == ["NonZero", "Squeeze", "Shape", "Add", "Expand"]


def test_an_invalid_model_is_a_fault_with_the_checkers_words() -> None:
    graph, emit, x = start(2, 3)
    graph.outputs["y"] = emit("neg", x)
    model = program(graph).model
    model.graph.node[0].op_type = "Nonsense"
    with pytest.raises(CompileError, match=r"E0605.*Nonsense"):
        check(model)


def test_strict_inference_is_part_of_the_check() -> None:
    graph, emit, x = start(2, 3)
    graph.outputs["y"] = emit("neg", x)
    model = program(graph).model
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 4
    with pytest.raises(CompileError, match="E0605"):
        check(model)
    assert onnx.checker.check_model(program(graph).model, full_check=True) is None
