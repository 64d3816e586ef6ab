"""Who is compared: a contender makes a file once, then opens it in a process of its own.

Each family is a module with two functions for each of its contenders:

    prepare(name, model, folder)            writes what `open` needs; returns notes for the table
    open(name, model, folder, threads)      a function from inputs to the outputs, ready to be timed

`folder` holds the weights (`weights.safetensors`) and what others prepared before. A name that ends
in `-last` is the contender with a module that takes the last position before the head, as somebody
writes it by hand who wants only that; it is there for models of which only that is wanted, where
the others compute all positions and give the last.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from models import Network

Array = np.ndarray[Any, Any]
Run = Callable[[dict[str, Array]], Array]
WEIGHTS = "weights.safetensors"
FP32, INT8, GPU = "fp32", "int8", "gpu"
"""Groups of contenders; those of `INT8` answer by approximation, and their error is told; those of
`GPU` take part in `gpu.py` only."""
DEVICE = "device.json"
"""In `folder`, for contenders of the group `GPU`: `{"provider": …, "precision": …}`."""
LAST = "-last"


@dataclass(frozen=True)
class Contender:
    """A way to run a network; `title` is its name in tables."""

    name: str
    title: str
    family: str
    packages: tuple[str, ...] = ()
    """Importable names that it needs beside neuralc's own."""
    after: tuple[str, ...] = ()
    """Contenders whose files it starts from."""
    group: str = FP32
    provider: str = "CPUExecutionProvider"
    """Of ONNX Runtime, where it runs in that."""

    @property
    def sliced(self) -> bool:
        """Whether its module takes the last position before the head."""
        return self.name.endswith(LAST)

    def suits(self, model: Network) -> bool:
        if self.name == PADDED:
            return bool(model.open_axes)
        return model.last or not self.sliced

    @property
    def missing(self) -> list[str]:
        """Packages that are not installed."""
        return [each for each in self.packages if importlib.util.find_spec(each) is None]

    @property
    def module(self) -> ModuleType:
        return importlib.import_module(f"contenders.{self.family}")


EXPORT = ("torch", "onnxscript")
OURS = "neuralc"
OPENVINO_PROVIDER = "neuralc-openvino"
PADDED = "neuralc-padded"
"""Ours with padding computed along; for models whose lengths are mixed."""
CONTENDERS = {
    each.name: each
    for each in (
        Contender(OURS, "neuralc -O2, plain session", "compiled"),
        Contender("neuralc-session", "neuralc -O2, its session options", "compiled", after=(OURS,)),
        Contender(PADDED, "neuralc -O2 --padding kept", "compiled"),
        Contender(
            OPENVINO_PROVIDER,
            "neuralc -O2 --target portable, OpenVINO provider",
            "compiled",
            provider="OpenVINOExecutionProvider",
        ),
        Contender("ort", "torch.onnx.export + ONNX Runtime", "exported", EXPORT),
        Contender(
            "optimizer", "export + transformers optimizer", "exported", EXPORT, after=("ort",)
        ),
        Contender("torch", "torch eager", "torch_native", ("torch",)),
        Contender("compile", "torch.compile", "torch_native", ("torch",)),
        Contender("openvino", "OpenVINO", "openvino_native", ("torch", "openvino")),
        Contender("ort-last", "export of the last position + ONNX Runtime", "exported", EXPORT),
        Contender("torch-last", "torch eager, last position", "torch_native", ("torch",)),
        Contender("compile-last", "torch.compile, last position", "torch_native", ("torch",)),
        Contender(
            "openvino-last",
            "OpenVINO, last position",
            "openvino_native",
            ("torch", "openvino"),
        ),
        Contender("neuralc-int8", "neuralc --precision int8", "compiled", group=INT8),
        Contender("neuralc-int8-tensor", "neuralc --precision int8-tensor", "compiled", group=INT8),
        Contender(
            "ort-int8", "export + quantize_dynamic", "quantized", EXPORT, ("ort",), group=INT8
        ),
        Contender("torch-int8", "torch dynamic int8", "quantized", ("torch",), group=INT8),
        Contender(
            "openvino-int8",
            "OpenVINO, int8 weights",
            "quantized",
            ("torch", "openvino"),
            ("openvino",),
            group=INT8,
        ),
        Contender("neuralc-gpu", "neuralc", "accelerated", group=GPU),
        Contender("ort-gpu", "torch.onnx.export + ONNX Runtime", "accelerated", EXPORT, group=GPU),
        Contender("torch-gpu", "torch eager", "accelerated", ("torch",), group=GPU),
        Contender("compile-gpu", "torch.compile", "accelerated", ("torch",), group=GPU),
        Contender(
            "graphs-gpu",
            "torch.compile, mode reduce-overhead",
            "accelerated",
            ("torch",),
            group=GPU,
        ),
    )
}


def onnx_session(path: Path, threads: int, provider: Any = "CPUExecutionProvider") -> Any:
    """A bare session, as any server makes it; `provider` may bring its settings with it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, [provider])


def first_output(session: Any) -> Run:
    """Runs a session, whatever its only input is called; several are taken by name."""
    entries = [each.name for each in session.get_inputs()]

    def run(inputs: dict[str, Array]) -> Array:
        if len(entries) == 1:
            (array,) = inputs.values()
            return np.asarray(session.run(None, {entries[0]: array})[0])
        return np.asarray(session.run(None, inputs)[0])

    return run
