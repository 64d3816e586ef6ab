"""Which provider runs a file, what it is told, and what is said where it cannot."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import onnxruntime
import pytest
from neuralc.ir.diagnostic import CompileError
from neuralc.runtime.providers import (
    PROVIDERS,
    choose,
    model_refused,
    refuse_old_runtime,
    suits_openvino,
    with_settings,
)
from neuralc.runtime.session import open_session

CPU, CUDA, OPENVINO = PROVIDERS["cpu"], PROVIDERS["cuda"], PROVIDERS["openvino"]


def told(target: str = "portable", precision: str = "fp32", oldest: str = "1.18") -> dict[str, str]:
    return {
        "neuralc.target": json.dumps({"name": target, "oldest_runtime": oldest}),
        "neuralc.options": json.dumps({"precision": precision}),
    }


@pytest.mark.parametrize(
    ("available", "metadata", "chosen"),
    [
        ([CPU], told(), "cpu"),
        ([OPENVINO, CPU], told(), "openvino"),
        ([OPENVINO, CPU], told("cpu"), "cpu"),
        ([OPENVINO, CPU], told(precision="int8"), "cpu"),
        ([OPENVINO, CPU], {}, "cpu"),
        ([OPENVINO, CPU], {"neuralc.target": "[", "neuralc.options": "3"}, "cpu"),
        ([CUDA, OPENVINO, CPU], told(), "cuda"),
    ],
    ids=["alone", "portable", "cpu", "int8", "foreign", "damaged", "GPU"],
)
def test_auto_takes_openvino_for_the_files_that_suit_it(
    available: list[str], metadata: dict[str, str], chosen: str
) -> None:
    assert choose("auto", available, metadata) == chosen


def test_a_provider_that_is_asked_for_is_taken_or_refused() -> None:
    assert choose("openvino", [OPENVINO, CPU], {}) == "openvino"
    with pytest.raises(CompileError, match="E0508") as caught:
        choose("openvino", [CPU], told())
    assert '"neuralc[openvino]"' in (caught.value.diagnostics[0].help or "")


def test_openvino_computes_in_full_precision_with_the_threads_asked_for() -> None:
    settings = {"device_type": "CPU", "precision": "FP32"}
    assert with_settings("openvino", {}) == (OPENVINO, settings)
    threads = with_settings("openvino", {"intra_op_num_threads": 3})
    assert threads == (OPENVINO, {**settings, "num_of_threads": "3"})
    assert with_settings("cpu", {"intra_op_num_threads": 3}) == CPU


def test_a_session_asks_the_runtime_for_openvino(
    model_bytes: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here is no OpenVINO: a CPU session that says it is one stands for it."""
    asked: list[Any] = []
    real = onnxruntime.InferenceSession

    class Pretender:
        def __init__(self, *arguments: Any, providers: list[Any], **more: Any) -> None:
            asked.extend(providers)
            self._real = real(*arguments, providers=[CPU], **more)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._real, name)

        def get_providers(self) -> list[str]:
            return [OPENVINO, CPU]

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [OPENVINO, CPU])
    monkeypatch.setattr(onnxruntime, "InferenceSession", Pretender)
    assert open_session(model_bytes(told())).provider == "openvino"
    assert asked == [(OPENVINO, {"device_type": "CPU", "precision": "FP32"})]
    assert suits_openvino(told())


def test_what_openvino_lacks_is_named_with_the_target_that_avoids_it() -> None:
    error = RuntimeError(
        "[ONNXRuntimeError] : 1 : FAIL : Exception during initialization: basic_backend.cc:136\n"
        "OpenVINO does not support the following ONNX operations: Attention\n"
    )
    (diagnostic,) = model_refused("openvino", error).diagnostics
    assert diagnostic.code == "E0513"
    assert diagnostic.message.endswith("the following ONNX operations: Attention")
    assert "--target portable" in (diagnostic.help or "")
    (other,) = model_refused("openvino", RuntimeError("\nno space\nmore")).diagnostics
    assert other.message.endswith(": no space")
    assert other.help == "run it with --provider cpu"
    (other,) = model_refused("cpu", RuntimeError("no space")).diagnostics
    assert other.help is None


@pytest.mark.parametrize("version", ["1.27.9", "1.9.1", "0.99"])
def test_a_runtime_that_is_too_old_for_a_file_is_refused(version: str) -> None:
    with pytest.raises(CompileError, match="E0516") as caught:
        refuse_old_runtime(told(oldest="1.28"), version)
    assert "--target portable" in (caught.value.diagnostics[0].help or "")


@pytest.mark.parametrize(
    ("metadata", "version"),
    [
        (told(oldest="1.28"), "1.28.0"),
        (told(oldest="1.28"), "1.30.0+cu12"),
        (told(oldest="1.28"), "2.0"),
        (told(oldest="1.28"), "nightly"),
        (told(oldest="soon"), "1.0"),
        ({"neuralc.target": json.dumps({"oldest_runtime": 1.28})}, "1.0"),
        ({}, "1.0"),
    ],
    ids=["equal", "newer", "major", "unknown version", "no version", "a number", "foreign"],
)
def test_other_runtimes_are_not(metadata: dict[str, str], version: str) -> None:
    refuse_old_runtime(metadata, version)


def test_a_session_is_refused_by_an_old_runtime(
    model_bytes: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnxruntime, "__version__", "1.24.1")
    with pytest.raises(CompileError, match="E0516"):
        open_session(model_bytes(told("cpu", oldest="1.28")), provider="cpu")
    assert open_session(model_bytes(told()), provider="cpu").provider == "cpu"
