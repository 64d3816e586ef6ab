"""What making the file costs: neuralc against torch.onnx.export, and the optimizer after it.

    python benchmarks/export_cost.py
    python benchmarks/export_cost.py --model A128 --runs 3 --output cost.jsonl

In: a network of `models.py` with the same file of weights for all. Out: a line of JSON for each,
and a table: seconds on the wall and of CPU time, and the peak of resident memory, of the whole
process (so with the loading of torch), and seconds of the call alone. All take turns; medians
count. `optimizer` starts from the exported file, and what it takes comes on top of the export.

This process stays small and loads no numpy: Linux counts the memory of the process that starts
another to the other's peak.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from machine import machine
from rich.console import Console
from rich.progress import track
from rich.table import Table

HERE = Path(__file__).parent
MAKERS = ("neuralc", "ort", "optimizer")
TITLES = {
    "neuralc": "neuralc -O2",
    "ort": "torch.onnx.export",
    "optimizer": "transformers optimizer, on top",
}
WRITE_WEIGHTS = (
    "import sys; sys.path.insert(0, sys.argv[1])\n"
    "from pathlib import Path\n"
    "from models import MODELS, write_weights\n"
    "write_weights(MODELS[sys.argv[2]], Path(sys.argv[3]))\n"
)


@dataclass(frozen=True)
class Cost:
    """One run of one maker: seconds, and bytes."""

    maker: str
    wall: float
    cpu: float
    call: float
    peak_rss: int


def make_once(maker: str, model: str, folder: Path) -> Cost:
    """Raises `RuntimeError` with what it said where it fails."""
    command = [sys.executable, str(HERE / "peer_worker.py"), "prepare", maker, model, str(folder)]
    with tempfile.TemporaryFile("w+") as answer, tempfile.TemporaryFile("w+") as told:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=answer, stderr=told)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            told.seek(0)
            raise RuntimeError(told.read())
        answer.seek(0)
        seconds = json.load(answer)["seconds"]
    # Kilobytes on Linux, bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(maker, wall, used.ru_utime + used.ru_stime, seconds, used.ru_maxrss * unit)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="A128")
    parser.add_argument("--runs", type=int, default=3, help="of each")
    parser.add_argument("--output", type=Path, help="lines of JSON are added there, else stdout")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    console = Console(stderr=True)
    costs = []
    with tempfile.TemporaryDirectory(prefix="neuralc-export-") as place:
        weights = str(Path(place) / "weights.safetensors")
        subprocess.run(
            [sys.executable, "-c", WRITE_WEIGHTS, str(HERE), options.model, weights], check=True
        )
        order = [maker for _ in range(options.runs) for maker in MAKERS]
        for maker in track(order, "make", console=console, transient=True):
            costs.append(make_once(maker, options.model, Path(place)))
    lines = [machine("torch", "onnxscript")]
    lines += [{"model": options.model, **asdict(cost)} for cost in costs]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    if options.output:
        with options.output.open("a", encoding="utf-8") as output:
            output.write(text)
    else:
        sys.stdout.write(text)
    table = Table(title=f"What making the file of {options.model} costs, medians")
    table.add_column("maker")
    for heading in ("wall s", "CPU s", "the call alone s", "peak RSS MB"):
        table.add_column(heading, justify="right")
    for maker in MAKERS:
        runs = [cost for cost in costs if cost.maker == maker]
        table.add_row(
            TITLES[maker],
            *(f"{median(getattr(c, f) for c in runs):.2f}" for f in ("wall", "cpu", "call")),
            f"{median(cost.peak_rss for cost in runs) / 1e6:.0f}",
        )
    console.print(table)


if __name__ == "__main__":
    main()
