"""torch itself: eager, and compiled by Inductor to C++ for this machine."""

from __future__ import annotations

from pathlib import Path

from models import Network

from . import CONTENDERS, Array, Run


def prepare(name: str, model: Network, folder: Path) -> str:
    return ""


def open(name: str, model: Network, folder: Path, threads: int) -> Run:
    import torch
    from torch_models import module_of

    torch.set_num_threads(threads)
    module = module_of(model, folder, CONTENDERS[name].sliced)
    if name.startswith("compile"):
        # Its option `freezing`, and so products with packed weights, made no difference on A128.
        module = torch.compile(module, dynamic=True if model.open_axes else None)

    def run(inputs: dict[str, Array]) -> Array:
        with torch.no_grad():
            return module(*map(torch.from_numpy, inputs.values())).numpy()

    return run
