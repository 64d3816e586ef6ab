"""torch itself: eager, and compiled by Inductor to C++ for this machine."""

from __future__ import annotations

from pathlib import Path

from models import Model, read_weights

from . import WEIGHTS, Array, Run


def prepare(name: str, model: Model, folder: Path) -> str:
    return ""


def open(name: str, model: Model, folder: Path, threads: int) -> Run:
    import torch
    from torch_models import torch_model

    torch.set_num_threads(threads)
    module = torch_model(model, read_weights(folder / WEIGHTS))
    if name == "compile":
        # Its option `freezing`, and so products with packed weights, made no difference on A128.
        module = torch.compile(module)

    def run(inputs: dict[str, Array]) -> Array:
        with torch.no_grad():
            return module(torch.from_numpy(inputs["input"])).numpy()

    return run
