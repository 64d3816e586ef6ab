"""`--calibrate`, `--max-error` and `--activation-scales`, from the program to the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import neuralc
import numpy as np
import pytest
from neuralc.compiler.compiled_model import CompiledModel
from neuralc.ir.diagnostic import CompileError

PROGRAM = """network Judged {
  input: (9, 192)
  layers:
    TransformerEncoder(num_heads=4, d_model=192, dff=224, activation="gelu")
    GlobalAveragePooling1D()
    Output(5)
}
"""
RANDOM = np.random.default_rng(3)
SPREAD = np.exp(1.2 * RANDOM.standard_normal(192))
"""Columns of very different sizes: what equalizing is for."""


def inputs(samples: int) -> np.ndarray:
    return (RANDOM.standard_normal((samples, 9, 192)) * SPREAD).astype(np.float32)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "seen.npz"
    np.savez(path, input=inputs(6))
    return path


def compiled(**options: Any) -> CompiledModel:
    options = {"precision": "int8", "lint": False, "positions": "none", **options}
    return neuralc.compile(PROGRAM, **options)


def outputs(model: CompiledModel, x: np.ndarray) -> np.ndarray:
    (result,) = model.session("cpu").run({"input": x}).values()
    return result.astype(np.float64)


@pytest.fixture(scope="module")
def exact(data: Path) -> np.ndarray:
    return outputs(compiled(precision="fp32"), np.load(data)["input"])


def error_of(model: CompiledModel, data: Path, exact: np.ndarray) -> float:
    """Measured here, with nothing of the compiler's own."""
    difference = outputs(model, np.load(data)["input"]) - exact
    return float(np.sqrt(np.mean(difference**2)) / exact.std())


@pytest.fixture(scope="module")
def free(data: Path) -> CompiledModel:
    return compiled(calibrate=data)


@pytest.fixture(scope="module")
def bounded(data: Path, free: CompiledModel) -> CompiledModel:
    assert free.report.calibration is not None
    return compiled(calibrate=data, max_error=0.7 * free.report.calibration.error)


def test_the_error_told_is_the_error_there_is(
    free: CompiledModel, data: Path, exact: np.ndarray
) -> None:
    told = free.report.calibration
    assert told is not None
    assert error_of(free, data, exact) == pytest.approx(told.error, rel=1e-3)
    assert told.kept == ()
    assert (told.samples, told.origin, told.limit) == (6, "seen.npz", None)


def test_calibration_helps(free: CompiledModel, data: Path, exact: np.ndarray) -> None:
    plain = error_of(compiled(), data, exact)
    told = free.report.calibration
    assert told is not None
    assert told.equalized > 0
    assert told.error_untuned == pytest.approx(plain, rel=1e-3)
    assert error_of(free, data, exact) < 0.9 * plain


def test_the_bound_holds_with_as_much_quantized_as_it_allows(
    bounded: CompiledModel, data: Path, exact: np.ndarray
) -> None:
    told = bounded.report.calibration
    assert told is not None
    assert told.limit is not None
    assert error_of(bounded, data, exact) <= told.limit
    assert 0 < len(told.kept) < len(told.groups)
    kept = sum(len(group.products) for group in told.kept)
    assert bounded.report.products["fp32"] == kept + 1  # The head is too small to gain.
    assert bounded.report.products["int8"] == 6 - kept


def test_the_file_says_what_was_found_and_is_the_same_twice(
    bounded: CompiledModel, data: Path
) -> None:
    told = bounded.report.calibration
    assert told is not None
    metadata = bounded.session("cpu").metadata
    entry = json.loads(metadata["neuralc.calibration"])
    assert entry["fp32"] == [path for group in told.kept for path in group.products]
    assert (entry["data"], entry["limit"]) == ("seen.npz", told.limit)
    assert json.loads(metadata["neuralc.options"])["calibrate"] == "seen.npz"
    again = compiled(calibrate=data, max_error=told.limit)
    assert again.to_bytes() == bounded.to_bytes()


def test_each_precision_keeps_to_a_bound_on_synthetic_inputs() -> None:
    limits = {"int8-tensor": 0.004, "int8-weights": 0.003, "int4-weights": 0.03}
    for precision, limit in limits.items():
        told = compiled(precision=precision, max_error=limit).report.calibration
        assert told is not None
        assert told.origin == "synthetic"
        assert told.error <= limit
        assert told.kept != ()


def test_what_no_product_can_keep_to_is_said() -> None:
    model = compiled(max_error=1e-9)
    assert model.report.products == {"fp32": 7}
    (warning,) = model.report.warnings
    assert (warning.code, "1e-09" in warning.message) == ("W0626", True)
    with pytest.raises(CompileError, match="1e-09"):
        compiled(max_error=1e-9, warnings_as_errors=True)


def test_static_scales_are_known_before_the_model_runs(data: Path, exact: np.ndarray) -> None:
    model = compiled(calibrate=data, activation_scales="static")
    ops = [node.op for node in model.target_graph.nodes()]
    assert "quantize_rows" not in ops
    assert "quantize" in ops
    told = model.report.calibration
    assert told is not None
    assert error_of(model, data, exact) == pytest.approx(told.error, rel=1e-3)
    assert told.error < 0.05


def test_a_small_model_has_nothing_to_calibrate(small_source: str, tmp_path: Path) -> None:
    model = neuralc.compile(small_source, precision="int8", max_error=0.01, lint=False)
    told = model.report.calibration
    assert told is not None
    assert (told.groups, told.error) == ((), 0.0)


# ---- what is wrong ------------------------------------------------------------------------


def refused(**options: Any) -> CompileError:
    with pytest.raises(CompileError) as raised:
        compiled(**options)
    return raised.value


@pytest.mark.parametrize(
    ("arrays", "code"),
    [
        ({"other": inputs(2)}, "E0710"),
        ({"input": inputs(2), "more": inputs(2)}, "E0711"),
        ({"input": inputs(2).astype(np.float64)}, "E0712"),
        ({"input": inputs(2)[:, :5]}, "E0714"),
        ({"input": inputs(2) * np.nan}, "E0740"),
        ({"input": np.full((1, 9, 192), np.inf, np.float32)}, "E0740"),
    ],
    ids=str,
)
def test_data_that_do_not_fit(arrays: dict[str, np.ndarray], code: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.npz"
    np.savez(path, **arrays)  # type: ignore[arg-type]
    assert code in [d.code for d in refused(calibrate=path).diagnostics]


def test_files_that_are_none(tmp_path: Path) -> None:
    assert refused(calibrate=tmp_path / "absent.npz").diagnostics[0].code == "E0501"
    path = tmp_path / "text.npz"
    path.write_text("no arrays")
    assert refused(calibrate=path).diagnostics[0].code == "E0718"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"precision": "fp32", "max_error": 0.1}, "--precision int8"),
        ({"max_error": -1.0}, "one percent"),
        ({"max_error": float("nan")}, "one percent"),
        ({"activation_scales": "static"}, "--calibrate FILE.npz"),
        ({"activation_scales": "column"}, "row, static"),
        (
            {"precision": "int8-tensor", "activation_scales": "static", "calibrate": "x.npz"},
            "--precision int8",
        ),
    ],
    ids=str,
)
def test_options_that_cannot_be(options: dict[str, Any], words: str) -> None:
    (diagnostic,) = refused(**options).diagnostics
    assert diagnostic.code == "E0510"
    assert words in (diagnostic.help or "")


def test_without_onnx_runtime_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert refused(max_error=0.1).diagnostics[0].code == "E0507"


def test_the_command_line_prints_the_table(small: Path, command: Any, data: Path) -> None:
    small.write_text(PROGRAM)
    options = ("--positions", "none", "--precision", "int8", "--calibrate", data)
    done = command("neuralc", small, *options, "--max-error", "0.05", "-q", "-o", "m.onnx")
    assert done.status == 0, done.err
    assert "encoder[0]/attention (query, key, value)" in done.err
    assert "error alone" in done.err
    done = command("neuralc", small, *options, "--diagnostics", "json", "-o", "m.onnx")
    told = json.loads(done.err)["calibration"]
    assert {group["scheme"] for group in told["groups"]} == {"int8"}
    assert told["error"] < told["error_untuned"]
    done = command("neuralc", small, *options, "-o", data)
    assert (done.status, "E0505" in done.err) == (2, True)


def test_a_compiled_file_cannot_be_calibrated(small: Path, command: Any, data: Path) -> None:
    assert command("neuralc", small, "-q", "-o", "m.onnx").status == 0
    done = command("neural", "run", "m.onnx", "--random", "--max-error", "0.1")
    assert (done.status, "E0511" in done.err) == (2, True)
