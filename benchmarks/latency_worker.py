"""One process that holds one session and measures its runs; `levels.py` starts it.

In: a model file, an .npz of inputs, the number of threads, the kind of session, the clock. Out: for
each request the milliseconds of so many runs, on the wall or of this process's CPU time.

The kind is `plain`, a bare `InferenceSession` as any server makes it, or `neuralc`, with the
options that the file's metadata asks for.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
import onnxruntime
from turns import serve


def open_model(model: str, threads: int, kind: str) -> onnxruntime.InferenceSession:
    if kind == "neuralc":
        from neuralc.runtime.session import open_session

        session = open_session(model, provider="cpu", options={"intra_op_num_threads": threads})
        return session.running
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])


def main() -> None:
    model, arrays, threads, kind, clock = sys.argv[1:]
    now = time.process_time if clock == "cpu" else time.perf_counter
    with np.load(arrays) as loaded:
        inputs = dict(loaded)
    session = open_model(model, int(threads), kind)

    def measure(request: dict[str, Any]) -> list[float]:
        times = []
        for _ in range(request["runs"]):
            start = now()
            session.run(None, inputs)
            times.append((now() - start) * 1e3)
        return times

    serve(measure)


if __name__ == "__main__":
    main()
