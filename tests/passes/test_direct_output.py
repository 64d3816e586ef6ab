"""A last reshape of rows is not left in front of an output; what must keep it does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from neuralc.ir.dim import symbol
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.graph import Graph
from neuralc.ir.parameter import Seeded
from neuralc.ir.type import TensorType
from neuralc.ir.value import Value
from neuralc.passes.direct_output import DirectOutput
from neuralc.passes.fold_constants import FoldConstants
from neuralc.passes.manager import run_pipeline

B = symbol("B")


class Rows:
    """Rows of an input [B, 5, 4], and ways to put layers on them."""

    def __init__(self) -> None:
        self.graph = Graph("Rows")
        self.emit = Emitter(self.graph, "layer")
        self.x = self.graph.add_input("x", TensorType(DType.F32, (B, 5, 4)))
        self.rows = self.emit("reshape", self.x, shape=(B * 5, 4))

    def weight(self, path: str, *shape: int) -> Value:
        spread = (("minval", -0.5), ("maxval", 0.5))
        type = TensorType(DType.F32, shape)
        return self.emit.parameter(path, Seeded(type, "random_uniform", spread, 0, path))

    def linear(self, columns: int = 6, *, bias: bool = True) -> Value:
        kernel = self.weight("kernel", 4, columns)
        return self.emit(
            "linear", self.rows, kernel, self.weight("bias", columns) if bias else None
        )

    def ends(self, rows: Value, **others: Value) -> Graph:
        columns = rows.type.shape[-1]
        apart = self.emit("reshape", rows, shape=(B, 5, columns))
        self.graph.outputs.update({"y": apart, **others})
        return self.graph


def direct(graph: Graph, target: str = "cpu") -> Graph:
    result = run_pipeline(graph, [DirectOutput(target), FoldConstants()], verify=True)
    again = run_pipeline(result.graph, [DirectOutput(target)], verify=True)
    assert [record.changes for record in again.records] == [0]
    return result.graph


def last(graph: Graph) -> str:
    node = graph.producer(graph.outputs["y"])
    assert node is not None
    return node.op


def ops(graph: Graph) -> list[str]:
    return [node.op for node in graph.nodes()]


def test_a_bias_becomes_a_row_of_the_weights(same_meaning: Callable[..., None]) -> None:
    layer = Rows()
    graph = layer.ends(layer.linear())
    found = direct(graph)
    assert ops(found) == ["reshape", "pad", "reshape", "matmul"]
    same_meaning(graph, found)


def test_without_a_bias_there_is_nothing_to_add(same_meaning: Callable[..., None]) -> None:
    layer = Rows()
    graph = layer.ends(layer.linear(bias=False))
    found = direct(graph)
    assert set(ops(found)) == {"reshape", "matmul"}
    same_meaning(graph, found)


@pytest.mark.parametrize("op", ["softmax", "relu", "gelu"])
def test_layers_on_rows_move_behind_the_reshape(op: str, same_meaning: Callable[..., None]) -> None:
    layer = Rows()
    graph = layer.ends(layer.emit(op, layer.linear()))
    found = direct(graph)
    assert last(found) == op
    assert "linear" in ops(found), "a product inside is Gemm on rows as before"
    same_meaning(graph, found)


def test_both_sides_of_a_sum_get_the_axes_back(same_meaning: Callable[..., None]) -> None:
    layer = Rows()
    total = layer.emit("add", layer.rows, layer.linear(4))
    gain = layer.weight("gain", 4)
    graph = layer.ends(layer.emit("layer_norm", total, gain, None, epsilon=1e-5))
    found = direct(graph)
    assert last(found) == "layer_norm"
    same_meaning(graph, found)


def _narrow(layer: Rows) -> Graph:
    return layer.ends(layer.linear(3))


def _used_twice(layer: Rows) -> Graph:
    rows = layer.linear()
    return layer.ends(rows, other=layer.emit("neg", rows))


def _rows_are_an_output_too(layer: Rows) -> Graph:
    rows = layer.linear()
    return layer.ends(rows, other=rows)


def _axes_are_cut_otherwise(layer: Rows) -> Graph:
    layer.graph.outputs["y"] = layer.emit("reshape", layer.linear(), shape=(B, 5, 2, 3))
    return layer.graph


def _weight_is_an_input(layer: Rows) -> Graph:
    weight = layer.graph.add_input("w", TensorType(DType.F32, (4, 6)))
    return layer.ends(layer.emit("linear", layer.rows, weight, None))


def _norm_over_the_rows(layer: Rows) -> Graph:
    return layer.ends(layer.emit("softmax", layer.linear(), axis=0))


def _a_value_for_each_row(layer: Rows) -> Graph:
    column = layer.emit("reduce_max", layer.rows, axes=(1,), keepdims=True)
    return layer.ends(layer.emit("mul", layer.linear(), column))


def _normed_sum(layer: Rows, *, sum_is_read: bool) -> Graph:
    made = layer.emit.all("skip_layer_norm", layer.linear(4), layer.rows, None, None, epsilon=1e-3)
    return layer.ends(made[0], **({"sum": made[1]} if sum_is_read else {}))


def _sum_of_a_norm_is_read(layer: Rows) -> Graph:
    return _normed_sum(layer, sum_is_read=True)


def test_a_norm_of_a_sum_writes_the_output(same_meaning: Callable[..., None]) -> None:
    graph = _normed_sum(Rows(), sum_is_read=False)
    found = direct(graph)
    assert last(found) == "skip_layer_norm"
    same_meaning(graph, found)


@pytest.mark.parametrize(
    "write",
    [
        _narrow,
        _sum_of_a_norm_is_read,
        _used_twice,
        _rows_are_an_output_too,
        _axes_are_cut_otherwise,
        _weight_is_an_input,
        _norm_over_the_rows,
        _a_value_for_each_row,
    ],
)
def test_a_near_miss_keeps_its_reshape(write: Callable[[Rows], Graph]) -> None:
    assert last(direct(write(Rows()))) == "reshape"


def test_an_inner_reshape_costs_nothing_and_stays() -> None:
    layer = Rows()
    graph = layer.ends(layer.linear())
    graph.outputs["y"] = layer.emit("transpose", graph.outputs["y"], permutation=(1, 0, 2))
    assert "linear" in ops(direct(graph))


def test_cuda_copies_at_no_cost_worth_a_change() -> None:
    layer = Rows()
    assert last(direct(layer.ends(layer.linear()), "cuda")) == "reshape"
