"""Stretches of row-wise layers move onto rows, whole, and nothing else does."""

from __future__ import annotations

import time

import numpy as np
import pytest
from neuralc.ir.dim import Dim, symbol
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.graph import Graph
from neuralc.ir.interpreter import interpret
from neuralc.ir.parameter import Seeded
from neuralc.ir.type import TensorType
from neuralc.ir.value import Value
from neuralc.passes.flatten_rows import FlattenRows
from neuralc.passes.manager import run_pipeline

BATCH = symbol("B", origin="the batch")
LENGTH = symbol("S", maximum=64)
WIDTH = 8


class Network:
    """A graph with one input [B, S, 8] and short ways to add layers."""

    def __init__(self, *lead: Dim) -> None:
        self.graph = Graph("Network")
        self.x = self.graph.add_input(
            "x", TensorType(DType.F32, (*(lead or (BATCH, LENGTH)), WIDTH))
        )
        self.emit = Emitter(self.graph, "layer")

    def weight(self, *shape: int, path: str = "weight") -> Value:
        type = TensorType(DType.F32, shape)
        source = Seeded(type, "glorot_uniform" if len(shape) > 1 else "ones", (), 0, path)
        return self.emit.parameter(path, source)

    def linear(self, x: Value, width: int = WIDTH) -> Value:
        inner = x.type.shape[-1]
        assert isinstance(inner, int)
        kernel, bias = self.weight(inner, width, path="kernel"), self.weight(width, path="bias")
        return self.emit("linear", x, kernel, bias)

    def norm(self, x: Value, axis: int = -1) -> Value:
        return self.emit("layer_norm", x, self.weight(WIDTH), None, axis=axis, epsilon=1e-5)

    def flattened(self, **outputs: Value) -> Graph:
        """The graph after the pass, which must compute the same."""
        self.graph.outputs = outputs
        result = run_pipeline(self.graph, [FlattenRows()], verify=True).graph
        shape = [{"B": 3, "S": 5}.get(str(dim), dim) for dim in self.x.type.shape]
        x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        before, after = interpret(self.graph, {"x": x}), interpret(result, {"x": x})
        for name in outputs:
            np.testing.assert_array_equal(after[name], before[name])
        again = run_pipeline(result, [FlattenRows()], verify=True)
        assert again.records[0].changes == 0, "not idempotent"
        return result


def ops(graph: Graph) -> list[str]:
    return [node.op for node in graph.nodes()]


def ranks(graph: Graph, op: str) -> set[int]:
    return {node.result.type.rank for node in graph.nodes() if node.op == op}


def test_a_block_becomes_rows_with_one_reshape_at_each_end() -> None:
    network = Network()
    hidden = network.emit("relu", network.linear(network.norm(network.x), 16))
    block = network.emit("add", network.x, network.linear(hidden))
    graph = network.flattened(output=block)
    assert ops(graph) == [
        "reshape",
        "layer_norm",
        "linear",
        "relu",
        "linear",
        "add",
        "reshape",
    ]
    assert ranks(graph, "linear") == {2}
    assert graph.outputs["output"].type == block.type


def test_what_needs_the_axes_gets_them_back_once() -> None:
    network = Network()
    projected = network.linear(network.x)
    mean = network.emit("reduce_mean", projected, axes=(1,))
    largest = network.emit("reduce_max", projected, axes=(1,))
    graph = network.flattened(mean=mean, largest=largest)
    assert ops(graph).count("reshape") == 2


def test_rows_that_exist_already_are_used() -> None:
    network = Network()
    rows = network.emit("relu", network.emit("reshape", network.x, shape=(BATCH * LENGTH, WIDTH)))
    apart = network.emit("reshape", rows, shape=network.x.type.shape)
    graph = network.flattened(output=network.linear(apart))
    (linear,) = [node for node in graph.nodes() if node.op == "linear"]
    before = graph.producer(linear.operands[0])
    assert before is not None
    assert before.op == "relu"


def test_a_stretch_without_a_product_stays() -> None:
    network = Network()
    graph = network.flattened(output=network.emit("relu", network.norm(network.x)))
    assert "reshape" not in ops(graph)


def test_what_is_in_rows_already_stays() -> None:
    network = Network(BATCH)
    graph = network.flattened(output=network.linear(network.x))
    assert ops(graph) == ["linear"]


def test_a_norm_over_another_axis_stays() -> None:
    network = Network(BATCH, WIDTH)
    normal = network.norm(network.x, axis=1)
    graph = network.flattened(output=network.linear(normal))
    assert ranks(graph, "layer_norm") == {3}
    assert ranks(graph, "linear") == {2}


def test_a_norm_that_counts_its_last_axis_from_the_front_moves() -> None:
    network = Network()
    graph = network.flattened(output=network.linear(network.norm(network.x, axis=2)))
    assert ranks(graph, "layer_norm") == {2}


def test_an_operand_that_broadcasts_over_the_batch_keeps_its_sum_apart() -> None:
    network = Network(BATCH, 6)
    table = network.weight(6, WIDTH, path="positions")
    shifted = network.emit("add", network.x, table)
    graph = network.flattened(output=network.linear(shifted))
    assert ranks(graph, "add") == {3}
    assert ranks(graph, "linear") == {2}


def test_a_vector_and_a_number_broadcast_along_rows_too() -> None:
    network = Network()
    scaled = network.emit("mul", network.linear(network.x), network.emit.constant(0.5))
    graph = network.flattened(output=network.emit("add", scaled, network.weight(WIDTH)))
    assert ranks(graph, "mul") == ranks(graph, "add") == {2}


def test_a_column_broadcasts_along_its_row() -> None:
    network = Network()
    projected = network.linear(network.x)
    gate = network.emit("sigmoid", network.linear(network.x, 1))
    graph = network.flattened(output=network.emit("mul", projected, gate))
    assert ranks(graph, "mul") == {2}


@pytest.mark.parametrize("lead", [(BATCH, LENGTH), (BATCH, 6), (BATCH, 2, 3)])
def test_any_number_of_leading_axes(lead: tuple[Dim, ...]) -> None:
    network = Network(*lead)
    graph = network.flattened(output=network.linear(network.x))
    assert ranks(graph, "linear") == {2}
    assert graph.outputs["output"].type.shape == (*lead, WIDTH)


def test_places_are_kept() -> None:
    network = Network()
    graph = network.flattened(output=network.linear(network.x))
    assert {node.scope for node in graph.nodes()} == {"layer"}


def test_time_grows_with_the_length_of_the_graph() -> None:
    def seconds(layers: int) -> float:
        network = Network()
        x = network.x
        for _ in range(layers):
            x = network.emit("add", x, network.linear(network.norm(x)))
        network.graph.outputs["output"] = x
        fastest = []
        for _ in range(3):
            start = time.process_time()
            run_pipeline(network.graph, [FlattenRows()])
            fastest.append(time.process_time() - start)
        return min(fastest)

    assert seconds(960) < 16 * seconds(120)
