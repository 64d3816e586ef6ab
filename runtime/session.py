"""Sessions: a model file, an execution provider, and the options that the model asks for.

In: an .onnx file or its bytes. Out: `Session`, a thin cover around ONNX Runtime's own that checks
inputs before they reach the kernels and never falls back to another provider silently.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..ir.diagnostic import CompileError, ExitStatus, failure
from .inputs import TensorSpec, check_inputs, refuse_foreign_types, spec_of
from .model_file import read_metadata, read_object
from .packing import WITHOUT, packing_pays
from .providers import (
    PROVIDERS,
    choose,
    first_line,
    model_refused,
    provider_missing,
    refuse_old_runtime,
    with_settings,
)

SESSION_OPTIONS_KEY = "neuralc.session_options"
SIZES_KEY = "neuralc.sizes"
INPUTS_KEY = "neuralc.inputs"
_OPTIMIZATION = {
    "none": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}


class Session:
    """A model that is ready to run."""

    def __init__(self, running: Any, provider: str, metadata: Mapping[str, str]) -> None:
        self.running = running
        """The `onnxruntime.InferenceSession`."""
        self.provider = provider
        """The short name of the provider that really runs it."""
        self.metadata = metadata
        self.inputs: tuple[TensorSpec, ...] = tuple(map(spec_of, running.get_inputs()))
        self.outputs: tuple[TensorSpec, ...] = tuple(map(spec_of, running.get_outputs()))
        self.sizes: dict[str, dict[str, Any]] = read_object(metadata, SIZES_KEY)
        """For each open axis its smallest and largest size, where the model says them."""
        self.rows = _rows(metadata.get(INPUTS_KEY))
        """For each input of ids how many there are, where the model says it."""

    def run(
        self, inputs: Mapping[str, np.ndarray[Any, Any]], outputs: Sequence[str] | None = None
    ) -> dict[str, np.ndarray[Any, Any]]:
        """Computes the outputs, all of them where none is named.

        Raises `CompileError` E0710–E0717 and E0722 for inputs that the model cannot take, E0719
        where the runtime fails.
        """
        ready = check_inputs(self.inputs, inputs, self.sizes, self.rows)
        names = [each.name for each in self.outputs] if outputs is None else list(outputs)
        try:
            results = self.running.run(names, ready)
        except Exception as error:
            raise failure("E0719", f"ONNX Runtime failed: {first_line(error)}") from error
        return dict(zip(names, results, strict=True))

    def end_profiling(self) -> Path:
        """Stops the profile that `open_session(profile=…)` began; the file it wrote."""
        return Path(self.running.end_profiling())


def open_session(
    model: str | Path | bytes,
    *,
    provider: str = "auto",
    options: Mapping[str, Any] | None = None,
    profile: Path | None = None,
    strict: bool = False,
    runs: int | None = None,
) -> Session:
    """Loads a model.

    `provider` is `cpu`, `cuda`, `openvino` or `auto`: the GPU if there is one, OpenVINO if it is
    installed and the file is for it. `options` come on top of those in the model's metadata:
    `intra_op_num_threads`, `optimization` (none, basic, extended, all), and the runtime's own
    entries by their dotted names. `profile` is the start of the path of a profile to write.
    `strict` refuses to let single operations run on the CPU beside another provider. `runs` is how
    often the model will be run, where that is known: a session for a few runs is ready many times
    sooner, and each run a little slower (packing.py); results then differ by rounding.

    Raises `CompileError` E0507 without ONNX Runtime, E0508 without the provider, E0512 for what is
    not a model, E0513 where the runtime refuses it, E0516 where it is too old for it, E0712 for a
    model that takes or gives anything but numbers.
    """
    if not isinstance(model, bytes):
        model = Path(model)
    metadata = read_metadata(model)
    ort = _runtime()
    wanted = choose(provider, ort.get_available_providers(), metadata)
    refuse_old_runtime(metadata, ort.__version__)
    packing = {} if packing_pays(metadata, wanted, runs) else WITHOUT
    asked = {**packing, **read_object(metadata, SESSION_OPTIONS_KEY), **(options or {})}
    if strict and wanted != "cpu":
        asked["session.disable_cpu_ep_fallback"] = "1"
    try:
        session = _create(ort, model, wanted, asked, profile)
    except CompileError as refusal:
        if provider != "auto" or wanted != "openvino":
            raise
        # Recurrent layers with other activations than tanh, sigmoid and relu, for one, are lacking.
        message = f"OpenVINO refused the model ({refusal}): it runs on the CPU"
        warnings.warn(message, RuntimeWarning, stacklevel=2)
        wanted = "cpu"
        session = _create(ort, model, wanted, asked, profile)
    if PROVIDERS[wanted] not in session.get_providers():
        # The wheel has the provider, but its libraries could not be loaded.
        if provider != "auto":
            raise provider_missing(wanted, "ONNX Runtime could not load it")
        message = f"ONNX Runtime could not load the provider {wanted!r}: the model runs on the CPU"
        warnings.warn(message, RuntimeWarning, stacklevel=2)
        wanted = "cpu"
    opened = Session(session, wanted, metadata)
    refuse_foreign_types((*opened.inputs, *opened.outputs))
    return opened


def _create(
    ort: Any, model: Path | bytes, provider: str, asked: Mapping[str, Any], profile: Path | None
) -> Any:
    settings = ort.SessionOptions()
    # What goes wrong is raised, and told in our own words.
    settings.log_severity_level = 4
    for name, value in asked.items():
        try:
            _set(ort, settings, name, value)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise failure(
                "E0510",
                f"the session option {name!r} cannot be {value!r}",
                status=ExitStatus.USAGE,
                help="options come from the call and from the metadata of the model",
            ) from error
    if profile is not None:
        settings.enable_profiling = True
        settings.profile_file_prefix = str(profile)
    # A link is followed: the runtime looks for files of weights beside the path that it gets.
    content = model if isinstance(model, bytes) else os.path.realpath(model)
    if isinstance(content, str) and not _is_text(content):
        raise failure(
            "E0503",
            f"ONNX Runtime cannot open `{_readable(content)}`: the name is not UTF-8",
            help="rename the file, or its directory",
        )
    try:
        return ort.InferenceSession(
            content, settings, providers=[with_settings(provider, asked)], enable_fallback=0
        )
    except Exception as error:
        raise model_refused(provider, error) from error


def _set(ort: Any, settings: Any, name: str, value: Any) -> None:
    if name == "intra_op_num_threads":
        settings.intra_op_num_threads = int(value)
    elif name == "optimization":
        level = getattr(ort.GraphOptimizationLevel, _OPTIMIZATION[value])
        settings.graph_optimization_level = level
    elif name == "execution_order":
        settings.execution_order = getattr(ort.ExecutionOrder, value)
    else:
        settings.add_session_config_entry(name, str(value))


def _runtime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise failure(
            "E0507",
            "running a model needs ONNX Runtime, which is not installed",
            help='pip install "neuralc[cpu]", or "neuralc[gpu]" for CUDA, "neuralc[openvino]"',
        ) from error
    return onnxruntime


def runtime_version() -> str:
    """The version of ONNX Runtime. Raises `CompileError` E0507 where it is not installed."""
    return str(_runtime().__version__)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _readable(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _rows(text: str | None) -> dict[str, int]:
    """The vocabularies' sizes from what a file tells of its inputs; nothing from a damaged one."""
    try:
        told = json.loads(text or "[]")
    except ValueError:
        return {}
    rows: dict[str, int] = {}
    for each in told if isinstance(told, list) else ():
        if isinstance(each, dict) and each.get("role") == "ids":
            name, below = each.get("name"), each.get("below")
            if isinstance(name, str) and isinstance(below, int):
                rows[name] = below
    return rows
