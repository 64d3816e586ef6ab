"""OpenVINO, from the torch module, at full precision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from models import Network

from . import CONTENDERS, Array, Run


def prepare(name: str, model: Network, folder: Path) -> str:
    import openvino
    import torch
    from torch_models import example, module_of

    inputs = example(model)
    shapes = [
        [-1 if place < len(model.open_axes.get(entry, ())) else size for place, size in sizes]
        for entry, sizes in ((key, enumerate(array.shape)) for key, array in inputs.items())
    ]
    with torch.no_grad():
        converted = openvino.convert_model(
            module_of(model, folder, CONTENDERS[name].sliced),
            example_input=tuple(inputs.values()),
            input=[openvino.PartialShape(shape) for shape in shapes],
        )
    openvino.save_model(converted, folder / f"{name}.xml", compress_to_fp16=False)
    return ""


def open(name: str, model: Network, folder: Path, threads: int) -> Run:
    import openvino

    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = openvino.Core().compile_model(folder / f"{name}.xml", "CPU", settings)
    request = compiled.create_infer_request()

    def run(inputs: dict[str, Array]) -> Array:
        request.infer(list(inputs.values()), share_inputs=True)
        return np.asarray(request.get_output_tensor(0).data)

    return run
