"""Contenders on a GPU (or, to try the same steps without one, on the CPU).

`DEVICE` in the folder names the provider, `cuda` or `cpu`, and the precision, `fp16` or `fp32`.
Inputs are on the device before a run is timed and outputs stay there: what is compared is the
computation, not the way to the device. A run ends when the device has finished.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from models import Network

from . import DEVICE, WEIGHTS, Array, Run

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
FILES = {"neuralc-gpu": "neuralc-gpu.onnx", "ort-gpu": "ort-gpu.onnx"}


class OnDevice:
    """An output that stays on the device until somebody wants its numbers."""

    def __init__(self, fetch: Callable[[], Array]) -> None:
        self._fetch = fetch

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self._fetch(), dtype or np.float32)


class Placed:
    """Inputs on the device, put there the first time that they are seen."""

    def __init__(self, place: Callable[[Array], Any]) -> None:
        self._place = place
        self._known: dict[int, tuple[Array, Any]] = {}

    def __call__(self, array: Array) -> Any:
        if id(array) not in self._known:
            # The array is kept beside its copy: else another may come to have its identity.
            self._known[id(array)] = array, self._place(array)
        return self._known[id(array)][1]


def asked(folder: Path) -> tuple[str, str]:
    """Provider and precision."""
    told = json.loads((folder / DEVICE).read_text(encoding="utf-8"))
    return told["provider"], told["precision"]


def prepare(name: str, model: Network, folder: Path) -> str:
    provider, precision = asked(folder)
    if name == "neuralc-gpu":
        import neuralc

        compiled = neuralc.compile(
            model.program,
            opt_level=2,
            target=provider,
            precision=precision,
            weights=folder / WEIGHTS,
            lint=False,
            **model.compile_options,
        )
        compiled.save(folder / FILES[name])
        return ", ".join(f"{form} ×{count}" for form, count in compiled.report.forms.items())
    if name == "ort-gpu":
        from .exported import write_export

        write_export(model, folder, folder / FILES[name], half=precision == "fp16")
    return ""


def open(name: str, model: Network, folder: Path, threads: int) -> Run:
    provider, precision = asked(folder)
    if name in FILES:
        return bound_session(folder / FILES[name], provider, threads)
    return torch_module(name, model, folder, provider, precision == "fp16", threads)


def bound_session(path: Path, provider: str, threads: int) -> Run:
    """A session whose inputs and outputs lie on the device. Raises `RuntimeError` where ONNX
    Runtime falls back to another provider."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    if provider != "cpu":
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    session = onnxruntime.InferenceSession(path, options, [PROVIDERS[provider]])
    if PROVIDERS[provider] not in session.get_providers():
        raise RuntimeError(f"ONNX Runtime could not load {PROVIDERS[provider]}")
    types = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(int64)": np.int64}
    entries = {each.name: types[each.type] for each in session.get_inputs()}
    (wanted, *_) = session.get_outputs()
    binding = session.io_binding()

    def place(array: Array, dtype: Any) -> Any:
        return onnxruntime.OrtValue.ortvalue_from_numpy(array.astype(dtype), provider, 0)

    placed = {name: Placed(partial(place, dtype=dtype)) for name, dtype in entries.items()}

    def run(inputs: dict[str, Array]) -> Any:
        by_name = inputs if len(entries) > 1 else dict(zip(entries, inputs.values(), strict=True))
        for name, array in by_name.items():
            binding.bind_ortvalue_input(name, placed[name](array))
        binding.bind_output(wanted.name, provider)
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()
        (value,) = binding.get_outputs()
        return OnDevice(value.numpy)

    return run


def torch_module(
    name: str, model: Network, folder: Path, provider: str, half: bool, threads: int
) -> Run:
    import torch
    from torch_models import module_of

    torch.set_num_threads(threads)
    device = torch.device(provider)
    kind = torch.float16 if half else torch.float32
    module: Any = module_of(model, folder).to(device, kind)
    dynamic = True if model.open_axes else None
    if name == "compile-gpu":
        module = torch.compile(module, dynamic=dynamic)
    elif name == "graphs-gpu":
        module = torch.compile(module, dynamic=dynamic, mode="reduce-overhead")

    def place(array: Array) -> Any:
        tensor = torch.from_numpy(array).to(device)
        return tensor.to(kind) if tensor.is_floating_point() else tensor

    placed = Placed(place)

    def run(inputs: dict[str, Array]) -> Any:
        with torch.no_grad():
            output = module(*(placed(array) for array in inputs.values()))
        if provider == "cuda":
            torch.cuda.synchronize()
        return OnDevice(lambda: output.float().cpu().numpy())

    return run
