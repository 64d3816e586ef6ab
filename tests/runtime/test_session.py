"""Sessions: options from the metadata, providers that never change silently, clear failures."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from neuralc.ir.diagnostic import CompileError, ExitStatus
from neuralc.runtime.session import open_session

INPUTS = {"x": np.ones((1, 3, 4), np.float32), "mask": np.ones((1, 3), np.int64)}


def test_a_session_runs_and_says_what_it_is(model_bytes: Callable[..., bytes]) -> None:
    session = open_session(model_bytes(), provider="cpu")
    results = session.run(INPUTS)
    assert session.provider == "cpu"
    assert [str(spec) for spec in session.inputs] == [
        "x: float32[B, S, 4]",
        "mask: int64[B, S]",
    ]
    assert list(results) == ["y", "seen"]
    assert np.array_equal(results["y"], np.tile(np.float32([4, 0]), (1, 3, 1)))
    assert list(session.run(INPUTS, ["seen"])) == ["seen"]


def test_inputs_are_checked_against_the_maximum_in_the_metadata(
    model_bytes: Callable[..., bytes],
) -> None:
    session = open_session(model_bytes(), provider="cpu")
    long = {"x": np.ones((1, 9, 4), np.float32), "mask": np.ones((1, 9), np.int64)}
    with pytest.raises(CompileError, match="E0717"):
        session.run(long)


def test_what_the_runtime_says_while_it_runs_is_told(
    model_bytes: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = open_session(model_bytes(), provider="cpu")

    class Failing:
        def run(self, *_: object) -> None:
            raise RuntimeError("no kernel\nsecond line")

    monkeypatch.setattr(session, "running", Failing())
    with pytest.raises(CompileError, match=r"E0719: ONNX Runtime failed: no kernel$"):
        session.run(INPUTS)


def test_the_options_of_the_metadata_are_applied_and_can_be_overridden(
    model_bytes: Callable[..., bytes],
) -> None:
    asked = {"session.disable_prepacking": "1", "session.inter_op.allow_spinning": "0"}
    data = model_bytes({"neuralc.session_options": json.dumps(asked)})
    session = open_session(data, provider="cpu", options={"session.disable_prepacking": "0"})
    settings = session.running.get_session_options()
    assert settings.get_session_config_entry("session.disable_prepacking") == "0"
    assert settings.get_session_config_entry("session.inter_op.allow_spinning") == "0"


@pytest.mark.parametrize("damaged", ["[1, 2]", "{", "null"])
def test_damaged_metadata_is_ignored(damaged: str, model_bytes: Callable[..., bytes]) -> None:
    entries = ("neuralc.session_options", "neuralc.sizes", "neuralc.inputs")
    data = model_bytes(dict.fromkeys(entries, damaged))
    assert open_session(data, provider="cpu").run(INPUTS)["y"].shape == (1, 3, 2)


def test_an_absent_provider_is_an_error_that_says_what_to_install(
    model_bytes: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(CompileError, match="E0508") as caught:
        open_session(model_bytes(), provider="cuda")
    assert caught.value.status is ExitStatus.SURROUNDINGS
    assert "neuralc[gpu]" in (caught.value.diagnostics[0].help or "")
    assert open_session(model_bytes(), provider="auto").provider == "cpu"


def test_a_provider_that_cannot_be_loaded_is_no_silent_fallback(
    model_bytes: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wheel for CUDA on a machine without its libraries lists the provider all the same, and
    makes sessions without it."""
    real = onnxruntime.InferenceSession
    listed = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: listed)

    def without_cuda(*arguments: object, **more: object) -> object:
        return real(*arguments, **{**more, "providers": ["CPUExecutionProvider"]})

    monkeypatch.setattr(onnxruntime, "InferenceSession", without_cuda)
    with pytest.raises(CompileError, match="E0508"):
        open_session(model_bytes(), provider="cuda")
    with pytest.warns(RuntimeWarning, match="the model runs on the CPU"):
        assert open_session(model_bytes(), provider="auto").provider == "cpu"


@pytest.mark.parametrize(
    ("name", "value"),
    [("optimization", "most"), ("intra_op_num_threads", "two"), ("execution_order", "RANDOM")],
)
def test_a_value_that_an_option_lacks_is_named(
    name: str, value: str, model_bytes: Callable[..., bytes]
) -> None:
    with pytest.raises(CompileError, match="E0510") as caught:
        open_session(model_bytes(), provider="cpu", options={name: value})
    assert name in caught.value.diagnostics[0].message
    in_file = model_bytes({"neuralc.session_options": json.dumps({name: value})})
    with pytest.raises(CompileError, match="E0510"):
        open_session(in_file, provider="cpu")


def test_unknown_providers_are_usage_errors(model_bytes: Callable[..., bytes]) -> None:
    with pytest.raises(CompileError, match="E0510") as caught:
        open_session(model_bytes(), provider="tpu")
    assert caught.value.status is ExitStatus.USAGE


def test_a_missing_runtime_says_how_to_get_it(
    model_bytes: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(CompileError, match="E0507") as caught:
        open_session(model_bytes())
    assert 'pip install "neuralc[cpu]"' in (caught.value.diagnostics[0].help or "")


def test_a_model_that_the_runtime_refuses_is_named(
    model_bytes: Callable[..., bytes], tmp_path: Path
) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(model_bytes().replace(b"MatMul", b"NoSuch"))
    with pytest.raises(CompileError, match="E0513"):
        open_session(path, provider="cpu")


def test_ids_that_no_table_has_never_reach_the_runtime(model_bytes: Callable[..., bytes]) -> None:
    told = [{"name": "x", "role": "values"}, {"name": "mask", "role": "ids", "below": 2}]
    session = open_session(model_bytes({"neuralc.inputs": json.dumps(told)}), provider="cpu")
    assert session.run(INPUTS)["y"].shape == (1, 3, 2)
    with pytest.raises(CompileError) as caught:
        session.run(INPUTS | {"mask": INPUTS["mask"] - 2})
    assert [d.code for d in caught.value.diagnostics] == ["E0722"]
