"""Constant folding where a text case would be too long: sizes, lengths, foreign ops."""

from __future__ import annotations

import numpy as np
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.graph import Graph
from neuralc.ir.parameter import Computed, Literal, Seeded
from neuralc.ir.type import TensorType
from neuralc.ir.value import Kind
from neuralc.passes.dead_code import DeadCode
from neuralc.passes.fold_constants import AT_ONCE, TABLE, FoldConstants
from neuralc.passes.manager import run_pipeline


def fold(graph: Graph) -> Graph:
    return run_pipeline(graph, [FoldConstants(), DeadCode()], verify=True).graph


def ops(graph: Graph) -> list[str]:
    return [node.op for node in graph.nodes()]


def seeded(emit: Emitter, *shape: int) -> object:
    source = Seeded(TensorType(DType.F32, shape), "glorot_uniform", (), 0, "weight")
    return emit.parameter("weight", source)


def body(name: str) -> Graph:
    """A nested graph that gives back its input."""
    graph = Graph(name)
    graph.outputs["y"] = graph.add_input("x", TensorType(DType.F32, (4,)))
    return graph


def test_no_weight_is_evaluated() -> None:
    graph = Graph("Large")
    emit = Emitter(graph)
    # 4 TB: whoever evaluates it will not come back.
    graph.outputs["output"] = emit("transpose", seeded(emit, 1 << 20, 1 << 20), permutation=(1, 0))
    folded = fold(graph)
    assert ops(folded) == []
    (source,) = (source for _, source in folded.sources())
    assert isinstance(source, Computed)
    assert folded.outputs["output"].kind is Kind.PARAMETER


def test_expressions_do_not_grow_without_end() -> None:
    graph = Graph("Doubling")
    emit = Emitter(graph)
    value = seeded(emit, 4, 4)
    for _ in range(100):
        value = emit("add", value, value)
    graph.outputs["output"] = value
    folded = fold(graph)
    # Each operand stands twice in the next expression: after six steps it is 2⁶ - 1 ops long.
    assert ops(folded).count("add") == 94
    for _, source in folded.sources():
        assert length(source) == 63


def length(source: object) -> int:
    if not isinstance(source, Computed):
        return 0
    return 1 + sum(length(operand) for operand in source.operands)


def test_a_table_of_sines_may_be_too_large() -> None:
    rows = TABLE // (4 * 1024)
    for count, stays in ((rows, False), (rows + 1, True)):
        graph = Graph("Table")
        emit = Emitter(graph)
        x = graph.add_input("x", TensorType(DType.F32, (count, 1)))
        graph.outputs["output"] = emit("sinusoid", emit("positions", x, axis=0), width=1024)
        assert ("sinusoid" in ops(fold(graph))) is stays


def test_positions_may_be_too_many() -> None:
    graph = Graph("Many")
    x = graph.add_input("x", TensorType(DType.F32, (TABLE // 8 + 1,)))
    graph.outputs["output"] = Emitter(graph)("positions", x, axis=0)
    assert ops(fold(graph)) == ["positions"]


def test_foreign_ops_stay() -> None:
    graph = Graph("Foreign")
    type = TensorType(DType.F32, (4, 4))
    weight = seeded(Emitter(graph), 4, 4)
    graph.outputs["output"] = graph.add("onnx.Softsign", [weight], types=(type,)).result
    assert ops(fold(graph)) == ["onnx.Softsign"]


def test_nodes_with_nested_graphs_stay() -> None:
    graph = Graph("Nested")
    weight = seeded(Emitter(graph), 4, 4)
    graph.outputs["output"] = graph.add("tanh", [weight], regions=(body("Body"),)).result
    assert ops(fold(graph)) == ["tanh"]


def test_fused_ops_fold_as_well() -> None:
    graph = Graph("Fused")
    emit = Emitter(graph)
    graph.outputs["output"] = emit("gelu", emit.constant([1.0, -1.0]))
    ((_, source),) = fold(graph).sources()
    assert isinstance(source, Literal)
    np.testing.assert_allclose(source.array, [0.84134475, -0.15865525], rtol=1e-6)


def test_large_constants_are_not_computed_at_once() -> None:
    for size, at_once in ((AT_ONCE // 8, True), (AT_ONCE // 8 + 1, False)):
        graph = Graph("Large")
        emit = Emitter(graph)
        graph.outputs["output"] = emit("neg", emit.constant(np.ones(size)))
        ((_, source),) = fold(graph).sources()
        assert isinstance(source, Literal if at_once else Computed)


def test_small_constants_are_rounded_to_their_type_at_each_step() -> None:
    graph = Graph("Rounding")
    emit = Emitter(graph)
    third = emit("div", emit.constant(1.0), emit.constant(3.0))
    graph.outputs["output"] = emit("mul", third, emit.constant(3.0))
    ((_, source),) = fold(graph).sources()
    assert isinstance(source, Literal)
    assert source.array.dtype == np.float32
    assert source.array == np.float32(np.float32(1 / 3) * np.float32(3))
