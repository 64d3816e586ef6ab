"""What a session takes to make and to run, by what is done with the weights and the graph.

    python benchmarks/packing.py
    python benchmarks/packing.py --models A128,B128 --rounds 9

In: networks of `models.py`, compiled at -O2. Out: a line of JSON for each, and a table: CPU
milliseconds of one thread to make a session and to run it,

packed     as ONNX Runtime does it: weights in the kernels' order before the first run
plain      weights as they stand in the file
saved      packed weights read from a file that the runtime wrote (twice the size)
optimized  plain, and the graph as the runtime's optimizer left it, saved, not optimized again

and the number of runs after which packing has gained back what it took, with its 95 % bootstrap
interval. In each round every kind is made and run in a new process, in changing order (a process
that packs a second time gets memory that it has touched before, and takes half as long); of three
runs the second and the third count, for the first brings the weights' pages in.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import neuralc
import numpy as np
import onnxruntime
from machine import machine
from models import MODELS
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from turns import take_turns

RUNS = 2
"""Counted runs of each session."""
NEVER = 1e6
UNPACKED = {"session.disable_prepacking": "1"}


def settings(entries: dict[str, str], level: str) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    for name, value in entries.items():
        options.add_session_config_entry(name, value)
    return options


def saved(path: Path, name: str, packed: bool) -> Path:
    """The model as a session of the runtime saves it, beside `path`."""
    result = path.with_name(f"{name}.onnx")
    entries = {
        "session.optimized_model_external_initializers_file_name": f"{name}.weights",
        "session.optimized_model_external_initializers_min_size_in_bytes": "1024",
        "session.save_external_prepacked_constant_initializers": "1" if packed else "0",
    }
    options = settings(entries, "ORT_ENABLE_EXTENDED")
    options.optimized_model_filepath = str(result)
    onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
    return result


def make_and_run(path: str, entries: str, level: str, model: str) -> dict[str, float]:
    """What a new process takes, in CPU milliseconds."""
    inputs = dict(MODELS[model].inputs())
    options = settings(json.loads(entries), level)
    start = time.process_time()
    session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
    made = time.process_time()
    session.run(None, inputs)
    warm = time.process_time()
    for _ in range(RUNS):
        session.run(None, inputs)
    end = time.process_time()
    return {"session": (made - start) * 1e3, "run": (end - warm) * 1e3 / RUNS}


def turn(arguments: list[str], runs: list[float]) -> float:
    """CPU milliseconds to make a session; those of a run are added to `runs`."""
    command = [sys.executable, __file__, "--turn", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    runs.append(told["run"])
    return float(told["session"])


def break_even(
    made: dict[str, np.ndarray], runs: dict[str, np.ndarray]
) -> tuple[float, float, float]:
    """Runs after which packing has paid: the quotient of the medians of what it takes and of what
    a run gains, and its 95 % bootstrap interval over the rounds; `NEVER` where a run gains nothing.
    """
    taken, gained = made["packed"] - made["plain"], runs["plain"] - runs["packed"]
    draws = np.random.default_rng(0).integers(0, len(taken), (4000, len(taken)))
    cost, gain = np.median(taken[draws], axis=1), np.median(gained[draws], axis=1)
    quotients = np.where(gain > 0, cost / np.where(gain > 0, gain, 1.0), NEVER)
    low, high = np.quantile(quotients, [0.025, 0.975])
    gain_all = float(np.median(gained))
    middle = float(np.median(taken)) / gain_all if gain_all > 0 else NEVER
    return middle, float(low), float(high)


def measure(name: str, rounds: int, on_round: Callable[[], None]) -> dict[str, Any]:
    model = MODELS[name]
    with tempfile.TemporaryDirectory(prefix="neuralc-packing-") as folder:
        path = Path(folder) / "model.onnx"
        neuralc.compile(model.program, positions="none", lint=False).save(path, external="always")
        kinds: dict[str, tuple[Path, dict[str, str], str]] = {
            "packed": (path, {}, "ORT_ENABLE_ALL"),
            "plain": (path, UNPACKED, "ORT_ENABLE_ALL"),
            "saved": (saved(path, "saved", True), {}, "ORT_DISABLE_ALL"),
            "optimized": (saved(path, "optimized", False), UNPACKED, "ORT_DISABLE_ALL"),
        }
        runs: dict[str, list[float]] = {kind: [] for kind in kinds}
        turns = {
            kind: partial(turn, [str(file), json.dumps(entries), level, name], runs[kind])
            for kind, (file, entries, level) in kinds.items()
        }
        made = take_turns(turns, rounds, on_round)
    each_run = {kind: np.array(each) for kind, each in runs.items()}
    return {
        "model": name,
        "rounds": rounds,
        "session_ms": {kind: float(np.median(each)) for kind, each in made.items()},
        "run_ms": {kind: float(np.median(each)) for kind, each in each_run.items()},
        "pays_after_runs": break_even(made, each_run),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", default="A128,A512,B128", help=f"of {','.join(MODELS)}")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--turn", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.turn:
        print(json.dumps(make_and_run(*options.turn)))
        return
    names = options.models.split(",")
    console = Console(stderr=True)
    table = Table(title="CPU ms of one thread, medians: to make a session / of a run")
    table.add_column("model")
    for heading in ("packed", "plain", "saved", "optimized", "packing pays after runs"):
        table.add_column(heading, justify="right")
    print(json.dumps(machine()))
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("packing", total=options.rounds * len(names))
        for name in names:
            line = measure(name, options.rounds, lambda: progress.advance(task))
            print(json.dumps(line), flush=True)
            pairs = zip(line["session_ms"].values(), line["run_ms"].values(), strict=True)
            cells = [f"{session:.1f} / {run:.1f}" for session, run in pairs]
            runs, low, high = line["pays_after_runs"]
            table.add_row(name, *cells, f"{runs:.1f} ({low:.1f}–{high:.1f})")
    console.print(table)


if __name__ == "__main__":
    main()
