"""One process that runs one compiled model for `demo.py`, and measures it.

Reads requests as lines of JSON, answers each with a number: the milliseconds of a run, or the bytes
that a run needed at its peak beyond what the loaded session holds.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime
from neuralc.runtime.session import Session, open_session


def batch_of(batch: int, tokens: int) -> dict[str, np.ndarray]:
    """Few different ids, so that the token table's pages are all there after the first run."""
    ids = 1000 + np.arange(batch * tokens) % 50
    return {
        "input_ids": ids.reshape(batch, tokens),
        "attention_mask": np.ones((batch, tokens), np.int64),
    }


def latency(session: Session, batch: int, tokens: int, warm: bool) -> float:
    """Milliseconds of one run, the first of its shape apart."""
    inputs = batch_of(batch, tokens)
    if not warm:
        session.run(inputs)
    start = time.perf_counter()
    session.run(inputs)
    return (time.perf_counter() - start) * 1e3


def memory(model: str, batch: int, tokens: int, reuse: bool) -> float:
    """The peak of one run beyond what the session holds; not a number where Linux does not tell.

    The runtime's arena is off and freed memory goes back at once (`GIVE_BACK` in `demo.py`), so
    that what is resident is in use. `reuse` lets the runtime keep buffers for later nodes.
    """
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not reset.exists():
        return float("nan")

    def kilobytes(name: str) -> int:
        lines = status.read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))

    options = onnxruntime.SessionOptions()
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.enable_mem_reuse = reuse
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    inputs = batch_of(batch, tokens)
    rises = []
    for _ in range(3):
        reset.write_text("5")  # the high-water mark starts again from here
        before = kilobytes("VmRSS")
        session.run(None, inputs)
        rises.append((kilobytes("VmHWM") - before) * 1024.0)
    return min(rises[1:])


def main() -> None:
    model = sys.argv[1]
    session: Session | None = None
    warm: set[tuple[int, int]] = set()
    for line in sys.stdin:
        request = json.loads(line)
        batch, tokens = request["batch"], request["tokens"]
        if request["job"] == "memory":
            answer = memory(model, batch, tokens, request["reuse"])
        else:
            session = session or open_session(model, provider="cpu")
            answer = latency(session, batch, tokens, (batch, tokens) in warm)
            warm.add((batch, tokens))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
