"""The MLIR text itself: types, constants, resources, places. `test_mlir_iree.py` compiles it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from neuralc.ir.diagnostic import CompileError
from neuralc.ir.dim import symbol
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.evaluate import evaluate
from neuralc.ir.graph import Graph
from neuralc.ir.interpreter import interpret
from neuralc.ir.parameter import Seeded
from neuralc.ir.span import Span
from neuralc.ir.target import target_named
from neuralc.ir.type import TensorType
from neuralc.lowering.mlir import mlir_text, number, plain, quoted, to_mlir
from neuralc.lowering.onnx_lowering import lower

KERNEL = Seeded(TensorType(DType.F32, (8, 6)), "glorot_uniform", (), 0, "dense[0]/kernel")


def network() -> Graph:
    graph = Graph("net")
    emit = Emitter(graph)
    x = graph.add_input("x", TensorType(DType.F32, (symbol("B"), 4, 8)))
    with emit.inside("dense[0]", (Span("my net.neural", 3, 5, 3, 9),)):
        y = emit("matmul", x, emit.parameter("dense[0]/kernel", KERNEL))
    first, second = emit.all("split", emit("softmax", y, axis=-1), axis=-1, sizes=(2, 4))
    graph.outputs = {"first": first, "second": emit("mul", second, emit.constant(0.1))}
    return graph


def test_the_text_of_a_small_network() -> None:
    text = to_mlir(network(), producer_version="1.2")
    lines = [line.strip() for line in text.splitlines()]
    assert lines[1] == (
        "func.func @main(%arg0: !torch.vtensor<[?,4,8],f32>) -> (!torch.vtensor<[?,4,2],f32>, "
        "!torch.vtensor<[?,4,4],f32>) attributes {"
    )
    assert 'torch.onnx_meta.producer_version = "1.2"' in lines[2]
    assert "torch.onnx_meta.opset_version = 20 : si64" in lines[2]
    operations = [line for line in lines if "torch.operator" in line and "Constant" not in line]
    assert operations == [
        '%0 = torch.operator "onnx.MatMul"(%arg0, %constant0) : (!torch.vtensor<[?,4,8],f32>, '
        "!torch.vtensor<[8,6],f32>) -> !torch.vtensor<[?,4,6],f32> "
        'loc("dense[0]/matmul"("my net.neural":3:5))',
        '%1 = torch.operator "onnx.Softmax"(%0) {torch.onnx.axis = -1 : si64} : '
        "(!torch.vtensor<[?,4,6],f32>) -> !torch.vtensor<[?,4,6],f32> "
        'loc("softmax")',
        '%2:2 = torch.operator "onnx.Split"(%1, %constant1) {torch.onnx.axis = -1 : si64} : '
        "(!torch.vtensor<[?,4,6],f32>, !torch.vtensor<[2],si64>) -> "
        "(!torch.vtensor<[?,4,2],f32>, !torch.vtensor<[?,4,4],f32>) "
        'loc("split")',
        '%3 = torch.operator "onnx.Mul"(%2#1, %constant2) : (!torch.vtensor<[?,4,4],f32>, '
        "!torch.vtensor<[],f32>) -> !torch.vtensor<[?,4,4],f32> "
        'loc("mul")',
    ]
    assert "dense<[2, 4]> : tensor<2xsi64>" in text
    assert "dense<1.0e-01> : tensor<f32>" in text
    assert text == to_mlir(network(), producer_version="1.2")


def test_large_weights_are_resources_with_their_bytes() -> None:
    text = to_mlir(network())
    assert "dense_resource<weight0> : tensor<8x6xf32>" in text
    found = re.search(r'weight0: "0x([0-9A-F]+)"', text)
    assert found is not None
    content = bytes.fromhex(found[1])
    assert int.from_bytes(content[:4], "little") == 4
    assert content[4:] == evaluate(KERNEL).tobytes()


def test_graphs_without_large_weights_have_no_resources() -> None:
    graph = Graph("net")
    x = graph.add_input("x", TensorType(DType.BOOL, (2,)))
    graph.outputs["y"] = Emitter(graph)("logical_not", x)
    assert "dialect_resources" not in to_mlir(graph)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "5.0e-01"),
        (-1e-12, "-1.0e-12"),
        (0.1, "1.0e-01"),
        (3.4028235e38, "3.4028235e+38"),
        (np.inf, "0x7F800000"),
        (np.nan, "0x7FC00000"),
        (-0.0, "-0.0e+00"),
    ],
)
def test_floats_have_a_point_and_come_back_exactly(value: float, text: str) -> None:
    assert number(np.float32(value)) == text


def test_half_precision_and_doubles() -> None:
    assert number(np.float16(65504.0)) == "6.55e+04"
    assert number(np.float64(0.1)) == "1.0e-01"
    assert number(np.float16(-np.inf)) == "0xFC00"


def test_strings_escape_what_is_not_plain() -> None:
    assert quoted('a "b" \\ é\n') == r'"a \22b\22 \5C \C3\A9\0A"'


def fused() -> Graph:
    graph = Graph("net")
    emit = Emitter(graph)
    x = graph.add_input("x", TensorType(DType.F32, (symbol("B"), 5, 8)))
    weights = [emit.constant(np.eye(8) * (i + 1)) for i in range(3)]
    query, key, value = emit.all(
        "qkv_projection", x, weights[0], None, weights[1], None, weights[2], None
    )
    y = emit("attention", query, key, value, heads=2, scale=0.5, causal=True, form="gqa")
    y, total = emit.all("skip_layer_norm", y, x, None, None, epsilon=1e-5, form="skip_layer_norm")
    graph.outputs = {"y": emit("gelu", y, form="gelu20"), "total": total}
    return graph


def test_forms_of_other_targets_are_written_in_simpler_ops(contents_of: Any) -> None:
    graph = fused()
    before = [node.op for node in graph.nodes()]
    simple = plain(graph, target_named("portable"))
    ops = {node.op for node in simple.nodes()}
    # What the target has a kernel for stays.
    assert "gelu" in ops
    assert not ops & {"attention", "qkv_projection", "skip_layer_norm"}
    assert [node.op for node in graph.nodes()] == before
    inputs = contents_of(graph, {"B": 2})
    for name, wanted in interpret(graph, inputs).items():
        np.testing.assert_allclose(interpret(simple, inputs)[name], wanted, rtol=1e-12)
    assert "onnx.Softmax" in to_mlir(graph)


def test_an_operator_of_another_domain_is_refused() -> None:
    graph = Graph("net")
    emit = Emitter(graph)
    x = graph.add_input("x", TensorType(DType.F32, (2, 8)))
    graph.outputs["y"] = emit("bias_gelu", x, emit.constant(np.ones(8)), form="bias_gelu")
    program = lower(graph, target_named("cpu"), producer_version="")
    with pytest.raises(CompileError, match=r"E0607.*com\.microsoft\.BiasGelu"):
        "".join(mlir_text(program))
