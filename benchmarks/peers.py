"""Compares neuralc with what else runs such networks on a CPU.

    python benchmarks/peers.py
    python benchmarks/peers.py --models A128,D --peers ort,torch --rounds 15
    python benchmarks/peers.py --threads 1 --clock cpu --output bench.jsonl

In: the networks of `models.py`, with the same weights for all. Out: a line of JSON for each figure,
and from them a table in Markdown and a plot (`--table`, `--plot`).

Each contender writes its file in a process of its own, and runs it in another. Before anything is
timed its answer is compared with that of neuralc. Then all take turns, in changing order; a turn is
as many runs as fill `--turn` seconds, after one that does not count, and its figure is their median
(where a single run fills it, that run counts). A contender that cannot take part is named, with the
reason.

With several threads only the wall's clock means something (they spin while they wait), and its
spread is wide where other processes keep the cores busy: `--threads 1 --clock cpu` compares the
work itself.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from answers import Difference, compare
from contenders import CONTENDERS, OURS, WEIGHTS, Contender
from machine import machine
from models import MODELS, Network, write_weights
from peer_report import markdown, plot
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from turns import Worker, ratio_with_bounds, take_turns

WORKER = Path(__file__).parent / "peer_worker.py"
TOLERANCE = 1e-3
"""How far an answer may lie from ours, as a part of the largest number in ours."""
LONG_MS = 1000.0
"""A run that takes longer needs no more of them to be warm: one has been made for the answer."""
PACKAGES = ("torch", "onnxscript", "openvino", "transformers")


@dataclass(frozen=True)
class Figure:
    """One contender on one model."""

    model: str
    contender: str
    title: str
    status: str
    """`measured`, or why there is no figure."""
    threads: int = 0
    clock: str = ""
    rounds: int = 0
    runs_per_turn: int = 0
    gflop: float = 0.0
    needed_gflop: float = 0.0
    median_ms: float = 0.0
    quartiles_ms: tuple[float, float] = (0.0, 0.0)
    ours_is_faster: float = 0.0
    """The median over the rounds of its time over that of neuralc, and the 95 % interval of it."""
    low: float = 0.0
    high: float = 0.0
    difference: float = 0.0
    """The largest between its answer and ours, as a part of the largest number in ours."""
    first_answer_s: float = 0.0
    """From the start of its process, loading of its packages included, to the first answer."""
    peak_rss_mb: float = 0.0
    notes: str = ""


def prepare(contender: Contender, model: Network, folder: Path) -> dict[str, Any]:
    """Its files, in a process of its own. Raises `RuntimeError` with the end of what that said."""
    command = [sys.executable, str(WORKER), "prepare", contender.name, model.name, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(last_line(done.stderr))
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:200] if lines else "no message"


def turn(worker: Worker, runs: int) -> float:
    discarded = 1 if runs > 1 else 0
    return float(np.median(worker.ask(runs=runs + discarded)["times"][discarded:]))


def warmed(worker: Worker) -> float:
    """Milliseconds of a run, of the least of some where they are short."""
    (first,) = worker.ask(runs=1)["times"]
    return first if first > LONG_MS else min(worker.ask(runs=4)["times"])


@dataclass
class Ready:
    """A contender that may be timed: its answer has been compared."""

    worker: Worker
    difference: Difference
    first_answer_s: float
    notes: str


def compared(folder: Path, name: str) -> Difference:
    """Raises `RuntimeError` where its answer is another than ours."""
    answer = folder / f"{name}.npy"
    difference = compare(answer, folder / f"{OURS}.npy")
    if difference is None:
        raise RuntimeError("its answer has another shape")
    if not difference.largest <= TOLERANCE:
        raise RuntimeError(f"answers otherwise, by {difference.largest:.2g}")
    if name != OURS:
        answer.unlink()  # hundreds of megabytes for some models
    return difference


def get_ready(
    names: Sequence[str],
    model: Network,
    folder: Path,
    options: argparse.Namespace,
    progress: Progress,
    stack: ExitStack,
) -> tuple[dict[str, Ready], dict[str, str]]:
    """Those that can be timed, and for the others the reason why not."""
    ready: dict[str, Ready] = {}
    absent: dict[str, str] = {}
    prepared: dict[str, str] = {}
    for name in names:
        contender = CONTENDERS[name]
        task = progress.add_task(f"{model.name}: {contender.title}: prepare", total=None)
        try:
            if contender.missing:
                raise RuntimeError(f"absent: no package {', '.join(contender.missing)}")
            for each in (*contender.after, name):
                if each not in prepared:
                    prepared[each] = prepare(CONTENDERS[each], model, folder)["notes"]
            start = time.time()
            given = (name, model.name, str(folder), str(options.threads), options.clock)
            worker = stack.enter_context(Worker(WORKER, "serve", *given))
            seconds = worker.ask(runs=0)["answered"] - start
            difference = compared(folder, name)
            ready[name] = Ready(worker, difference, seconds, prepared[name])
        except RuntimeError as error:
            if name == OURS:
                raise
            absent[name] = str(error)
        progress.remove_task(task)
    return ready, absent


def measure(
    model: Network, names: list[str], options: argparse.Namespace, progress: Progress
) -> list[Figure]:
    with (
        ExitStack() as stack,
        tempfile.TemporaryDirectory(prefix="neuralc-peers-") as place,
    ):
        folder = Path(place)
        write_weights(model, folder / WEIGHTS)
        ready, absent = get_ready(names, model, folder, options, progress, stack)
        warm = {name: warmed(each.worker) for name, each in ready.items()}
        runs = max(1, min(2000, round(options.turn * 1e3 / min(warm.values()))))
        task = progress.add_task(model.name, total=options.rounds)
        times = take_turns(
            {name: partial(turn, each.worker, runs) for name, each in ready.items()},
            options.rounds,
            on_round=lambda: progress.advance(task),
        )
        peaks = {name: each.worker.ask(runs=0)["peak_rss"] for name, each in ready.items()}
    figures = []
    for name in names:
        title = CONTENDERS[name].title
        if name in absent:
            figures.append(Figure(model.name, name, title, absent[name]))
            continue
        low, high = np.quantile(times[name], [0.25, 0.75])
        figures.append(
            Figure(
                model.name,
                name,
                title,
                "measured",
                options.threads,
                options.clock,
                options.rounds,
                runs,
                model.gflop,
                model.needed_gflop,
                float(np.median(times[name])),
                (float(low), float(high)),
                *ratio_with_bounds(times[name], times[OURS]),
                ready[name].difference.largest,
                ready[name].first_answer_s,
                peaks[name] / 1e6,
                ready[name].notes,
            )
        )
    return figures


def chosen(text: str, known: Iterable[str], what: str) -> list[str]:
    names = [name for name in text.split(",") if name] or list(known)
    if unknown := [name for name in names if name not in set(known)]:
        raise SystemExit(f"no {what} {', '.join(unknown)}; there are {', '.join(known)}")
    return names


def write(lines: list[dict[str, Any]], path: Path | None) -> None:
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    if path is None:
        print(text, end="", flush=True)
    else:
        with path.open("a", encoding="utf-8") as output:
            output.write(text)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", default="", help=f"of {','.join(MODELS)}; all without it")
    parser.add_argument("--peers", default="", help=f"of {','.join(CONTENDERS)}; all without it")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--turn", type=float, default=0.15, help="seconds that a turn fills")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--output", type=Path, help="lines of JSON are added there, else stdout")
    parser.add_argument("--table", type=Path, help="the table goes there, else to stderr")
    parser.add_argument("--plot", type=Path, help="an image: .png or .svg")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    models = chosen(options.models, MODELS, "model")
    peers = chosen(options.peers, CONTENDERS, "contender")
    # Ours comes first: the others are compared with its answer.
    names = [OURS, *(name for name in peers if name != OURS)]
    told = machine(*PACKAGES)
    lines: list[dict[str, Any]] = [told]
    write(lines, options.output)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        for name in models:
            model = MODELS[name]
            suited = [each for each in names if CONTENDERS[each].suits(model)]
            try:
                figures = measure(model, suited, options, progress)
            except RuntimeError as error:
                # One model that cannot be measured must not cost the figures of the others.
                figures = [Figure(name, OURS, CONTENDERS[OURS].title, str(error))]
            more = [asdict(figure) for figure in figures]
            write(more, options.output)
            lines += more
    table = markdown(lines)
    if options.table:
        options.table.write_text(table, encoding="utf-8")
    else:
        console.print(table, markup=False, soft_wrap=True)
    if options.plot:
        plot(lines, options.plot)


if __name__ == "__main__":
    main()
