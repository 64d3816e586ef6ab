"""From how many runs on it pays that a session packs the weights before its first.

    python benchmarks/packing.py
    python benchmarks/packing.py --models A128,B128 --rounds 9

In: networks of `models.py`, compiled at -O2. Out: a line of JSON for each, and a table: CPU
milliseconds of one thread to make a session and to run it, with packed weights and without, and the
number of runs after which what packing took has been gained back, as the median over the rounds
with its 95 % bootstrap interval. In each round both sessions are made and run, in changing order;
of three runs the second and the third count, for the first brings the weights' pages in.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

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


def turn(path: Path, inputs: dict[str, object], packed: bool, runs: list[float]) -> float:
    """CPU milliseconds to make a session; those of a run are added to `runs`."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.disable_prepacking", "0" if packed else "1")
    start = time.process_time()
    session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
    made = time.process_time()
    session.run(None, inputs)
    warm = time.process_time()
    for _ in range(RUNS):
        session.run(None, inputs)
    runs.append((time.process_time() - warm) * 1e3 / RUNS)
    return (made - start) * 1e3


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


def measure(name: str, rounds: int, on_round: Callable[[], None]) -> dict[str, object]:
    model = MODELS[name]
    runs: dict[str, list[float]] = {"packed": [], "plain": []}
    with tempfile.TemporaryDirectory(prefix="neuralc-packing-") as folder:
        path = Path(folder) / "model.onnx"
        neuralc.compile(model.program, positions="none", lint=False).save(path)
        turns = {
            kind: partial(turn, path, dict(model.inputs()), kind == "packed", each)
            for kind, each in runs.items()
        }
        made = take_turns(turns, rounds, on_round)
    each_run = {kind: np.array(each) for kind, each in runs.items()}
    line: dict[str, object] = {"model": name, "rounds": rounds}
    for kind in runs:
        line[f"{kind}_session_ms"] = float(np.median(made[kind]))
        line[f"{kind}_run_ms"] = float(np.median(each_run[kind]))
    return line | {"pays_after_runs": break_even(made, each_run)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", default="D,A128,A512,B128", help=f"of {','.join(MODELS)}")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    names = options.models.split(",")
    console = Console(stderr=True)
    table = Table(title="CPU ms of one thread, medians")
    for heading in ("model", "session packed", "plain", "run packed", "plain", "pays after runs"):
        table.add_column(heading, justify="left" if heading == "model" else "right")
    print(json.dumps(machine()))
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("packing", total=options.rounds * len(names))
        for name in names:
            line = measure(name, options.rounds, lambda: progress.advance(task))
            print(json.dumps(line), flush=True)
            figures = [f"{value:.2f}" for key, value in line.items() if key.endswith("_ms")]
            figures = [figures[0], figures[2], figures[1], figures[3]]
            runs, low, high = line["pays_after_runs"]  # type: ignore[misc]
            table.add_row(name, *figures, f"{runs:.1f} ({low:.1f}–{high:.1f})")
    console.print(table)


if __name__ == "__main__":
    main()
