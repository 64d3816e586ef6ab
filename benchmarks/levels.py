"""Compares the speed of -O2 with that of -O0.

    python benchmarks/levels.py                                  # all of examples/
    python benchmarks/levels.py --networks time_series_attention --rounds 200
    python benchmarks/levels.py --padding-mask --dynamic seq --output levels.jsonl
    python benchmarks/levels.py --before FOLDER   # files NAME.onnx that an older compiler made

In: the example programs, at their own sizes, with random weights. Out: a line of JSON for each
figure, and a table. The goal: the time of -O0 over that of -O2 is, at the lower end of its 95 %
interval, no less than 0.97.

Each file runs in a process of its own, both with the same session options, batch 1. A turn is as
many runs as fill `--turn` seconds, one at least, and its figure is their median.

Where other processes keep the cores busy, times on the wall spread too far to tell 3 %: then
`--threads 1 --clock cpu` compares the work itself. (With several threads CPU time says little: they
spin while they wait.)
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
from machine import machine
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from turns import Worker, ratio_with_bounds, take_turns

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples"
GOAL = 0.97


@dataclass(frozen=True)
class Figure:
    """One network: median milliseconds at both levels, and how many times as fast -O2 is."""

    network: str
    padding_mask: bool
    dynamic: str
    session: str
    clock: str
    threads: int
    rounds: int
    runs_per_turn: int
    baseline_ms: float
    optimized_ms: float
    ratio: float
    low: float
    high: float
    forms: dict[str, int]

    @property
    def reached(self) -> bool:
        return self.low >= GOAL


def programs(names: list[str]) -> list[Path]:
    """Program files: those named, by stem or path, or all examples."""
    known = [*sorted((EXAMPLES / "guide").glob("*.neural")), EXAMPLES / "sentence_encoder.neural"]
    by_stem = {path.stem: path for path in known}
    return [by_stem.get(name) or Path(name) for name in names] or known


def prepare(
    program: Path, folder: Path, options: argparse.Namespace
) -> tuple[dict[str, Path], dict[str, int]]:
    """Files of both levels and of inputs in `folder`, and the forms that -O2 took."""
    import neuralc
    from neuralc.compiler.verifying.samples import input_roles, sample, sizes_for

    files: dict[str, Path] = {}
    forms: dict[str, int] = {}
    if options.before:
        files["before"] = options.before / f"{program.stem}.onnx"
    for level in (options.level,) if options.before else (options.baseline, options.level):
        compiled = neuralc.compile(
            program,
            opt_level=level,
            padding_mask=options.padding_mask,
            dynamic=options.dynamic,
            forms=options.form if level == options.level else {},
            lint=False,
        )
        files[f"O{level}"] = folder / f"{program.stem}-O{level}.onnx"
        compiled.save(files[f"O{level}"])
        forms = compiled.report.forms
        roles = input_roles(compiled.graph)
        bounds = {
            name: {"maximum": each.maximum} for name, each in compiled.graph.symbols().items()
        }
    arrays = sample(roles, sizes_for(roles, {}, bounds), seed=0)
    for role in roles:
        if role.role == "mask":
            # A tenth of the positions is padding, as in a batch of sentences of about one length.
            arrays[role.name][..., -max(1, arrays[role.name].shape[-1] // 10) :] = 0
    files["inputs"] = folder / "inputs.npz"
    np.savez(files["inputs"], **arrays)
    return files, forms


def turn(worker: Worker, runs: int) -> float:
    return float(np.median(worker.ask(runs=runs)))


def measure(program: Path, options: argparse.Namespace, progress: Progress) -> Figure:
    task = progress.add_task(f"{program.stem}: compile", total=options.rounds)
    with tempfile.TemporaryDirectory(prefix="neuralc-levels-") as folder:
        files, forms = prepare(program, Path(folder), options)
        inputs = files.pop("inputs")
        given = [str(inputs), str(options.threads), options.session, options.clock]
        script = HERE / "latency_worker.py"
        first, second = files
        with (
            Worker(script, str(files[first]), *given) as left,
            Worker(script, str(files[second]), *given) as right,
        ):
            progress.update(task, description=f"{program.stem}: warm up")
            warm = [min(worker.ask(runs=3)[1:]) for worker in (left, right)]
            runs = max(1, min(2000, round(options.turn * 1e3 / max(warm))))
            progress.update(task, description=program.stem)
            times = take_turns(
                {first: partial(turn, left, runs), second: partial(turn, right, runs)},
                options.rounds,
                on_round=lambda: progress.advance(task),
            )
    ratio, low, high = ratio_with_bounds(times[first], times[second])
    return Figure(
        program.stem,
        options.padding_mask,
        ",".join(options.dynamic),
        options.session,
        options.clock,
        options.threads,
        options.rounds,
        runs,
        float(np.median(times[first])),
        float(np.median(times[second])),
        ratio,
        low,
        high,
        forms,
    )


def show(figures: list[Figure], options: argparse.Namespace, console: Console) -> None:
    masked = ", --padding-mask" if options.padding_mask else ""
    moving = f", --dynamic {','.join(options.dynamic)}" if options.dynamic else ""
    how = f"batch 1, {options.threads} threads, {options.clock} time{masked}{moving}"
    table = Table(title=f"Milliseconds a run, {how}")
    table.add_column("network")
    for heading in (
        "before" if options.before else f"-O{options.baseline}",
        f"-O{options.level}",
        "times as fast",
        "95 % interval",
        f"≥ {GOAL}",
    ):
        table.add_column(heading, justify="right")
    for each in figures:
        table.add_row(
            each.network,
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
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turn", type=float, default=0.05, help="seconds that a turn fills")
    parser.add_argument("--padding-mask", action="store_true", help="with the input attention_mask")
    parser.add_argument("--dynamic", action="append", default=[], help="axes left open, e.g. seq")
    parser.add_argument("--session", choices=("plain", "neuralc"), default="plain")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--baseline", type=int, default=0, help="the level to compare with")
    parser.add_argument("--before", type=Path, help="a folder of files to compare with instead")
    parser.add_argument("--level", type=int, default=2, help="the level to compare")
    parser.add_argument("--form", action="append", default=[], metavar="OP=FORM")
    parser.add_argument("--output", type=Path, help="lines of JSON go there, not to stdout")
    options = parser.parse_args()
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
    figures = []
    output = options.output.open("a", encoding="utf-8") if options.output else sys.stdout
    try:
        write(machine(), output)
        with Progress(*columns, console=console) as progress:
            for program in programs(options.networks):
                figures.append(measure(program, options, progress))
                write(asdict(figures[-1]), output)
    finally:
        if options.output:
            output.close()
    show(figures, options, console)
    sys.exit(0 if all(each.reached for each in figures) else 1)


if __name__ == "__main__":
    main()
