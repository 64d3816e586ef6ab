"""fp16: what is narrow, what stays wide, and that the model's interface does not change.

ONNX Runtime's CPU kernels run these files too, slowly, so that results are compared as well.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.graph import Graph
from neuralc.ir.interpreter import interpret
from neuralc.ir.target import target_named
from neuralc.ir.type import TensorType
from neuralc.lowering.precision import NARROW, WIDE
from neuralc.lowering.table import table
from neuralc.lowering.validity import check
from onnx import TensorProto

HALF = target_named("cuda", "fp16")


def types(model: bytes) -> dict[str, int]:
    """The element type of each tensor, by inference."""
    graph = onnx.shape_inference.infer_shapes(onnx.load_from_string(model)).graph
    found = {tensor.name: tensor.data_type for tensor in graph.initializer}
    for info in (*graph.input, *graph.output, *graph.value_info):
        found[info.name] = info.type.tensor_type.elem_type
    return found


def test_narrow_and_wide_ops_exist_and_differ() -> None:
    ops = {op for op, _ in table()} | {"silu"}
    assert ops >= NARROW | WIDE
    assert not NARROW & WIDE


def test_every_op_keeps_its_interface_and_stays_near(
    op_case: Any, graph_of: Any, contents_of: Any, run_model: Any, lowered: Any
) -> None:
    op, form, case = op_case
    if table()[op, form].opset > HALF.opset:
        assert form == "attention23"
        return
    graph = graph_of(op, case)
    model = lowered(graph, HALF)
    check(model)
    inputs = contents_of(graph, {"B": 3, "S": 5, "U": 4}, case.low, case.high)
    for found, (name, wanted) in zip(
        run_model(model, inputs), interpret(graph, inputs).items(), strict=True
    ):
        assert found.dtype == graph.outputs[name].type.dtype.numpy
        if wanted.dtype.kind == "f":
            np.testing.assert_allclose(found, wanted, rtol=1e-2, atol=2e-2)
        else:
            np.testing.assert_array_equal(found, wanted)


def test_products_and_weights_are_narrow_sums_wide_ids_whole(lowered: Any) -> None:
    graph = Graph("net")
    emit = Emitter(graph)
    ids = graph.add_input("ids", TensorType(DType.I64, (2, 5)))
    table_ = emit.constant(np.ones((7, 4)), name="table")
    weight = emit.constant(np.ones((4, 3)), name="weight")
    x = emit("matmul", emit("gather", table_, ids), weight)
    graph.outputs["mean"] = emit("div", emit("reduce_sum", x, axes=(1,)), emit.constant(5.0))
    found = types(lowered(graph, HALF))
    assert found["ids"] == TensorProto.INT64
    assert found["table"] == found["weight"] == TensorProto.FLOAT16
    assert found["gather"] == found["matmul"] == TensorProto.FLOAT16
    assert found["reduce_sum"] == found["mean"] == TensorProto.FLOAT


def test_a_long_sum_does_not_overflow(run_model: Any, lowered: Any) -> None:
    graph = Graph("net")
    emit = Emitter(graph)
    x = graph.add_input("x", TensorType(DType.F32, (1, 4096)))
    weight = emit.constant(np.eye(4096, 4096, dtype=np.float32)[:, :2048] * 40)
    graph.outputs["total"] = emit("reduce_sum", emit("matmul", x, weight), axes=(1,))
    (found,) = run_model(lowered(graph, HALF), {"x": np.ones((1, 4096), np.float32)})
    assert found == [2048 * 40]


def test_a_constant_has_the_width_of_what_it_meets(lowered: Any) -> None:
    graph = Graph("net")
    emit = Emitter(graph)
    x = graph.add_input("x", TensorType(DType.F32, (2, 4)))
    scale = emit.constant(0.5, name="scale")
    narrow = emit("mul", emit("softmax", x, axis=-1), scale)
    graph.outputs["y"] = emit("mul", emit("reduce_sum", narrow, axes=(1,)), scale)
    model = lowered(graph, HALF)
    check(model)
    widths = {name: kind for name, kind in types(model).items() if name.startswith("scale")}
    assert sorted(widths.values()) == [TensorProto.FLOAT, TensorProto.FLOAT16]


def test_full_precision_has_no_casts(lowered: Any) -> None:
    graph = Graph("net")
    emit = Emitter(graph)
    x = graph.add_input("x", TensorType(DType.F32, (2, 4)))
    graph.outputs["y"] = emit("reduce_sum", emit("softmax", x, axis=-1), axes=(1,))
    nodes = onnx.load_from_string(lowered(graph, target_named("cuda"))).graph.node
    assert [node.op_type for node in nodes] == ["Softmax", "ReduceSum"]
