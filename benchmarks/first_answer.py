"""From nothing to the first answer: whole processes that load a model and run it once.

    python benchmarks/first_answer.py
    python benchmarks/first_answer.py --model A128 --rounds 9 --cores 1 --peers ort,openvino

In: a network of `models.py`, with the same weights for all. Out: a line of JSON for each contender
and a table: seconds on the wall and of CPU from the start of Python to its end, the peak of
resident memory, and how many times as long as `neural run` each takes (the median over the rounds,
and its 95 % bootstrap interval). The scripts, in `openings/`, are the least that a user writes.

All files are made, and their answers compared, before anything is timed, so they lie in the
system's file cache; then all take turns in changing order. `--cores` binds the processes to so many
cores, which all these libraries respect, as `neural run` has no option for threads.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from answers import compare
from contenders import CONTENDERS, OURS, WEIGHTS
from machine import machine
from models import MODELS, Model, write_weights
from rich.console import Console
from rich.progress import Progress
from turns import ratio_with_bounds, take_turns

HERE = Path(__file__).parent
TOLERANCE = 1e-3
"""How far an answer may lie from ours, as a part of the largest number in ours."""
NEURAL_RUN = "from neuralc.compiler.cli.neural import main; main()"
"""The script's own lines, so that what runs is this Python with these packages."""


@dataclass(frozen=True)
class Opening:
    """A way from a file to an answer. `maker` is the contender that writes the file."""

    name: str
    title: str
    maker: str
    script: str | None
    """In `openings/`; None: the command `neural run`."""
    file: str

    def command(self, model: Model, folder: Path, given: Path, wanted: Path) -> list[str]:
        """Reads `given` (.npy), writes its answer to `wanted` (.npy)."""
        start = [sys.executable]
        if self.script is None:
            run = ["-c", NEURAL_RUN, "run", str(folder / self.file), "--provider", "cpu"]
            return [*start, *run, "--input", str(given), "-o", str(wanted)]
        start.append(str(HERE / "openings" / self.script))
        if self.script == "torch_module.py":
            start.append(model.name)
        return [*start, str(folder / self.file), str(given), str(wanted)]


SINGLE = [name for name, model in MODELS.items() if isinstance(model, Model) and not model.last]
"""Models of one input, whose whole output is the answer."""
REFERENCE = "run"
OPENINGS = {
    each.name: each
    for each in (
        Opening(REFERENCE, "neuralc: neural run", OURS, None, "neuralc.onnx"),
        Opening("session", "neuralc: open_session", OURS, "neuralc_session.py", "neuralc.onnx"),
        Opening("plain", "neuralc: plain session", OURS, "plain_session.py", "neuralc.onnx"),
        Opening("ort", "export: plain session", "ort", "plain_session.py", "ort.onnx"),
        Opening(
            "optimizer",
            "export + transformers optimizer: plain session",
            "optimizer",
            "plain_session.py",
            "optimizer.onnx",
        ),
        Opening("openvino", "OpenVINO", "openvino", "openvino_model.py", "openvino.xml"),
        Opening("torch", "torch eager", "torch", "torch_module.py", WEIGHTS),
    )
}


def bound(cores: int | None) -> Callable[[], None] | None:
    """What a child does before it starts: keep to the first `cores` cores it may run on."""
    if cores is None:
        return None
    mine = sorted(os.sched_getaffinity(0))[:cores]
    return partial(os.sched_setaffinity, 0, mine)


def run_once(command: list[str], cores: int | None) -> dict[str, float]:
    """Raises `RuntimeError` with the last line of what it said where it fails."""
    full = [sys.executable, str(HERE / "measured_process.py"), *command]
    done = subprocess.run(full, capture_output=True, text=True, preexec_fn=bound(cores))
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise RuntimeError(lines[-1][:200] if lines else "no message")
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def make(opening: Opening, model: Model, folder: Path, made: set[str]) -> None:
    """The file that it opens. Raises `RuntimeError` where that cannot be made here."""
    contender = CONTENDERS[opening.maker]
    if contender.missing:
        raise RuntimeError(f"absent: no package {', '.join(contender.missing)}")
    for name in (*contender.after, opening.maker):
        if name in made:
            continue
        command = [sys.executable, str(HERE / "peer_worker.py"), "prepare"]
        command += [name, model.name, str(folder)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1][:200])
        made.add(name)


def measure(model: Model, names: list[str], options: argparse.Namespace) -> list[dict[str, Any]]:
    """A line for each contender, absent ones with the reason."""
    ready: dict[str, list[str]] = {}
    differences: dict[str, float] = {}
    absent: dict[str, str] = {}
    taken: dict[str, list[dict[str, float]]] = {}
    console = Console(stderr=True)
    with (
        tempfile.TemporaryDirectory(prefix="neuralc-first-") as place,
        Progress(console=console, transient=True) as progress,
    ):
        folder = Path(place)
        given = folder / "input.npy"
        (array,) = model.batches()[0].values()
        np.save(given, array)
        write_weights(model, folder / WEIGHTS)
        made: set[str] = set()
        task = progress.add_task("make files", total=len(names))
        for name in names:
            opening, wanted = OPENINGS[name], folder / f"answer-{name}.npy"
            command = opening.command(model, folder, given, wanted)
            try:
                make(opening, model, folder, made)
                run_once(command, options.cores)
                found = compare(wanted, folder / f"answer-{REFERENCE}.npy")
                if found is None or not found.largest <= TOLERANCE:
                    raise RuntimeError("answers otherwise")
                differences[name] = found.largest
                ready[name], taken[name] = command, []
            except RuntimeError as error:
                if name == REFERENCE:
                    raise
                absent[name] = str(error)
            progress.advance(task)

        def turn(name: str) -> float:
            taken[name].append(run_once(ready[name], options.cores))
            return taken[name][-1]["wall"]

        task = progress.add_task("first answers", total=options.rounds)
        turns = {name: partial(turn, name) for name in ready}
        take_turns(turns, options.rounds, lambda: progress.advance(task))
    lines = []
    for name in names:
        told: dict[str, Any] = {"model": model.name, "opening": name, "title": OPENINGS[name].title}
        if name in absent:
            lines.append(told | {"status": absent[name]})
            continue
        told |= {"status": "measured", "rounds": options.rounds, "cores": options.cores}
        told["difference"] = differences[name]
        for key in ("wall", "cpu", "peak_rss"):
            mine = np.array([run[key] for run in taken[name]])
            reference = np.array([run[key] for run in taken[REFERENCE]])
            told[key] = float(np.median(mine))
            told[f"{key}_over_run"] = ratio_with_bounds(mine, reference)
        lines.append(told)
    return lines


def table(lines: list[dict[str, Any]]) -> str:
    """Markdown: seconds and megabytes, and times of what `neural run` takes."""
    headings = "wall s", "over neural run", "CPU s", "over neural run", "RSS MB"
    text = [f"| | {' | '.join(headings)} |", "|---|" + "--:|" * len(headings)]
    for line in lines:
        if line["status"] != "measured":
            text.append(f"| {line['title']} | {line['status']} | | | | |")
            continue
        cells = []
        for key in ("wall", "cpu"):
            ratio, low, high = line[f"{key}_over_run"]
            cells += [f"{line[key]:.3f}", f"{ratio:.2f} ({low:.2f}–{high:.2f})"]
        cells.append(f"{line['peak_rss'] / 1e6:.0f}")
        text.append(f"| {line['title']} | {' | '.join(cells)} |")
    return "\n".join(text) + "\n"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="A128", choices=SINGLE)
    parser.add_argument("--peers", default="", help=f"of {','.join(OPENINGS)}; all without it")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--cores", type=int, help="bind the processes to so many cores (Linux)")
    parser.add_argument("--output", type=Path, help="lines of JSON are added there, else stdout")
    parser.add_argument("--table", type=Path, help="the table goes there, else to stderr")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    wanted = [name for name in options.peers.split(",") if name] or list(OPENINGS)
    if unknown := [name for name in wanted if name not in OPENINGS]:
        raise SystemExit(f"no contender {', '.join(unknown)}; there are {', '.join(OPENINGS)}")
    names = [REFERENCE, *(name for name in wanted if name != REFERENCE)]
    model = MODELS[options.model]
    assert isinstance(model, Model)
    lines = measure(model, names, options)
    text = "".join(
        json.dumps(line, ensure_ascii=False) + "\n"
        for line in (machine("torch", "openvino", "transformers"), *lines)
    )
    if options.output:
        with options.output.open("a", encoding="utf-8") as output:
            output.write(text)
    else:
        sys.stdout.write(text)
    if options.table:
        options.table.write_text(table(lines), encoding="utf-8")
    else:
        Console(stderr=True).print(table(lines), markup=False, soft_wrap=True)


if __name__ == "__main__":
    main()
