"""Contenders of one model: their files, their answers compared, then turns in rounds.

In: a model, names of contenders, `Settings`. Out: a `Figure` for each contender; one that cannot
take part has the reason as its status.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from answers import Difference, compare
from contenders import CONTENDERS, DEVICE, INT8, OURS, WEIGHTS, Contender
from models import Network, SentenceEncoder, write_weights
from peer_plan import round_seconds, rounds_within, runs_per_turn
from rich.progress import Progress
from turns import Worker, ratio_with_bounds, take_turns

WORKER = Path(__file__).parent / "peer_worker.py"
TOLERANCE = 1e-3
"""How far an answer may lie from ours, as a part of the largest number in ours."""
LONG_MS = 1000.0
"""A run that takes longer needs no more of them to be warm: one has been made for the answer."""
WRONG = 0.5
"""An approximation further away than this, by the root of its mean square error over the spread of
the answers, is no answer."""


@dataclass(frozen=True)
class Settings:
    """How contenders are run and compared."""

    threads: int
    clock: str
    turn: float
    """Seconds that a turn fills."""
    rounds: int
    reference: str = OURS
    """The contender that the others are compared with."""
    tolerance: float = TOLERANCE
    files: Path | None = None
    """Where peers' files are kept from one measurement to the next; None: they are thrown away."""
    device: dict[str, str] = field(default_factory=dict)
    """What contenders of the group `gpu` run on."""
    pythons: dict[str, str] = field(default_factory=dict)
    """Contenders that run in the Python of another environment."""


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


def compared(folder: Path, name: str, model: Network, settings: Settings) -> Difference:
    """Raises `RuntimeError` where its answer is another than ours."""
    answer = folder / f"{name}.npy"
    ranked = isinstance(model, SentenceEncoder)
    difference = compare(answer, folder / f"{settings.reference}.npy", ranked)
    if difference is None:
        raise RuntimeError("its answer has another shape")
    if CONTENDERS[name].group == INT8:
        if not difference.rms_over_spread <= WRONG:
            raise RuntimeError(f"answers otherwise, by {difference.rms_over_spread:.2g} spreads")
    elif not difference.largest <= settings.tolerance:
        raise RuntimeError(f"answers otherwise, by {difference.largest:.2g}")
    if name != settings.reference:
        answer.unlink()  # hundreds of megabytes for some models
    return difference


def prepared_once(name: str, model: Network, folder: Path) -> str:
    """The notes of a contender whose files are made, or were found in a folder that is kept. Ours
    are always made anew."""
    kept = folder / f"{name}.notes"
    if kept.exists() and not name.startswith(OURS):
        return kept.read_text(encoding="utf-8")
    notes: str = prepare(CONTENDERS[name], model, folder)["notes"]
    kept.write_text(notes, encoding="utf-8")
    return notes


@cache
def providers() -> list[str]:
    """Of the ONNX Runtime that is installed."""
    import onnxruntime

    available: list[str] = onnxruntime.get_available_providers()
    return available


def get_ready(
    names: Sequence[str],
    model: Network,
    folder: Path,
    settings: Settings,
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
            if name not in settings.pythons and contender.provider not in providers():
                raise RuntimeError(f"absent: this ONNX Runtime has no {contender.provider}")
            for each in (*contender.after, name):
                if each not in prepared:
                    prepared[each] = prepared_once(each, model, folder)
            start = time.time()
            given = (name, model.name, str(folder), str(settings.threads), settings.clock)
            python = settings.pythons.get(name, sys.executable)
            worker = stack.enter_context(Worker(WORKER, "serve", *given, python=python))
            seconds = worker.ask(runs=0)["answered"] - start
            difference = compared(folder, name, model, settings)
            ready[name] = Ready(worker, difference, seconds, prepared[name])
        except RuntimeError as error:
            if name == settings.reference:
                raise
            absent[name] = str(error)
        progress.remove_task(task)
    return ready, absent


def measure(
    model: Network,
    names: list[str],
    settings: Settings,
    progress: Progress,
    seconds: float | None = None,
) -> list[Figure]:
    """Of one model; `seconds` is what it may take, None for `settings.rounds`.

    Raises `RuntimeError` where the reference cannot be measured.
    """
    start = time.perf_counter()
    with ExitStack() as stack:
        if settings.files is None:
            place = stack.enter_context(tempfile.TemporaryDirectory(prefix="neuralc-peers-"))
            folder = Path(place)
        else:
            folder = settings.files / model.name
            folder.mkdir(parents=True, exist_ok=True)
        if not (folder / WEIGHTS).exists():
            write_weights(model, folder / WEIGHTS)
        if settings.device:
            (folder / DEVICE).write_text(json.dumps(settings.device), encoding="utf-8")
        ready, absent = get_ready(names, model, folder, settings, progress, stack)
        warm = {name: warmed(each.worker) for name, each in ready.items()}
        runs = runs_per_turn(warm, settings.turn)
        one_round, rounds = round_seconds(warm, runs), settings.rounds
        if seconds is not None:
            rounds = rounds_within(seconds - (time.perf_counter() - start), one_round)
        task = progress.add_task(f"{model.name}: {one_round:.2g} s a round", total=rounds)
        times = take_turns(
            {name: partial(turn, each.worker, runs) for name, each in ready.items()},
            rounds,
            on_round=lambda: progress.advance(task),
        )
        peaks = {name: each.worker.ask(runs=0)["peak_rss"] for name, each in ready.items()}
        progress.remove_task(task)
    figures = []
    for name in names:
        title, group = CONTENDERS[name].title, CONTENDERS[name].group
        if name in absent:
            figures.append(Figure(model.name, name, title, group, absent[name]))
            continue
        low, high = np.quantile(times[name], [0.25, 0.75])
        ratio, least, most = ratio_with_bounds(times[name], times[settings.reference])
        figures.append(
            Figure(
                model=model.name,
                contender=name,
                title=title,
                group=group,
                status="measured",
                threads=settings.threads,
                clock=settings.clock,
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
