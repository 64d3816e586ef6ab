"""The guide's networks for every target: valid ONNX; fp16 stays near on the CPU's kernels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import neuralc
import numpy as np
import onnx
import pytest
from neuralc.ir.dim import evaluate
from neuralc.ir.interpreter import interpret
from neuralc.lowering.onnx_writer import CONTRIB
from neuralc.lowering.validity import check
from onnx import TensorProto

NETWORKS = Path(__file__).parent.parent / "equality" / "networks"
NAMES = sorted(path.stem for path in NETWORKS.glob("*.neural"))
KINDS = [("cpu", "fp32"), ("portable", "fp32"), ("cuda", "fp32"), ("cuda", "fp16")]


def sample(graph: Any, batch: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(batch)
    made: dict[str, np.ndarray] = {}
    for value in graph.inputs:
        sizes = {symbol.name: symbol.maximum or batch for symbol in graph.symbols().values()}
        shape = [evaluate(dim, sizes) for dim in value.type.shape]
        if value.name.endswith("attention_mask"):
            made[value.name] = np.ones(shape, np.int64)
        elif value.type.dtype.is_float:
            made[value.name] = random.standard_normal(shape).astype(np.float32)
        else:
            made[value.name] = random.integers(0, 80, shape)
    return made


@pytest.mark.parametrize("opt_level", [0, 2])
@pytest.mark.parametrize(("target", "precision"), KINDS)
@pytest.mark.parametrize("network", NAMES)
def test_a_network_is_valid_for_every_target(
    network: str, target: str, precision: str, opt_level: int, run_model: Any
) -> None:
    model = neuralc.compile(
        NETWORKS / f"{network}.neural",
        opt_level=opt_level,
        target=target,
        precision=precision,
        padding_mask=True,
        lint=False,
    )
    content = model.to_bytes()
    check(content)
    structure = onnx.load_from_string(content)
    if target == "portable":
        assert {each.domain for each in structure.opset_import} == {""}
        assert not any(node.domain for node in structure.graph.node)
    for info in (*structure.graph.input, *structure.graph.output):
        assert info.type.tensor_type.elem_type in (TensorProto.FLOAT, TensorProto.INT64)
    if target == "cuda":
        # A mask or bias tensor would keep the flash kernels from running: attributes only.
        extra = {"MultiHeadAttention": 3, "GroupQueryAttention": 7}
        for node in structure.graph.node:
            if node.domain == CONTRIB and node.op_type in extra:
                assert not any(node.input[extra[node.op_type] :])
    if precision == "fp16":
        weights = [t for t in structure.graph.initializer if t.name.endswith("kernel")]
        assert {tensor.data_type for tensor in weights} == {TensorProto.FLOAT16}
        inputs = sample(model.source_graph, 2)
        outputs = run_model(content, inputs)
        wanted = interpret(model.source_graph, inputs).values()
        for found, expected in zip(outputs, wanted, strict=True):
            np.testing.assert_allclose(found, expected, rtol=0.05, atol=0.03)
