"""Sums and means along positions become products with a row; other reductions stay."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from neuralc.ir.dim import symbol
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.graph import Graph
from neuralc.ir.type import TensorType
from neuralc.passes.dead_code import DeadCode
from neuralc.passes.manager import run_pipeline
from neuralc.passes.reduce_as_product import ReduceAsProduct

B, S = symbol("B"), symbol("S", maximum=9)


def reduced(op: str, shape: tuple, axes: tuple[int, ...], dtype: DType, keepdims: bool) -> Graph:
    graph = Graph("Reduced")
    x = graph.add_input("x", TensorType(dtype, shape))
    graph.outputs["y"] = Emitter(graph)(op, x, axes=axes, keepdims=keepdims)
    return graph


def ops(graph: Graph) -> list[str]:
    return [node.op for node in graph.nodes()]


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("op", ["reduce_mean", "reduce_sum"])
@pytest.mark.parametrize(
    ("shape", "axes"),
    [((B, 7, 4), (1,)), ((B, S, 4), (-2,)), ((B, 2, S, 4), (2,)), ((S, 3, 1), (1,))],
    ids=str,
)
def test_rows_are_added_up_by_a_product(
    op: str, shape: tuple, axes: tuple, keepdims: bool, same_meaning: Callable[..., None]
) -> None:
    graph = reduced(op, shape, axes, DType.F32, keepdims)
    once = run_pipeline(graph, [ReduceAsProduct()], verify=True)
    assert "matmul" in ops(once.graph)
    assert not {"reduce_mean"} & set(ops(once.graph))
    same_meaning(graph, once.graph, S=5)
    twice = run_pipeline(once.graph, [ReduceAsProduct()], verify=True)
    assert [record.changes for record in twice.records] == [0]


def test_a_known_length_takes_one_constant_row() -> None:
    graph = reduced("reduce_mean", (B, 7, 4), (1,), DType.F32, True)
    assert ops(run_pipeline(graph, [ReduceAsProduct(), DeadCode()]).graph) == ["matmul"]


@pytest.mark.parametrize(
    ("op", "shape", "axes", "dtype", "target"),
    [
        ("reduce_max", (B, 7, 4), (1,), DType.F32, "cpu"),
        ("reduce_mean", (B, 7, 4), (2,), DType.F32, "cpu"),
        ("reduce_mean", (B, 7, 4), (0,), DType.F32, "cpu"),
        ("reduce_mean", (B, 7, 6, 4), (1, 2), DType.F32, "cpu"),
        ("reduce_mean", (B, 1, 4), (1,), DType.F32, "cpu"),
        ("reduce_mean", (7, 4), (0,), DType.F32, "cpu"),
        ("reduce_sum", (B, 7, 4), (1,), DType.I64, "cpu"),
        ("reduce_mean", (B, 7, 4), (1,), DType.F16, "cpu"),
        ("reduce_mean", (B, 7, 4), (1,), DType.F32, "cuda"),
    ],
    ids=str,
)
def test_other_reductions_stay(
    op: str, shape: tuple, axes: tuple, dtype: DType, target: str
) -> None:
    graph = reduced(op, shape, axes, dtype, False)
    result = run_pipeline(graph, [ReduceAsProduct(target)], verify=True)
    assert ops(result.graph) == [op]
