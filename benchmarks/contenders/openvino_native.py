"""OpenVINO, from the torch module, at full precision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from models import Model, read_weights

from . import WEIGHTS, Array, Run

FILE = "openvino.xml"


def prepare(name: str, model: Model, folder: Path) -> str:
    import openvino
    import torch
    from torch_models import torch_model

    module = torch_model(model, read_weights(folder / WEIGHTS))
    example = torch.from_numpy(model.inputs()["input"])
    with torch.no_grad():
        converted = openvino.convert_model(
            module, example_input=example, input=[tuple(example.shape)]
        )
    openvino.save_model(converted, folder / FILE, compress_to_fp16=False)
    return ""


def open(name: str, model: Model, folder: Path, threads: int) -> Run:
    import openvino

    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = openvino.Core().compile_model(folder / FILE, "CPU", settings)
    request = compiled.create_infer_request()

    def run(inputs: dict[str, Array]) -> Array:
        request.infer(list(inputs.values()), share_inputs=True)
        return np.asarray(request.get_output_tensor(0).data)

    return run
