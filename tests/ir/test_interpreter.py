"""The float64 oracle: what it computes, what it refuses, what it forgets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from neuralc.ir.binding import bind_attributes, bind_symbols, bind_type
from neuralc.ir.diagnostic import CompileError
from neuralc.ir.dim import symbol
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.graph import Graph
from neuralc.ir.interpreter import interpret
from neuralc.ir.parameter import Literal, Seeded
from neuralc.ir.span import Span
from neuralc.ir.type import TensorType
from neuralc.ir.value import Kind

B = symbol("B", origin="the batch")
S = symbol("S", 2, 8, "axis 1 of input 'x'")


def small_model() -> Graph:
    """x [B, S, 4] @ w, masked mean over S."""
    graph = Graph("Small")
    emit = Emitter(graph)
    x = graph.add_input("x", TensorType(DType.F32, (B, S, 4)))
    mask = graph.add_input("mask", TensorType(DType.BOOL, (B, S)))
    w = emit.parameter("dense/kernel", Seeded(TensorType(DType.F32, (4, 3)), "ones", (), 0, ""))
    y = emit("linear", x, w, name="projected")
    seen = emit("reshape", mask, shape=(B, S, 1))
    kept = emit("where", seen, y, emit.constant(0.0))
    count = emit("reduce_sum", emit("cast", seen, to=DType.F32), axes=(1,))
    graph.outputs["mean"] = emit("div", emit("reduce_sum", kept, axes=(1,)), count)
    return graph


def test_a_model_runs_in_float64() -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
    mask = np.array([[True, False, True], [True, True, True]])
    found = interpret(small_model(), {"x": x, "mask": mask})
    exact = x.astype(np.float64).sum(-1)
    mean = np.array([(exact[0, 0] + exact[0, 2]) / 2, exact[1].mean()])
    assert found["mean"].dtype == np.float64
    np.testing.assert_allclose(found["mean"], np.repeat(mean[:, None], 3, 1), rtol=1e-14)


def test_kept_values_come_by_their_names_behind_the_outputs() -> None:
    x, mask = np.ones((1, 2, 4)), np.ones((1, 2), bool)
    found = interpret(small_model(), {"x": x, "mask": mask}, keep=["projected", "x"])
    assert list(found) == ["mean", "projected", "x"]
    assert found["projected"].tolist() == [[[4.0] * 3] * 2]
    with pytest.raises(ValueError, match="no value 'nothing'"):
        interpret(small_model(), {"x": x, "mask": mask}, keep=["nothing"])


def test_a_kept_name_cannot_also_be_another_output() -> None:
    graph = small_model()
    graph.outputs["x"] = graph.outputs["mean"]
    with pytest.raises(ValueError, match="another output"):
        interpret(graph, {"x": np.ones((1, 2, 4)), "mask": np.ones((1, 2), bool)}, keep=["x"])


def test_inputs_and_weights_are_rounded_to_their_types_first() -> None:
    graph = Graph("t")
    emit = Emitter(graph)
    x = graph.add_input("x", TensorType(DType.F32, ()))
    emit("add", x, emit.constant(0.2))
    graph.outputs["y"] = emit("add", x, emit.constant(0.2))
    found = interpret(graph, {"x": np.float64(0.1)})
    assert found["y"] == float(np.float32(0.1)) + float(np.float32(0.2))


def test_other_weights_can_be_given() -> None:
    graph = small_model()
    x, mask = np.ones((1, 2, 4)), np.ones((1, 2), bool)

    def parameters(value: Any) -> np.ndarray:
        return np.full(value.type.static_shape, 2.0 if value.kind is Kind.PARAMETER else 0.0)

    assert interpret(graph, {"x": x, "mask": mask}, parameters)["mean"].tolist() == [[8.0] * 3]


def test_only_what_the_outputs_need_is_computed() -> None:
    graph = Graph("t")
    emit = Emitter(graph)
    x = graph.add_input("x", TensorType(DType.I64, (2,)))
    emit("gather", emit.constant([1.0]), x)
    graph.outputs["y"] = emit("neg", x)
    assert interpret(graph, {"x": np.array([5, 6])})["y"].tolist() == [-5, -6]


def test_an_output_may_be_an_input_or_a_constant() -> None:
    graph = Graph("t")
    x = graph.add_input("x", TensorType(DType.BOOL, (1,)))
    graph.outputs.update(same=x, fixed=Emitter(graph).constant([1, 2], DType.I64))
    found = interpret(graph, {"x": np.array([True])})
    assert found["same"].tolist() == [True]
    assert found["fixed"].tolist() == [1, 2]


def test_values_are_forgotten_once_read() -> None:
    """A chain over 8 MB never holds more than a few of its hundred values."""
    import tracemalloc

    graph = Graph("t")
    emit = Emitter(graph)
    y = graph.add_input("x", TensorType(DType.F64, (1 << 20,)))
    for _ in range(100):
        y = emit("neg", y)
    graph.outputs["y"] = y
    tracemalloc.start()
    interpret(graph, {"x": np.zeros(1 << 20)})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * (8 << 20)


@pytest.mark.parametrize(
    ("x", "mask", "codes"),
    [
        (np.ones((1, 2, 4)), None, ["E0710"]),
        (np.ones((1, 4)), np.ones((1, 2), bool), ["E0713"]),
        (np.ones((1, 2, 5)), np.ones((1, 2), bool), ["E0714"]),
        (np.ones((0, 2, 4)), np.ones((0, 2), bool), ["E0715", "E0715"]),
        (np.ones((1, 2, 4)), np.ones((2, 2), bool), ["E0716"]),
        (np.ones((1, 9, 4)), np.ones((1, 9), bool), ["E0717"]),
        (np.ones((1, 1, 4)), np.ones((1, 1), bool), ["E0717"]),
        (np.ones((1, 2, 4), np.int64), np.ones((1, 2), bool), ["E0712"]),
        (np.ones((1, 2, 4)), np.ones((1, 2)), ["E0712"]),
    ],
)
def test_inputs_that_do_not_fit_are_refused(x: Any, mask: Any, codes: list[str]) -> None:
    inputs = {"x": x} if mask is None else {"x": x, "mask": mask}
    with pytest.raises(CompileError) as caught:
        interpret(small_model(), inputs)
    assert [each.code for each in caught.value.diagnostics] == codes


def test_an_unknown_input_is_refused_and_the_known_are_named() -> None:
    with pytest.raises(CompileError) as caught:
        bind_symbols(small_model(), {"x": (1, 2, 4), "mask": (1, 2), "more": ()})
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "E0711"
    assert diagnostic.help == "the inputs are x, mask"


def test_the_refusal_names_input_axis_and_bound() -> None:
    with pytest.raises(CompileError, match=r"axis 1 of input 'x' is 9, but S .* is 8 at most"):
        bind_symbols(small_model(), {"x": (1, 9, 4), "mask": (1, 9)})


def test_symbols_are_bound_by_single_axes_and_checked_by_the_others() -> None:
    graph = Graph("t")
    graph.add_input("longer", TensorType(DType.F32, (S + 1,)))
    graph.add_input("x", TensorType(DType.F32, (S,)))
    assert bind_symbols(graph, {"longer": (4,), "x": (3,)}) == {"S": 3}
    with pytest.raises(CompileError, match="axis 0 of input 'longer' is 5, but must be S\\+1 = 4"):
        bind_symbols(graph, {"longer": (5,), "x": (3,)})


def test_a_symbol_that_no_axis_is_alone_cannot_be_bound() -> None:
    graph = Graph("t")
    graph.add_input("longer", TensorType(DType.F32, (S + 1,)))
    with pytest.raises(CompileError, match="no input's axis is 'S' alone"):
        bind_symbols(graph, {"longer": (5,)})


def test_attributes_and_types_are_bound_also_within_tuples() -> None:
    attributes = {"shape": (B * S, (S,)), "axis": 1, "name": "S"}
    bound = bind_attributes(attributes, {"B": 2, "S": 3})
    assert bound == {"shape": (6, (3,)), "axis": 1, "name": "S"}
    assert bind_type(TensorType(DType.F32, (B, S * 2)), {"B": 2, "S": 3}).shape == (2, 6)


def test_an_id_outside_the_table_is_an_error_at_its_source_line() -> None:
    graph = Graph("t")
    span = Span("m.neural", 3, 1, 3, 9)
    emit = Emitter(graph, "embedding", (span,))
    ids = graph.add_input("ids", TensorType(DType.I64, (1,)))
    graph.outputs["y"] = emit("gather", emit.constant([1.0, 2.0]), ids)
    with pytest.raises(CompileError) as caught:
        interpret(graph, {"ids": np.array([2])})
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.span) == ("E0731", span)
    assert "embedding" in diagnostic.message


def test_a_slice_beyond_a_table_is_an_error_not_a_shorter_result() -> None:
    unbounded = symbol("L")
    graph = Graph("t")
    x = graph.add_input("x", TensorType(DType.F32, (unbounded,)))
    emit = Emitter(graph)
    table = graph.add_source(
        "t", Literal(TensorType(DType.F32, (4,)), np.ones(4, np.float32)), Kind.PARAMETER
    )
    graph.outputs["y"] = emit("add", x, emit("slice", table, axis=0, start=0, stop=unbounded))
    assert interpret(graph, {"x": np.ones(3)})["y"].tolist() == [2.0] * 3
    with pytest.raises(CompileError, match=r"E0731.*\[4\] where f32\[5\] is due"):
        interpret(graph, {"x": np.ones(5)})


def test_a_foreign_op_cannot_be_interpreted() -> None:
    graph = Graph("t")
    x = graph.add_input("x", TensorType(DType.F32, (1,)))
    graph.outputs["y"] = graph.add("onnx.Det", [x], types=(x.type,)).result
    with pytest.raises(CompileError, match=r"E0732.*onnx\.Det"):
        interpret(graph, {"x": np.ones(1)})


def test_a_counted_symbol_has_the_size_that_the_data_gives() -> None:
    graph = Graph("t")
    mask = graph.add_input("mask", TensorType(DType.BOOL, (S,)))
    emit = Emitter(graph)
    count = symbol("P", within=S)
    graph.outputs["rows"] = rows = emit("nonzero", mask, count=count)
    graph.outputs["pairs"] = emit("expand", rows, shape=(2, count))
    found = interpret(graph, {"mask": np.array([False, True, False, True])})
    assert found["rows"].tolist() == [1, 3]
    assert found["pairs"].tolist() == [[1, 3], [1, 3]]
    assert interpret(graph, {"mask": np.zeros(3, bool)})["pairs"].shape == (2, 0)
