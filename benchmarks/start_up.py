"""What the command lines take to start, over a bare Python.

    python benchmarks/start_up.py
    python benchmarks/start_up.py --profile     # which imports it goes to

In: nothing. Out: a line of JSON for each figure, and a table with the goals: `neuralc --help` takes
0.15 s at most, and `neural check` of a small program 0.3 s, more than `python -c pass`. Medians of
wall time over rounds in which all commands take turns; the grammar's tables are in their cache. CPU
time stands beside it: on a machine that others use as well, it is what the command itself takes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
from machine import machine
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from turns import take_turns

PROGRAM = Path(__file__).parent.parent / "examples" / "guide" / "time_series_attention.neural"
BARE = "python -c pass"
HELP = "neuralc --help"
CHECK = "neural check"
GOALS = {HELP: 0.15, CHECK: 0.30}
COMMANDS = {
    BARE: ["-c", "pass"],
    HELP: ["-c", "from neuralc.compiler.cli.neuralc import main; main()", "--help"],
    CHECK: ["-c", "from neuralc.compiler.cli.neural import main; main()", "check", str(PROGRAM)],
}
"""The scripts' own lines, so that what runs is this Python with these packages."""


def run(arguments: list[str], cpu: list[float]) -> float:
    """Seconds of wall time that a new Python takes for `arguments`; those of CPU go to `cpu`."""
    start = time.perf_counter()
    null = subprocess.DEVNULL
    process = subprocess.Popen([sys.executable, *arguments], stdout=null, stderr=null)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    cpu.append(used.ru_utime + used.ru_stime)
    return seconds


def show_imports(name: str, console: Console, count: int = 25) -> None:
    """The imports of a command that took longest by themselves, in microseconds."""
    command = [sys.executable, "-X", "importtime", *COMMANDS[name]]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    rows = []
    for line in told.splitlines():
        if line.startswith("import time:") and "self" not in line:
            own, below, module = line.removeprefix("import time:").split("|")
            rows.append((int(own), int(below), module.strip()))
    table = Table(title=f"{name}: {len(rows)} modules")
    for heading in ("own µs", "with imports µs", "module"):
        table.add_column(heading, justify="left" if heading == "module" else "right")
    for own, below, module in sorted(rows, reverse=True)[:count]:
        table.add_row(str(own), str(below), module)
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--profile", action="store_true", help="show the slowest imports")
    parser.add_argument("--output", type=Path, help="lines of JSON go there, not to stdout")
    options = parser.parse_args()
    console = Console(stderr=True)
    if options.profile:
        for name in GOALS:
            show_imports(name, console)
        return
    for arguments in COMMANDS.values():
        run(arguments, [])  # the first use fills caches
    cpu: dict[str, list[float]] = {name: [] for name in COMMANDS}
    turns = {name: partial(run, each, cpu[name]) for name, each in COMMANDS.items()}
    with Progress(console=console) as progress:
        task = progress.add_task("start", total=options.rounds)
        times = take_turns(turns, options.rounds, lambda: progress.advance(task))
    table = Table(title="Seconds to start, medians")
    for heading in ("command", "whole", "over bare", "goal", "reached", "CPU over bare"):
        table.add_column(heading, justify="left" if heading == "command" else "right")
    lines: list[dict[str, object]] = [machine()]
    reached = True
    for name, each in times.items():
        # The difference within each round: what slows the machine slows both.
        whole, over = float(np.median(each)), float(np.median(each - times[BARE]))
        cpu_over = float(np.median(np.array(cpu[name]) - np.array(cpu[BARE])))
        goal = GOALS.get(name)
        line = {"command": name, "seconds": whole, "over_bare": over, "goal": goal}
        lines.append(line | {"cpu_over_bare": cpu_over})
        if goal is None:
            table.add_row(name, f"{whole:.3f}")
            continue
        reached &= over <= goal
        told = "yes" if over <= goal else "no"
        table.add_row(name, f"{whole:.3f}", f"{over:.3f}", f"≤ {goal:.2f}", told, f"{cpu_over:.3f}")
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    if options.output:
        with options.output.open("a", encoding="utf-8") as output:
            output.write(text)
    else:
        sys.stdout.write(text)
    console.print(table)
    sys.exit(0 if reached else 1)


if __name__ == "__main__":
    main()
