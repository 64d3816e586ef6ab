"""Which part of ONNX Runtime runs a model: the choice, its settings, and why it cannot be had.

In: what the user asked for, what the installed runtime has, a file's metadata. Out: a provider by
its short name and what the runtime wants to be told of it; or a `CompileError`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..ir.diagnostic import CompileError, ExitStatus, failure
from .model_file import read_object

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}
"""The runtime's name for each provider."""

CHOICES = ("auto", *PROVIDERS)
TARGET_KEY = "neuralc.target"
OPTIONS_KEY = "neuralc.options"

_INSTALL = {
    "cuda": 'for CUDA: pip uninstall onnxruntime; pip install "neuralc[gpu]", and a driver for '
    "the GPU; or run it with --provider cpu",
    "openvino": "for OpenVINO: pip uninstall onnxruntime; pip install "
    '"neuralc[openvino]"; or run it with --provider cpu',
    "cpu": 'pip install "neuralc[cpu]"',
}


def choose(provider: str, available: Sequence[str], metadata: Mapping[str, str]) -> str:
    """The provider that runs the file, by its short name.

    `auto` is the GPU if the runtime knows one, then OpenVINO for the files that it runs as fast as
    its own, then the CPU. Raises `CompileError` E0510 for an unknown name, E0508 for a provider
    that the installed runtime lacks.
    """
    if provider == "auto":
        if PROVIDERS["cuda"] in available:
            return "cuda"
        suits = PROVIDERS["openvino"] in available and suits_openvino(metadata)
        return "openvino" if suits else "cpu"
    if provider not in PROVIDERS:
        raise failure(
            "E0510",
            f"provider cannot be {provider!r}",
            status=ExitStatus.USAGE,
            help=f"it is one of {', '.join(CHOICES)}",
        )
    if PROVIDERS[provider] not in available:
        raise provider_missing(provider, "this ONNX Runtime was built without it")
    return provider


def suits_openvino(metadata: Mapping[str, str]) -> bool:
    """Whether a file is one of ours in the form that OpenVINO takes whole: standard operators, as
    `--target portable` writes them, in full precision. (OpenVINO 2025.4, which is in
    onnxruntime-openvino 1.24, has no Attention.)"""
    target, options = read_object(metadata, TARGET_KEY), read_object(metadata, OPTIONS_KEY)
    return target.get("name") == "portable" and options.get("precision") == "fp32"


def with_settings(provider: str, asked: Mapping[str, Any]) -> Any:
    """The provider as `InferenceSession` takes it, with settings of its own.

    OpenVINO has its own threads, and computes in half precision where a processor can, unless it is
    told not to.
    """
    if provider != "openvino":
        return PROVIDERS[provider]
    settings = {"device_type": "CPU", "precision": "FP32"}
    if "intra_op_num_threads" in asked:
        settings["num_of_threads"] = str(asked["intra_op_num_threads"])
    return PROVIDERS[provider], settings


def provider_missing(provider: str, why: str) -> CompileError:
    """E0508, with what to install."""
    return failure(
        "E0508", f"the provider {provider!r} is not available: {why}", help=_INSTALL[provider]
    )


def model_refused(provider: str, error: Exception) -> CompileError:
    """E0513 with what the runtime said; for what OpenVINO lacks, the target that avoids it."""
    if provider == "cuda" and "CUDA" in str(error):
        return provider_missing(provider, first_line(error))
    lacks = re.search(r"OpenVINO does not support the following ONNX operations: .*", str(error))
    if lacks:
        help = "compile it with --target portable; or run it with --provider cpu"
        return failure("E0513", f"ONNX Runtime refused the model: {lacks.group()}", help=help)
    elsewhere = "run it with --provider cpu" if provider == "openvino" else None
    return failure("E0513", f"ONNX Runtime refused the model: {first_line(error)}", help=elsewhere)


def refuse_old_runtime(metadata: Mapping[str, str], version: str) -> None:
    """Raises `CompileError` E0516 where the installed runtime is older than the file needs.

    It may load the file all the same, and compute masked attention otherwise than we do.
    """
    needed = read_object(metadata, TARGET_KEY).get("oldest_runtime")
    wanted, installed = _release(needed), _release(version)
    if wanted and installed and installed < wanted:
        raise failure(
            "E0516",
            f"the model needs ONNX Runtime {needed} or newer, and {version} is installed",
            help="install a newer one, or compile the model with --target portable",
        )


def first_line(error: Exception) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _release(version: Any) -> tuple[int, int] | None:
    """Major and minor number; None for what is no version."""
    found = re.match(r"(\d+)\.(\d+)", version) if isinstance(version, str) else None
    return (int(found[1]), int(found[2])) if found else None
