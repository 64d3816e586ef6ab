"""Compares neuralc with what else runs such networks on a GPU of NVIDIA.

    python benchmarks/gpu.py
    python benchmarks/gpu.py --models A128,B2048 --rounds 21 --output gpu.jsonl --table gpu.md
    python benchmarks/gpu.py --provider cpu --precision fp32 --models D   # the same steps, no GPU

In: the networks of `models.py`, with the same weights for all. Out: a line of JSON for each figure,
and a table: our file for `--target cuda` at fp16 against torch.onnx.export + ONNX Runtime on the
CUDA provider, torch eager and torch.compile, all with fused attention and at the same precision.

As in `peers.py` each contender has a process of its own, answers are compared before anything is
timed, and all take turns in changing order. Inputs and outputs stay on the device.

Exits with 3 where the provider is not there, and says what is missing; a peer that is not there is
named in the table.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from contenders import CONTENDERS, GPU
from machine import machine
from models import MODELS
from peer_plan import chosen_models
from peer_report import markdown
from peer_rounds import Figure, Settings, measure
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

REFERENCE = "neuralc-gpu"
TOLERANCES = {"fp32": 1e-3, "fp16": 3e-2}
"""How far answers may lie from ours, as a part of the largest number in ours: both round."""
DEFAULT = ("A128", "A512", "B128", "C", "E", "B1024", "B2048", "M")
NO_PROVIDER = 3


def missing(provider: str) -> str | None:
    """Why nothing can run on it; None where it is there."""
    if importlib.util.find_spec("onnxruntime") is None:
        return "ONNX Runtime is not installed"
    import onnxruntime

    available = onnxruntime.get_available_providers()
    if provider == "cuda" and "CUDAExecutionProvider" not in available:
        return (
            "this ONNX Runtime has no CUDA provider: pip uninstall onnxruntime; "
            "pip install onnxruntime-gpu"
        )
    if provider == "cuda" and not Path("/dev/nvidiactl").exists() and not _torch_sees_a_gpu():
        return "there is no GPU of NVIDIA, or its driver does not run"
    return None


def _torch_sees_a_gpu() -> bool:
    """Where the driver shows no device file, as on Windows."""
    if importlib.util.find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())


def device_name(provider: str) -> str:
    if provider == "cpu":
        return "no GPU"
    if importlib.util.find_spec("torch") is not None:
        import torch

        if torch.cuda.is_available():
            return str(torch.cuda.get_device_name(0))
    return "a GPU"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", default=",".join(DEFAULT), help=f"of {','.join(MODELS)}")
    parser.add_argument("--provider", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--precision", choices=tuple(TOLERANCES), default="fp16")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--turn", type=float, default=0.1, help="seconds that a turn fills")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU, where it computes")
    parser.add_argument("--peers", default="", help="of ort-gpu,torch-gpu,… ; all without it")
    parser.add_argument("--files", type=Path, help="keep peers' files there, and take those found")
    parser.add_argument("--output", type=Path, help="lines of JSON are added there, else stdout")
    parser.add_argument("--table", type=Path, help="the table goes there, else to stderr")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    console = Console(stderr=True)
    if (reason := missing(options.provider)) is not None:
        console.print(f"nothing was measured: {reason}", markup=False, soft_wrap=True)
        return NO_PROVIDER
    known = [each.name for each in CONTENDERS.values() if each.group == GPU]
    peers = [name for name in options.peers.split(",") if name] or known
    if unknown := [name for name in peers if name not in known]:
        raise SystemExit(f"no contender {', '.join(unknown)}; there are {', '.join(known)}")
    names = [REFERENCE, *(name for name in peers if name != REFERENCE)]
    device = {"provider": options.provider, "precision": options.precision}
    settings = Settings(
        options.threads,
        "wall",
        options.turn,
        options.rounds,
        REFERENCE,
        TOLERANCES[options.precision],
        options.files,
        device,
    )
    told = {"device": f"{device_name(options.provider)}, {options.precision}"}
    lines: list[dict[str, Any]] = [machine("torch", "onnxruntime-gpu", "onnxscript") | told]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        for name in chosen_models(options.models, MODELS):
            try:
                figures = measure(MODELS[name], names, settings, progress)
            except RuntimeError as error:
                # One model that cannot be measured must not cost the figures of the others.
                title = CONTENDERS[REFERENCE].title
                figures = [Figure(name, REFERENCE, title, GPU, str(error))]
            lines += map(asdict, figures)
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    if options.output:
        with options.output.open("a", encoding="utf-8") as output:
            output.write(text)
    else:
        sys.stdout.write(text)
    if options.table:
        options.table.write_text(markdown(lines), encoding="utf-8")
    else:
        console.print(markdown(lines), markup=False, soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
