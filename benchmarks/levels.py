"""Compares the speed of the optimization levels.

    python benchmarks/levels.py                                  # all of examples/, -O0 and -O2
    python benchmarks/levels.py --networks time_series_attention --rounds 200
    python benchmarks/levels.py --models D,A128 --levels 0,2,3   # networks of the benchmark
    python benchmarks/levels.py --padding-mask --dynamic seq --output levels.jsonl
    python benchmarks/levels.py --before FOLDER   # files NAME.onnx that an older compiler made

In: programs, at their own sizes, with random weights; levels. Out: a line of JSON for each two
levels, and a table. The goal: the time of -O0 over that of -O2 is, at the lower end of its 95 %
interval, no less than 0.97, and so is that of -O2 over that of -O3.

Each file runs in a process of its own, all with the same session options. A turn is as many runs as
fill `--turn` seconds, one at least, and its figure is their median. -O3 measures for the threads
and the batch that are compared here, and takes what the cache has.

Where other processes keep the cores busy, times on the wall spread too far to tell 3 %: then
`--threads 1 --clock cpu` compares the work itself. (With several threads CPU time says little: they
spin while they wait.)
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from machine import machine
from models import MODELS, Network
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from turns import Worker, ratio_with_bounds, take_turns

if TYPE_CHECKING:
    from neuralc.ir.graph import Graph

Arrays = dict[str, np.ndarray[Any, Any]]
HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples"
GOAL = 0.97


@dataclass(frozen=True)
class Subject:
    """A network that is compiled at every level, and what it is run on."""

    name: str
    program: Path | str
    options: dict[str, Any]
    batch: int = 1
    inputs: Arrays | None = None
    """None: drawn for the network's inputs."""


@dataclass(frozen=True)
class Figure:
    """Two levels of a network: median milliseconds, and how many times as fast the second is."""

    network: str
    batch: int
    padding_mask: bool
    dynamic: str
    session: str
    clock: str
    threads: int
    rounds: int
    runs_per_turn: int
    baseline: str
    optimized: str
    baseline_ms: float
    optimized_ms: float
    ratio: float
    low: float
    high: float
    forms: dict[str, int]
    """That the second took."""

    @property
    def reached(self) -> bool:
        return self.low >= GOAL


def subjects(options: argparse.Namespace) -> list[Subject]:
    """The models named; else the programs named, by stem or path; else all examples."""
    if options.models:
        return [of_model(MODELS[name]) for name in options.models.split(",")]
    known = [*sorted((EXAMPLES / "guide").glob("*.neural")), EXAMPLES / "sentence_encoder.neural"]
    by_stem = {path.stem: path for path in known}
    programs = [by_stem.get(name) or Path(name) for name in options.networks] or known
    given = {"padding_mask": options.padding_mask, "dynamic": options.dynamic}
    return [Subject(program.stem, program, given) for program in programs]


def of_model(model: Network) -> Subject:
    """A network of the benchmark with random weights, on the first of its batches."""
    options = {name: each for name, each in model.compile_options.items() if name != "weights_from"}
    return Subject(model.name, model.program, options, model.batch, model.batches()[0])


def prepare(
    subject: Subject, folder: Path, options: argparse.Namespace
) -> tuple[dict[str, Path], dict[str, dict[str, int]]]:
    """Files of all levels and of inputs in `folder`, and the forms that each level took."""
    import neuralc

    files: dict[str, Path] = {}
    forms: dict[str, dict[str, int]] = {}
    if options.before:
        files["before"] = options.before / f"{subject.name}.onnx"
    for level in options.levels:
        given = dict(subject.options)
        if level >= 2:
            given["forms"] = options.form
        if level >= 3:
            given |= {"tuning_threads": options.threads, "tuning_time": options.tuning_time}
            given["tuning_sizes"] = {"batch": subject.batch}
        compiled = neuralc.compile(subject.program, opt_level=level, lint=False, **given)
        name = f"-O{level}"
        files[name] = folder / f"{subject.name}{name}.onnx"
        compiled.save(files[name])
        forms[name] = compiled.report.forms
    files["inputs"] = folder / "inputs.npz"
    np.savez(files["inputs"], **(subject.inputs or drawn(compiled.graph)))
    return files, forms


def drawn(graph: Graph) -> Arrays:
    """Inputs of a graph at batch 1 and the largest length."""
    from neuralc.compiler.verifying.samples import input_roles, sample, sizes_for

    roles = input_roles(graph)
    bounds = {name: {"maximum": each.maximum} for name, each in graph.symbols().items()}
    arrays = sample(roles, sizes_for(roles, {}, bounds), seed=0)
    for role in roles:
        if role.role == "mask":
            # A tenth of the positions is padding, as in a batch of sentences of about one length.
            arrays[role.name][..., -max(1, arrays[role.name].shape[-1] // 10) :] = 0
    return arrays


def turn(worker: Worker, runs: int) -> float:
    return float(np.median(worker.ask(runs=runs)))


def measure(subject: Subject, options: argparse.Namespace, progress: Progress) -> list[Figure]:
    task = progress.add_task(f"{subject.name}: compile", total=options.rounds)
    with tempfile.TemporaryDirectory(prefix="neuralc-levels-") as folder, ExitStack() as open:
        files, forms = prepare(subject, Path(folder), options)
        inputs = files.pop("inputs")
        given = [str(inputs), str(options.threads), options.session, options.clock]
        script = HERE / "latency_worker.py"
        workers = {
            name: open.enter_context(Worker(script, str(file), *given))
            for name, file in files.items()
        }
        progress.update(task, description=f"{subject.name}: warm up")
        warm = [min(worker.ask(runs=3)[1:]) for worker in workers.values()]
        runs = max(1, min(2000, round(options.turn * 1e3 / max(warm))))
        progress.update(task, description=subject.name)
        times = take_turns(
            {name: partial(turn, worker, runs) for name, worker in workers.items()},
            options.rounds,
            on_round=lambda: progress.advance(task),
        )
    return [
        Figure(
            subject.name,
            subject.batch,
            options.padding_mask,
            ",".join(options.dynamic),
            options.session,
            options.clock,
            options.threads,
            options.rounds,
            runs,
            first,
            second,
            float(np.median(times[first])),
            float(np.median(times[second])),
            *ratio_with_bounds(times[first], times[second]),
            forms[second],
        )
        for first, second in combinations(times, 2)
    ]


def show(figures: list[Figure], options: argparse.Namespace, console: Console) -> None:
    masked = ", --padding-mask" if options.padding_mask else ""
    moving = f", --dynamic {','.join(options.dynamic)}" if options.dynamic else ""
    how = f"{options.threads} threads, {options.clock} time{masked}{moving}"
    table = Table(title=f"Milliseconds a run, {how}")
    table.add_column("network")
    for heading in ("levels", "first", "second", "times as fast", "95 % interval", f"≥ {GOAL}"):
        table.add_column(heading, justify="right")
    for each in figures:
        table.add_row(
            each.network,
            f"{each.baseline}, {each.optimized}",
            f"{each.baseline_ms:.3f}",
            f"{each.optimized_ms:.3f}",
            f"{each.ratio:.3f}",
            f"{each.low:.3f} – {each.high:.3f}",
            "yes" if each.reached else "no",
        )
    console.print(table)


def write(line: dict[str, object], output: IO[str]) -> None:
    output.write(json.dumps(line, ensure_ascii=False) + "\n")
    output.flush()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--networks", nargs="*", default=[], help="names of examples, or files")
    parser.add_argument("--models", default="", help=f"of the benchmark: {','.join(MODELS)}")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turn", type=float, default=0.05, help="seconds that a turn fills")
    parser.add_argument("--padding-mask", action="store_true", help="with the input attention_mask")
    parser.add_argument("--dynamic", action="append", default=[], help="axes left open, e.g. seq")
    parser.add_argument("--session", choices=("plain", "neuralc"), default="plain")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument(
        "--levels", default="0,2", help="e.g. 0,2,3: each is compared with those before"
    )
    parser.add_argument(
        "--before", type=Path, help="a folder of files to compare the last level with"
    )
    parser.add_argument(
        "--tuning-time", type=float, default=60.0, help="seconds for -O3 to measure"
    )
    parser.add_argument("--form", action="append", default=[], metavar="OP=FORM")
    parser.add_argument("--output", type=Path, help="lines of JSON go there, not to stdout")
    options = parser.parse_args()
    options.levels = [int(each) for each in options.levels.split(",")]
    if options.before:
        options.levels = options.levels[-1:]
    options.form = dict(each.split("=", 1) for each in options.form)
    return options


def main() -> None:
    options = arguments()
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    figures: list[Figure] = []
    output = options.output.open("a", encoding="utf-8") if options.output else sys.stdout
    try:
        write(machine(), output)
        with Progress(*columns, console=console) as progress:
            for subject in subjects(options):
                for figure in measure(subject, options, progress):
                    figures.append(figure)
                    write(asdict(figure) | {"reached": figure.reached}, output)
    finally:
        if options.output:
            output.close()
    show(figures, options, console)
    sys.exit(0 if all(each.reached for each in figures) else 1)


if __name__ == "__main__":
    main()
