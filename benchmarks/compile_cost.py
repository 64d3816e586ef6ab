"""What compiling costs: CPU time, the passes' part of it, memory, and how passes scale.

    python benchmarks/compile_cost.py
    python benchmarks/compile_cost.py --runs 9 --output cost.jsonl

In: two 12-layer encoders, 768 wide, of 85 and of 108 million random parameters, compiled by the
command line to a file; and the first of them with 96 layers, up to its target graph. Out: a line of
JSON for each figure, and a table with the goals. Each run is a process of its own; CPU seconds and
the peak of resident memory are what the kernel accounts to it. The median counts, and for the ratio
of 96 to 12 layers the least.

This process stays small and loads no numpy: Linux counts the memory of the process that starts
another to the other's peak.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import IO

from machine import machine
from rich.console import Console
from rich.progress import track
from rich.table import Table

GUIDE = Path(__file__).parent.parent / "examples" / "guide"
NEURALC = "from neuralc.compiler.cli.neuralc import main; main()"
PASSES = ("optimize", "select forms")
_STAGE = re.compile(r"^(\S[a-z ]*?) +([\d.]+) +([\d.]+) *$", re.MULTILINE)


@dataclass(frozen=True)
class Cost:
    """One compilation: seconds of CPU, by stage too, and the peak of resident memory in bytes."""

    cpu_seconds: float
    stages: dict[str, float]
    peak_rss: int

    @property
    def pass_seconds(self) -> float:
        return sum(self.stages[name] for name in PASSES)


@dataclass(frozen=True)
class Figure:
    """A result and its goal; reached where the value is not above it."""

    name: str
    value: float
    unit: str
    goal: float
    each: list[float]

    @property
    def reached(self) -> bool:
        return self.value <= self.goal


def compile_once(program: Path, *options: str) -> Cost:
    """Runs the command line. Raises `RuntimeError` with what it said where it fails."""
    command = [sys.executable, "-c", NEURALC, str(program), "--time-passes", *options]
    with tempfile.TemporaryFile("w+") as told:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=told)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        told.seek(0)
        text = told.read()
    if process.returncode:
        raise RuntimeError(text)
    stages = {name: float(cpu) / 1e3 for name, _, cpu in _STAGE.findall(text)}
    # Kilobytes on Linux, bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(used.ru_utime + used.ru_stime, stages, used.ru_maxrss * unit)


def with_layers(count: int, folder: Path) -> Path:
    """The 85 million parameter encoder with another number of layers."""
    text = (GUIDE / "bidirectional_attention.neural").read_text(encoding="utf-8")
    changed, found = re.subn(r"\* 12\b", f"* {count}", text)
    assert found == 1
    program = folder / f"encoder_{count}.neural"
    program.write_text(changed, encoding="utf-8")
    return program


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="of each")
    parser.add_argument("--output", type=Path, help="lines of JSON go there, not to stdout")
    return parser.parse_args()


def measure(runs: int, console: Console) -> tuple[dict[str, list[Cost]], list[Figure]]:
    with tempfile.TemporaryDirectory(prefix="neuralc-cost-") as name:
        folder = Path(name)
        file = ("-o", str(folder / "model.onnx"))
        graph = ("--emit=target-ir", "-o", os.devnull)
        jobs = {
            "85 M parameters": (GUIDE / "bidirectional_attention.neural", file),
            "108 M parameters": (GUIDE / "nlp_attention.neural", file),
            "12 layers": (with_layers(12, folder), graph),
            "96 layers": (with_layers(96, folder), graph),
        }
        costs: dict[str, list[Cost]] = {job: [] for job in jobs}
        # All jobs of a round one after another, so that a slow minute meets them alike.
        order = [job for _ in range(runs) for job in jobs]
        for job in track(order, "compile", console=console):
            program, options = jobs[job]
            costs[job].append(compile_once(program, *options))
    figures = []
    for job in ("85 M parameters", "108 M parameters"):
        columns: list[tuple[str, str, float, list[float]]] = [
            ("CPU time", "s", 3.0, [cost.cpu_seconds for cost in costs[job]]),
            ("CPU time of passes", "s", 0.5, [cost.pass_seconds for cost in costs[job]]),
            ("peak RSS", "MB", 300.0, [cost.peak_rss / 1e6 for cost in costs[job]]),
        ]
        for what, unit, goal, each in columns:
            figures.append(Figure(f"{what}, {job}", median(each), unit, goal, each))
    short, long = ([cost.pass_seconds for cost in costs[job]] for job in ("12 layers", "96 layers"))
    ratio = min(long) / min(short)
    figures.append(Figure("pass time, 96 over 12 layers", ratio, "times", 10.0, [ratio]))
    return costs, figures


def show(costs: dict[str, list[Cost]], figures: list[Figure], console: Console) -> None:
    table = Table(title="What compiling costs")
    table.add_column("figure")
    for heading in ("measured", "goal", "reached"):
        table.add_column(heading, justify="right")
    for each in figures:
        value, goal = f"{each.value:.3g} {each.unit}", f"≤ {each.goal:g} {each.unit}"
        table.add_row(each.name, value, goal, "yes" if each.reached else "no")
    console.print(table)
    stages = Table(title="CPU milliseconds by stage, median")
    stages.add_column("stage")
    for job in costs:
        stages.add_column(job, justify="right")
    names = dict.fromkeys(name for runs in costs.values() for name in runs[0].stages)
    for name in names:
        cells = [
            f"{1e3 * median(run.stages[name] for run in runs):.1f}"
            if name in runs[0].stages
            else ""
            for runs in costs.values()
        ]
        stages.add_row(name, *cells)
    console.print(stages)


def write(costs: dict[str, list[Cost]], figures: list[Figure], output: IO[str]) -> None:
    lines: list[dict[str, object]] = [machine()]
    lines += [{"job": job, "runs": [asdict(cost) for cost in costs[job]]} for job in costs]
    lines += [asdict(each) for each in figures]
    for line in lines:
        output.write(json.dumps(line, ensure_ascii=False) + "\n")


def main() -> None:
    options = arguments()
    console = Console(stderr=True)
    costs, figures = measure(options.runs, console)
    if options.output:
        with options.output.open("a", encoding="utf-8") as output:
            write(costs, figures, output)
    else:
        write(costs, figures, sys.stdout)
    show(costs, figures, console)
    sys.exit(0 if all(each.reached for each in figures) else 1)


if __name__ == "__main__":
    main()
