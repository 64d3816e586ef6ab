"""Whole networks in bytes: what they compute, and what may not influence a result of them.

The networks are small, so every product is quantized here, however little it gains.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from neuralc.compiler.compiled_model import CompiledModel
from neuralc.compiler.driver import Compilation
from neuralc.compiler.options import CompileOptions
from neuralc.compiler.syntax.source import Source
from neuralc.ir.diagnostic import CompileError
from neuralc.ir.quantization import QuantizationPlan
from test_independence import changed

Inputs = dict[str, np.ndarray]
ROW_SAFE = ("int8", "int8-weights", "int4-weights")
NETWORKS = sorted(file.stem for file in (Path(__file__).parent / "networks").glob("*.neural"))


@pytest.fixture
def compiled(network_source: Callable[[str], str]) -> Callable[..., CompiledModel]:
    def compile(name: str, precision: str, **options: Any) -> CompiledModel:
        asked = CompileOptions.of(precision=precision, lint=False, check_ir=True, **options)
        compilation = Compilation(Source(name, network_source(name)), asked)
        compilation.quantization_plan = QuantizationPlan(precision, least_work=1)
        return CompiledModel(compilation)

    return compile


def runner(model: CompiledModel, folder: Path) -> Callable[[Inputs], np.ndarray]:
    path = folder / "model.onnx"
    model.save(path)
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda inputs: session.run(None, inputs)[0]


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_compute_what_their_quantized_graphs_say(
    compiled: Callable[..., CompiledModel], name: str
) -> None:
    for precision in ("int8", "int4-weights") if name == "nlp_attention" else ("int8",):
        model = compiled(name, precision)
        verification = model.verify()
        assert verification.passed
        assert verification.meaning_rms is not None
        assert verification.rms < verification.meaning_rms
        assert 0 < verification.meaning_rms < 0.1 * verification.largest
        assert set(model.report.products) == {precision}


def test_a_wrong_scale_is_not_verified(compiled: Callable[..., CompiledModel]) -> None:
    model = compiled("nlp_attention", "int8")
    for tensor in [node for node in model.program.model.graph.node if node.op_type == "Reciprocal"]:
        tensor.op_type = "Neg"
    with pytest.raises(CompileError, match="E0720"):
        model.verify()


@pytest.mark.parametrize("precision", ROW_SAFE)
def test_a_future_token_changes_no_earlier_output(
    compiled: Callable[..., CompiledModel],
    sampler: Callable[..., Inputs],
    tmp_path: Path,
    precision: str,
) -> None:
    model = compiled("causal_attention", precision)
    outputs = runner(model, tmp_path)
    inputs = sampler(model.source_graph, 2, 1)
    name = next(iter(inputs))
    before = outputs(inputs)
    position = inputs[name].shape[1] // 2
    for other in changed(inputs, name, 0, position):
        after = outputs(other)
        assert np.array_equal(before[0, :position], after[0, :position])
        assert np.array_equal(before[1], after[1])
        assert not np.array_equal(before[0, position:], after[0, position:])


@pytest.mark.parametrize("precision", ROW_SAFE)
@pytest.mark.parametrize("padding", ["right", "gapped"])
def test_a_masked_token_changes_no_other_output(
    compiled: Callable[..., CompiledModel],
    sampler: Callable[..., Inputs],
    tmp_path: Path,
    padding: str,
    precision: str,
) -> None:
    model = compiled("bidirectional_attention", precision, padding_mask=True)
    outputs = runner(model, tmp_path)
    inputs = sampler(model.source_graph, 2, 1, padding)
    row, position = (int(each) for each in np.argwhere(inputs["attention_mask"] == 0)[0])
    token = next(name for name in inputs if not name.endswith("mask"))
    before = outputs(inputs)
    for other in changed(inputs, token, row, position):
        after = outputs(other)
        if before.ndim == 3:
            before[row, position] = after[row, position] = 0
        assert np.array_equal(before, after)
        assert np.isfinite(after).all()


def test_with_one_scale_for_all_rows_a_token_changes_all_outputs(
    compiled: Callable[..., CompiledModel], sampler: Callable[..., Inputs], tmp_path: Path
) -> None:
    """Why that form is not the default."""
    model = compiled("causal_attention", "int8-tensor")
    outputs = runner(model, tmp_path)
    inputs = sampler(model.source_graph, 2, 1)
    name = next(iter(inputs))
    before = outputs(inputs)
    (_, other, *_) = changed(inputs, name, 0, inputs[name].shape[1] - 1)
    after = outputs(other)
    assert not np.array_equal(before[0, 0], after[0, 0])
    assert not np.array_equal(before[1], after[1])


def test_the_same_bytes_each_time(compiled: Callable[..., CompiledModel]) -> None:
    first, second = (compiled("nlp_attention", "int8").to_bytes() for _ in range(2))
    assert first == second
