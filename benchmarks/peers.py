"""Compares neuralc with what else runs such networks on a CPU.

    python benchmarks/peers.py
    python benchmarks/peers.py --models A128,D --peers ort,torch --rounds 15
    python benchmarks/peers.py --threads 1 --clock cpu --output bench.jsonl
    python benchmarks/peers.py --peers int8 --models A128,C,E,M
    python benchmarks/peers.py --only-ours
    python benchmarks/peers.py --budget 30

In: the networks of `models.py`, with the same weights for all. Out: a line of JSON for each figure,
and from them a table in Markdown and a plot (`--table`, `--plot`). First of all the limits of the
machine are measured (`limits.py`), so that the table can tell the share that is reached.

`--peers` takes names of contenders and of groups: `fp32` (all at full precision, the default) and
`int8`, whose answers are approximations and whose errors the table tells. `--budget` chooses the
rounds so that all is done in about so many minutes. `--only-ours` leaves all peers out.

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
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from answers import Difference, compare
from contenders import CONTENDERS, INT8, OURS, WEIGHTS, Contender
from limits import PRODUCT, measure_limits
from machine import machine
from models import MODELS, Network, SentenceEncoder, write_weights
from peer_plan import (
    SPEED,
    chosen_models,
    chosen_peers,
    estimate,
    round_seconds,
    rounds_within,
    runs_per_turn,
    shares,
)
from peer_report import markdown, plot
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from turns import Worker, ratio_with_bounds, take_turns

WORKER = Path(__file__).parent / "peer_worker.py"
TOLERANCE = 1e-3
"""How far an answer may lie from ours, as a part of the largest number in ours."""
LONG_MS = 1000.0
"""A run that takes longer needs no more of them to be warm: one has been made for the answer."""
WRONG = 0.5
"""An approximation further away than this, by the root of its mean square error over the spread of
the answers, is no answer."""
PACKAGES = ("torch", "onnxscript", "openvino", "transformers")


@dataclass(frozen=True)
class Figure:
    """One contender on one model."""

    model: str
    contender: str
    title: str
    group: str
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
    rounds_ms: tuple[float, ...] = ()
    """Of each round: ratios of two contenders within a round can be made from these."""
    error: dict[str, Any] = field(default_factory=dict)
    """`answers.Difference`."""


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


def compared(folder: Path, name: str, model: Network) -> Difference:
    """Raises `RuntimeError` where its answer is another than ours."""
    answer = folder / f"{name}.npy"
    ranked = isinstance(model, SentenceEncoder)
    difference = compare(answer, folder / f"{OURS}.npy", ranked)
    if difference is None:
        raise RuntimeError("its answer has another shape")
    if CONTENDERS[name].group == INT8:
        if not difference.rms_over_spread <= WRONG:
            raise RuntimeError(f"answers otherwise, by {difference.rms_over_spread:.2g} spreads")
    elif not difference.largest <= TOLERANCE:
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
            difference = compared(folder, name, model)
            ready[name] = Ready(worker, difference, seconds, prepared[name])
        except RuntimeError as error:
            if name == OURS:
                raise
            absent[name] = str(error)
        progress.remove_task(task)
    return ready, absent


def measure(
    model: Network,
    names: list[str],
    options: argparse.Namespace,
    seconds: float | None,
    progress: Progress,
) -> list[Figure]:
    """Of one model; `seconds` is what it may take, None for `options.rounds`.

    Raises `RuntimeError` where ours cannot be measured.
    """
    start = time.perf_counter()
    with (
        ExitStack() as stack,
        tempfile.TemporaryDirectory(prefix="neuralc-peers-") as place,
    ):
        folder = Path(place)
        write_weights(model, folder / WEIGHTS)
        ready, absent = get_ready(names, model, folder, options, progress, stack)
        warm = {name: warmed(each.worker) for name, each in ready.items()}
        runs = runs_per_turn(warm, options.turn)
        one_round, rounds = round_seconds(warm, runs), options.rounds
        if seconds is not None:
            rounds = rounds_within(seconds - (time.perf_counter() - start), one_round)
        task = progress.add_task(f"{model.name}: {one_round:.2g} s a round", total=rounds)
        times = take_turns(
            {name: partial(turn, each.worker, runs) for name, each in ready.items()},
            rounds,
            on_round=lambda: progress.advance(task),
        )
        peaks = {name: each.worker.ask(runs=0)["peak_rss"] for name, each in ready.items()}
    figures = []
    for name in names:
        title, group = CONTENDERS[name].title, CONTENDERS[name].group
        if name in absent:
            figures.append(Figure(model.name, name, title, group, absent[name]))
            continue
        low, high = np.quantile(times[name], [0.25, 0.75])
        ratio, least, most = ratio_with_bounds(times[name], times[OURS])
        figures.append(
            Figure(
                model=model.name,
                contender=name,
                title=title,
                group=group,
                status="measured",
                threads=options.threads,
                clock=options.clock,
                rounds=rounds,
                runs_per_turn=runs,
                gflop=model.gflop,
                needed_gflop=model.needed_gflop,
                median_ms=float(np.median(times[name])),
                quartiles_ms=(float(low), float(high)),
                ours_is_faster=ratio,
                low=least,
                high=most,
                difference=ready[name].difference.largest,
                first_answer_s=ready[name].first_answer_s,
                peak_rss_mb=peaks[name] / 1e6,
                notes=ready[name].notes,
                rounds_ms=tuple(round(float(each), 5) for each in times[name]),
                error=asdict(ready[name].difference),
            )
        )
    return figures


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
    peers = parser.add_mutually_exclusive_group()
    peers.add_argument("--peers", default="", help=f"of fp32,int8,{','.join(CONTENDERS)}")
    peers.add_argument("--only-ours", action="store_true", help="leave all peers out")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--budget", type=float, help="minutes for all; chooses the rounds")
    parser.add_argument("--turn", type=float, default=0.15, help="seconds that a turn fills")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--output", type=Path, help="lines of JSON are added there, else stdout")
    parser.add_argument("--table", type=Path, help="the table goes there, else to stderr")
    parser.add_argument("--plot", type=Path, help="an image: .png or .svg")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    models = chosen_models(options.models, MODELS)
    names = chosen_peers("neuralc,neuralc-session" if options.only_ours else options.peers)
    suited = {
        model: [name for name in names if CONTENDERS[name].suits(MODELS[model])] for model in models
    }
    started = time.perf_counter()
    limits = measure_limits(options.threads, options.clock)
    lines: list[dict[str, Any]] = [machine(*PACKAGES), *map(asdict, limits)]
    write(lines, options.output)
    # What the wall will show: products of several threads add up to the limit, not each to one.
    speed = next((each.best for each in limits if each.limit == PRODUCT), SPEED * options.threads)
    estimates = {
        name: estimate(MODELS[name].gflop, len(each), options.rounds, options.turn, speed)
        for name, each in suited.items()
    }
    console = Console(stderr=True)
    minutes = options.budget or sum(estimates.values()) / 60
    console.print(f"{', '.join(models)}: about {minutes:.0f} minutes")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        for place, name in enumerate(models):
            seconds = None
            if options.budget:
                left = options.budget * 60 - (time.perf_counter() - started)
                ahead = {each: estimates[each] for each in models[place:]}
                seconds = shares(ahead, left)[name]
            try:
                figures = measure(MODELS[name], suited[name], options, seconds, progress)
            except RuntimeError as error:
                # One model that cannot be measured must not cost the figures of the others.
                figures = [Figure(name, OURS, CONTENDERS[OURS].title, "", str(error))]
            more = [asdict(figure) for figure in figures]
            write(more, options.output)
            lines += more
            console.print(f"{name} done after {(time.perf_counter() - started) / 60:.1f} minutes")
    table = markdown(lines)
    if options.table:
        options.table.write_text(table, encoding="utf-8")
    else:
        console.print(table, markup=False, soft_wrap=True)
    if options.plot:
        plot(lines, options.plot)


if __name__ == "__main__":
    main()
