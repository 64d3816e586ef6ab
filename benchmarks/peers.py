"""Compares neuralc with what else runs such networks on a CPU.

    python benchmarks/peers.py
    python benchmarks/peers.py --models A128,D --peers ort,torch --rounds 15
    python benchmarks/peers.py --threads 1 --clock cpu --output bench.jsonl
    python benchmarks/peers.py --peers int8 --models A128,C,E,M
    python benchmarks/peers.py --only-ours
    python benchmarks/peers.py --budget 30 --files FOLDER --openvino-python ov/bin/python

In: the networks of `models.py`, with the same weights for all. Out: a line of JSON for each figure,
and from them a table in Markdown and a plot (`--table`, `--plot`). First of all the limits of the
machine are measured (`limits.py`), so that the table can tell the share that is reached.

`--peers` takes names of contenders and of groups: `fp32` (all at full precision, the default) and
`int8`, whose answers are approximations and whose errors the table tells. `--budget` chooses the
rounds so that all is done in about so many minutes. `--only-ours` leaves all peers out. `--files
FOLDER` keeps what exporters wrote, which takes longer than measuring: the next run finds it there
(several gigabytes for all models). `--openvino-python` is a Python whose ONNX Runtime has the
OpenVINO provider, which cannot be installed beside the plain one: our file runs there too.

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
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from contenders import CONTENDERS, OPENVINO_PROVIDER, OURS
from limits import PRODUCT, measure_limits
from machine import machine
from models import MODELS
from peer_plan import SPEED, chosen_models, chosen_peers, estimate, shares
from peer_report import markdown, plot
from peer_rounds import Figure, Settings, measure
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

PACKAGES = ("torch", "onnxscript", "openvino", "transformers")


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
    parser.add_argument("--files", type=Path, help="keep peers' files there, and take those found")
    parser.add_argument("--openvino-python", help="a Python that has onnxruntime-openvino")
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
    settings = Settings(
        options.threads,
        options.clock,
        options.turn,
        options.rounds,
        files=options.files,
        pythons={OPENVINO_PROVIDER: options.openvino_python} if options.openvino_python else {},
    )
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
                figures = measure(MODELS[name], suited[name], settings, progress, seconds)
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
