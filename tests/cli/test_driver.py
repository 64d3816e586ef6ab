"""The Python API: one call from source to a model that can be saved, run and looked into."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import neuralc
import numpy as np
import onnx
import pytest
from neuralc.compiler import metadata_entries as keys
from neuralc.compiler.driver import Compilation, CompilerFault
from neuralc.compiler.options import CompileOptions
from neuralc.compiler.syntax.source import Source
from neuralc.ir.diagnostic import CompileError, ExitStatus, Severity
from neuralc.ir.interpreter import interpret
from neuralc.lowering.validity import check


def ones() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((2, 6, 8)).astype(np.float32)


def test_a_string_is_source_and_a_path_is_a_file(small: Path, small_source: str) -> None:
    from_text = neuralc.compile(small_source)
    from_file = neuralc.compile(small)
    results = [m.session("cpu").run({"input": ones()})["output"] for m in (from_text, from_file)]
    assert np.array_equal(*results)
    with pytest.raises(CompileError, match="E0501") as caught:
        neuralc.compile(Path("absent.neural"))
    assert caught.value.status is ExitStatus.SURROUNDINGS


@pytest.mark.parametrize("target", ["cpu", "portable"])
@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_every_level_computes_what_the_source_graph_means(
    level: int, target: str, small_source: str
) -> None:
    model = neuralc.compile(small_source, opt_level=level, target=target, check_ir=True)
    expected = interpret(model.source_graph, {"input": ones()})["output"]
    actual = model.session("cpu").run({"input": ones()})["output"]
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-6)


def test_the_graphs_show_the_stages(small_source: str) -> None:
    model = neuralc.compile(small_source)
    ops = [{node.op for node in g.nodes()} for g in (model.source_graph, model.graph)]
    assert "dropout" in ops[0]
    assert "attention" not in ops[0]
    assert {"attention", "qkv_projection"} <= ops[1]
    assert model.report.fused["attention"] == 1
    assert any(form.startswith("attention=") for form in model.report.forms)
    assert model.report.nodes == {
        "built": len(model.source_graph),
        "raised": len(model.graph),
        "target": len(model.target_graph),
    }
    assert neuralc.compile(small_source, opt_level=0).report.fused == {}


def test_a_saved_model_is_valid_and_says_what_it_is(small: Path) -> None:
    model = neuralc.compile(small, dynamic="seq", padding_mask=True)
    (path,) = model.save("model.onnx")
    check(path)
    saved = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    assert json.loads(saved["loss"])
    assert json.loads(saved[keys.OPTIONS])["dynamic"] == ["seq"]
    assert json.loads(saved[keys.PIPELINE]) == model.report.pipeline
    assert json.loads(saved[keys.SIZES])["S"]["maximum"] == 6
    assert json.loads(saved[keys.SESSION_OPTIONS]) == {"session.set_denormal_as_zero": "1"}
    assert set(keys.source_map(saved).values()) >= {"small.neural:4:5"}
    assert model.report.files == [("model.onnx", path.stat().st_size)]


def test_equal_options_give_equal_bytes(small: Path) -> None:
    files = []
    for name in ("a", "b"):
        Path(name).mkdir()
        neuralc.compile(small, padding_mask=True).save(Path(name) / "model.onnx")
        files.append((Path(name) / "model.onnx").read_bytes())
    assert files[0] == files[1]
    assert neuralc.compile(small, padding_mask=True, seed=1).to_bytes() != files[0]


def test_an_absolute_path_is_not_stored(small: Path, tmp_path: Path) -> None:
    relative = neuralc.compile(small).to_bytes()
    absolute = neuralc.compile(small.absolute()).to_bytes()
    assert relative == absolute
    assert str(tmp_path).encode() not in absolute


def test_random_weights_are_noted_and_bound_ones_are_not(small: Path) -> None:
    from neuralc.compiler.weights.binding import save_weights

    model = neuralc.compile(small, seed=5)
    assert "N0401" in [d.code for d in model.report.diagnostics]
    save_weights(model.source_graph, "w.safetensors")
    bound = neuralc.compile(small, weights="w.safetensors")
    assert "N0401" not in [d.code for d in bound.report.diagnostics]
    run = [m.session("cpu").run({"input": ones()})["output"] for m in (model, bound)]
    assert np.array_equal(*run)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"opt_level": 4}, "opt_level cannot be 4"),
        ({"opt_level": True}, "opt_level cannot be True"),
        ({"target": "tpu"}, "target cannot be 'tpu'"),
        ({"precision": "fp8"}, "precision cannot be 'fp8'"),
        ({"mask_dtype": "int7"}, "mask_dtype cannot be 'int7'"),
        ({"padding": "none"}, "padding cannot be 'none'"),
        ({"positions": "cubic"}, "positions cannot be 'cubic'"),
        ({"logits": "first"}, "logits cannot be 'first'"),
        ({"seed": -1}, "a seed is"),
        ({"max_sizes": {"seq": 0}}, "the axis 'seq' cannot be 0"),
        ({"weights_from": "bert"}, "there is no weights file"),
    ],
)
def test_options_without_meaning_are_usage_errors(
    options: dict[str, Any], said: str, small_source: str
) -> None:
    with pytest.raises(CompileError, match="E0510") as caught:
        neuralc.compile(small_source, **options)
    assert caught.value.status is ExitStatus.USAGE
    assert said in caught.value.diagnostics[0].message


def test_an_unknown_argument_is_a_type_error(small_source: str) -> None:
    with pytest.raises(TypeError, match="optlevel"):
        neuralc.compile(small_source, optlevel=2)


def test_warnings_can_be_errors(small_source: str) -> None:
    model = neuralc.compile(small_source)
    assert [d.severity for d in model.report.warnings] == [Severity.WARNING]
    with pytest.raises(CompileError) as caught:
        neuralc.compile(small_source, warnings_as_errors=True)
    assert caught.value.status is ExitStatus.WRONG_PROGRAM
    assert neuralc.compile(small_source, warnings_as_errors=True, lint=False).name == "Small"


def test_verification_runs_the_cases_and_is_kept_in_the_file(small: Path) -> None:
    model = neuralc.compile(small, verify=True, dynamic=("seq",), padding_mask=True)
    verification = model.report.verification
    assert verification is not None
    assert verification.passed
    assert verification.cases == 3
    (path,) = model.save("v.onnx")
    saved = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    assert json.loads(saved[keys.VERIFICATION]) == verification.as_json()


def test_a_file_that_computes_something_else_fails_the_verification(small_source: str) -> None:
    """The target graph is exchanged for that of other weights, as if a pass had gone wrong."""
    compilation = Compilation(Source("s", small_source), CompileOptions.of(seed=0))
    other = Compilation(Source("s", small_source), CompileOptions.of(seed=1))
    compilation.__dict__["target_graph"] = other.target_graph
    with pytest.raises(CompileError, match="E0720") as caught:
        neuralc.CompiledModel(compilation).verify("cpu")
    assert caught.value.status is ExitStatus.COMPILER_FAULT


def test_a_failing_stage_is_a_fault_with_the_graph_before_it(
    small_source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("neuralc.lowering.onnx_lowering.lower", broken)
    with pytest.raises(CompilerFault, match="E0901") as caught:
        neuralc.compile(small_source)
    assert caught.value.status is ExitStatus.COMPILER_FAULT
    assert caught.value.pass_name == "lower"
    assert "graph @Small" in caught.value.ir_before


def test_a_failed_save_leaves_the_old_file(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("model.onnx").write_text("old")
    model = neuralc.compile(small)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.replace", full)
        with pytest.raises((CompileError, OSError)):
            model.save("model.onnx")
    assert Path("model.onnx").read_text() == "old"


def test_the_report_is_json(small: Path) -> None:
    model = neuralc.compile(small)
    model.save("m.onnx")
    told = json.loads(json.dumps(model.report.as_json()))
    assert told["fused"]["attention"] == 1
    assert {time["stage"] for time in told["times"]} >= {"parse", "check", "build", "lower"}
    assert "select_forms" in model.report.times_text()


def test_the_public_names_are_there() -> None:
    names: dict[str, Callable[..., Any]] = {
        name: getattr(neuralc, name) for name in neuralc.__all__
    }
    assert names["compile"] is neuralc.compile
    with pytest.raises(AttributeError):
        _ = neuralc.nothing  # type: ignore[attr-defined]
