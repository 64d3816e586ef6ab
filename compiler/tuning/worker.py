"""One process that holds one session at a time and times its runs; `stopwatch.py` starts it.

In, a line of JSON each: `{"open": model, "inputs": file, "provider": …, "options": …}`,
`{"runs": count}`. Out, a line each: `{}`, `{"seconds": […]}`, or `{"error": text}`.

With one thread, CPU time is told in place of the clock's: other work on the machine then counts for
little. Threads that wait for each other spin, so that with several CPU time says nothing.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


class Worker:
    """Answers requests."""

    def __init__(self) -> None:
        self._session: Any = None
        self._inputs: dict[str, Any] = {}
        self._now = time.perf_counter

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if "open" in request:
            self._open(request)
            return {}
        times = []
        for _ in range(request["runs"]):
            start = self._now()
            self._session.run(None, self._inputs)
            times.append(self._now() - start)
        return {"seconds": times}

    def _open(self, request: dict[str, Any]) -> None:
        from ...runtime.session import open_session

        # The one before goes first: two models need not fit into memory.
        self._session = None
        with np.load(request["inputs"], allow_pickle=False) as arrays:
            self._inputs = dict(arrays)
        options = request["options"]
        one_thread = options.get("intra_op_num_threads") == 1
        self._now = time.process_time if one_thread else time.perf_counter
        opened = open_session(Path(request["open"]), provider=request["provider"], options=options)
        self._session = opened.running


def main() -> None:
    worker = Worker()
    for line in sys.stdin:
        try:
            told = worker.answer(json.loads(line))
        except Exception as error:
            told = {"error": f"{type(error).__name__}: {error}"[:500]}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
