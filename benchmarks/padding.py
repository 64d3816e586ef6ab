"""Compares padding left out with padding computed: `--padding packed` with `--padding kept`.

    python benchmarks/padding.py
    python benchmarks/padding.py --program examples/guide/time_series_attention.neural
    python benchmarks/padding.py --threads 2 --clock wall --rounds 15

In: a program with a sequence axis. Out: a line of JSON for each set of batches: how much of it are
tokens, milliseconds a round, and how many times as fast the packed file is, with the 95 % interval
of the median over rounds. The sets: 512 sequences of mixed length in batches of 32, each padded to
its longest; and batches without padding, where packing can only cost.

Both files run in one process with one thread, in turns; figures are CPU time unless `--clock wall`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from machine import machine
from turns import ratio_with_bounds, take_turns

PROGRAM = Path(__file__).parent.parent / "examples" / "sentence_encoder.neural"
SEQUENCES, BATCH = 512, 32
SHORTEST, USUAL, LONGEST, SPREAD = 5, 20, 100, 0.6
"""Tokens of a sequence: the logarithm is normal around that of the usual length."""
FULL = ((32, 40), (8, 100), (1, 100), (1, 20))
"""Batches and lengths without padding."""

Inputs = dict[str, np.ndarray[Any, Any]]


def lengths() -> list[list[int]]:
    """The lengths of the mixed sequences, batch by batch."""
    drawn = np.random.default_rng(0).normal(np.log(USUAL), SPREAD, SEQUENCES)
    tokens = np.clip(np.round(np.exp(drawn)), SHORTEST, LONGEST).astype(int)
    return [list(tokens[start : start + BATCH]) for start in range(0, SEQUENCES, BATCH)]


def batch(tokens: list[int], session: ort.InferenceSession, random: np.random.Generator) -> Inputs:
    """A batch of sequences of those lengths, each padded on the right to the longest."""
    longest = max(tokens)
    mask = (np.arange(longest) < np.array(tokens)[:, None]).astype(np.int64)
    inputs: Inputs = {}
    for each in session.get_inputs():
        shape = (len(tokens), longest, *each.shape[2:])
        if each.name == "attention_mask":
            inputs[each.name] = mask
        elif each.type == "tensor(int64)":
            inputs[each.name] = random.integers(1, 1000, shape) * mask
        else:
            inputs[each.name] = random.standard_normal(shape).astype(np.float32)
    return inputs


def sessions(program: Path, target: str, threads: int) -> dict[str, ort.InferenceSession]:
    import neuralc

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    found = {}
    for padding in ("kept", "packed"):
        model = neuralc.compile(
            program,
            target=target,
            dynamic="seq",
            padding_mask=True,
            padding=padding,
            lint=False,
        )
        content = model.to_bytes()
        found[padding] = ort.InferenceSession(content, options, ["CPUExecutionProvider"])
    return found


def turn(session: ort.InferenceSession, inputs: list[Inputs], runs: int, clock: str) -> float:
    """Milliseconds of running all the batches once, the mean over the runs."""
    now = time.process_time if clock == "cpu" else time.perf_counter
    start = now()
    for _ in range(runs):
        for each in inputs:
            session.run(None, each)
    return (now() - start) * 1e3 / runs


def sets(session: ort.InferenceSession) -> Iterator[tuple[str, list[Inputs]]]:
    random = np.random.default_rng(1)
    yield "mixed", [batch(each, session, random) for each in lengths()]
    for size, length in FULL:
        yield f"full {size}x{length}", [batch([length] * size, session, random)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--program", type=Path, default=PROGRAM)
    parser.add_argument("--target", choices=("cpu", "portable"), default="cpu")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clock", choices=("cpu", "wall"), default="cpu")
    parser.add_argument("--only", default="", help="sets whose names begin so")
    given = parser.parse_args()
    running = sessions(given.program, given.target, given.threads)
    about = {
        "program": given.program.stem,
        "target": given.target,
        "threads": given.threads,
        "clock": given.clock,
    }
    print(json.dumps(about | machine()))
    for name, inputs in sets(running["kept"]):
        if not name.startswith(given.only):
            continue
        once = turn(running["kept"], inputs, 1, "wall")
        runs = max(1, round(200 / once))
        turns: dict[str, Callable[[], float]] = {
            key: lambda session=each: turn(session, inputs, runs, given.clock)  # noqa: B023
            for key, each in running.items()
        }
        times = take_turns(turns, given.rounds if once < 2000 else max(3, given.rounds // 3))
        ratio, low, high = ratio_with_bounds(times["kept"], times["packed"])
        tokens = np.mean([each["attention_mask"].mean() for each in inputs])
        figures = {f"{key} ms": round(float(np.median(each)), 2) for key, each in times.items()}
        bounds = {"ratio": round(ratio, 3), "low": round(low, 3), "high": round(high, 3)}
        line = {"set": name, "tokens": round(float(tokens), 3), **figures, **bounds}
        print(json.dumps(line))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
