"""Our files in ONNX Runtime's CPU provider and in its OpenVINO provider, beside OpenVINO itself.

    python -m venv ov && ov/bin/pip install onnxruntime-openvino numpy
    python benchmarks/providers.py --openvino-python ov/bin/python
    python benchmarks/providers.py --openvino-python ov/bin/python --models A128,D --clock wall

onnxruntime-openvino cannot be installed beside onnxruntime, so its contender runs in the Python of
an environment of its own. In: networks of `models.py`. Out: a line of JSON for each contender, and
a table of medians, each with how many times as long as ours on the CPU provider it takes (the
median over the rounds, with its 95 % bootstrap interval). Processes, turns and the comparison of
answers are those of `peers.py`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import neuralc
import numpy as np
from contenders import CONTENDERS, WEIGHTS
from machine import machine
from models import MODELS, Model, write_weights
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from turns import Worker, ratio_with_bounds, take_turns

WORKER = Path(__file__).parent / "provider_worker.py"
TOLERANCE = 1e-3
OURS = "cpu"
CONTENDED = {
    OURS: ("--target cpu, CPU provider", "cpu.onnx", "cpu"),
    "portable": ("--target portable, CPU provider", "portable.onnx", "cpu"),
    "openvino": ("--target portable, OpenVINO provider", "portable.onnx", "openvino"),
    "native": ("OpenVINO itself, from torch", "openvino.xml", "native"),
}
"""Title, file and the worker's word for the provider."""


def prepare(model: Model, folder: Path, native: bool) -> None:
    write_weights(model, folder / WEIGHTS)
    for target in ("cpu", "portable"):
        neuralc.compile(
            model.program,
            target=target,
            positions="none",
            weights=folder / WEIGHTS,
            lint=False,
        ).save(folder / f"{target}.onnx")
    np.save(folder / "input.npy", next(iter(model.batches()[0].values())))
    if native:
        worker = Path(__file__).parent / "peer_worker.py"
        command = [sys.executable, str(worker), "prepare", "openvino", model.name, str(folder)]
        subprocess.run(command, check=True, capture_output=True)


def turn(worker: Worker, runs: int) -> float:
    return float(np.median(worker.ask(runs=runs + 1)[1:]))


def measure(
    model: Model, names: list[str], options: argparse.Namespace, progress: Progress
) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="neuralc-providers-") as place, ExitStack() as stack:
        folder = Path(place)
        prepare(model, folder, "native" in names)
        workers: dict[str, Worker] = {}
        differences: dict[str, float] = {}
        for name in names:
            _, file, provider = CONTENDED[name]
            python = options.openvino_python if provider == "openvino" else sys.executable
            answer = folder / f"{name}.npy"
            given = (str(folder / file), str(folder / "input.npy"), str(answer))
            how = (str(options.threads), options.clock)
            workers[name] = stack.enter_context(
                Worker(WORKER, provider, *given, *how, python=python)
            )
            workers[name].ask(runs=0)
            ours, theirs = np.load(folder / f"{OURS}.npy"), np.load(answer)
            differences[name] = float(np.abs(theirs - ours).max() / np.abs(ours).max())
            if not differences[name] <= TOLERANCE:
                raise SystemExit(f"{model.name}: {name} answers otherwise: {differences[name]:.2g}")
        fastest = min(min(each.ask(runs=4)[1:]) for each in workers.values())
        runs = max(1, min(2000, round(options.turn * 1e3 / fastest)))
        task = progress.add_task(model.name, total=options.rounds)
        turns = {name: partial(turn, each, runs) for name, each in workers.items()}
        times = take_turns(turns, options.rounds, lambda: progress.advance(task))
    return [
        {
            "model": model.name,
            "contender": name,
            "threads": options.threads,
            "clock": options.clock,
            "rounds": options.rounds,
            "median_ms": float(np.median(times[name])),
            "over_ours": ratio_with_bounds(times[name], times[OURS]),
            "difference": differences[name],
        }
        for name in names
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", default="D,A128,B128,C", help=f"of {','.join(MODELS)}")
    parser.add_argument("--openvino-python", help="a Python that has onnxruntime-openvino")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--turn", type=float, default=0.15, help="seconds that a turn fills")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clock", choices=("wall", "cpu"), default="cpu")
    options = parser.parse_args()
    names = [OURS, "portable"]
    names += ["openvino"] if options.openvino_python else []
    names += [] if CONTENDERS["openvino"].missing else ["native"]
    console = Console(stderr=True)
    table = Table(title=f"ms of {options.clock} time, {options.threads} threads; over ours")
    for heading in ("model", *(CONTENDED[name][0] for name in names)):
        table.add_column(heading, justify="left" if heading == "model" else "right")
    print(json.dumps(machine("openvino")))
    with Progress(console=console, transient=True) as progress:
        for model in options.models.split(","):
            cells = [model]
            for line in measure(MODELS[model], names, options, progress):
                print(json.dumps(line), flush=True)
                ratio, low, high = line["over_ours"]
                cells.append(f"{line['median_ms']:.4g}\n{ratio:.3f} ({low:.3f}–{high:.3f})")
            table.add_row(*cells)
    console.print(table)


if __name__ == "__main__":
    main()
