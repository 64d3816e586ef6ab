"""Shared by the tests of the runtime: a small ONNX model made by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import onnx
import pytest
from onnx import TensorProto, helper

MakeModel = Callable[..., bytes]


def make_model(metadata: Mapping[str, str] | None = None) -> bytes:
    """`relu(x @ w)` for x [B, S, 4], of which S is 8 at most, beside an unused mask [B, S]."""
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["product"], name="dense[0]/matmul"),
            helper.make_node("Relu", ["product"], ["y"], name="dense[0]/relu"),
            helper.make_node("Identity", ["mask"], ["seen"], name="mask"),
        ],
        "small",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["B", "S", 4]),
            helper.make_tensor_value_info("mask", TensorProto.INT64, ["B", "S"]),
        ],
        [
            helper.make_tensor_value_info("y", TensorProto.FLOAT, ["B", "S", 2]),
            helper.make_tensor_value_info("seen", TensorProto.INT64, ["B", "S"]),
        ],
        [helper.make_tensor("w", TensorProto.FLOAT, [4, 2], [1.0, -1.0] * 4)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    sizes = {"S": {"minimum": 1, "maximum": 8}}
    helper.set_model_props(model, {"neuralc.sizes": json.dumps(sizes), **(metadata or {})})
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


@pytest.fixture(scope="session")
def model_bytes() -> MakeModel:
    return make_model
