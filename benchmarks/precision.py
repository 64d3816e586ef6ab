"""What each precision gains over float32, and what it costs in exactness.

    python benchmarks/precision.py                                   # A128, C, E, M
    python benchmarks/precision.py --models M --precisions int8,int8-weights --rounds 20
    python benchmarks/precision.py --models A128 --threads 2         # times on the wall

In: networks of the benchmark, with the weights that all contenders have. Out: a line of JSON for
each precision: how many times as fast as float32 (median over the rounds, 95 % interval), and how
far its answers are from those of float32.

With one thread (the default) times are the process's own, which other processes on the machine
disturb least; the sessions then may share a process.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from answers import compare
from machine import machine
from models import MODELS, Network, write_weights
from turns import ratio_with_bounds, take_turns

Array = np.ndarray[Any, Any]
EXACT = "fp32"
PRECISIONS = ("int8", "int8-tensor", "int8-weights", "int4-weights")


def session_of(
    model: Network, precision: str, folder: Path, threads: int
) -> tuple[ort.InferenceSession, dict[str, int]]:
    """A session of the model, and how many products compute in which scheme."""
    import neuralc

    path = folder / f"{precision}.onnx"
    compiled = neuralc.compile(
        model.program,
        precision=precision,
        weights=folder / "weights.safetensors",
        lint=False,
        **model.compile_options,
    )
    compiled.save(path)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session, compiled.report.products


def answers(session: ort.InferenceSession, batches: list[dict[str, Array]]) -> list[Array]:
    return [np.asarray(session.run(None, batch)[0]) for batch in batches]


def seconds(session: ort.InferenceSession, batches: list[dict[str, Array]], threads: int) -> float:
    clock = time.process_time if threads == 1 else time.perf_counter
    start = clock()
    answers(session, batches)
    return clock() - start


def measure(name: str, precisions: list[str], rounds: int, threads: int) -> None:
    """Prints the lines of one network."""
    model = MODELS[name]
    with tempfile.TemporaryDirectory(prefix="neuralc-") as text:
        folder = Path(text)
        write_weights(model, folder / "weights.safetensors")
        made = {each: session_of(model, each, folder, threads) for each in (EXACT, *precisions)}
        probes = [*model.batches(), *model.more_probes()]
        for precision, (session, _) in made.items():
            found = [model.answer(each) for each in answers(session, probes)]
            np.save(folder / f"{precision}.npy", np.concatenate(found))
        batches = model.batches()
        turns = {
            each: partial(seconds, session, batches, threads) for each, (session, _) in made.items()
        }
        for turn in turns.values():
            turn()
        times = take_turns(turns, rounds)
        for precision in precisions:
            ratio, low, high = ratio_with_bounds(times[EXACT], times[precision])
            error = compare(folder / f"{precision}.npy", folder / f"{EXACT}.npy", name == "M")
            assert error is not None
            line = {
                "model": name,
                "precision": precision,
                "products": made[precision][1],
                "fp32_ms": round(1e3 * float(np.median(times[EXACT])), 2),
                "ms": round(1e3 * float(np.median(times[precision])), 2),
                "ratio": [round(each, 3) for each in (ratio, low, high)],
                "rms_over_spread": float(f"{error.rms_over_spread:.3g}"),
                "least_cosine": round(error.cosine, 6),
                "ranking": error.ranking and round(error.ranking, 6),
                "threads": threads,
                "rounds": rounds,
            }
            print(json.dumps(line), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--models", default="A128,C,E,M")
    parser.add_argument("--precisions", default=",".join(PRECISIONS))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    print(json.dumps(machine()), flush=True)
    for name in given.models.split(","):
        measure(name, given.precisions.split(","), given.rounds, given.threads)


if __name__ == "__main__":
    main()
