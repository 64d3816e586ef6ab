"""Contenders that take turns, each in a process of its own, and the statistics of their times.

In: command lines of workers. Out: per round and contender a time; ratios with their bounds.

Several thread pools in one process slow each other down by up to two times, so each contender gets
a process. Within a round all take their turn, in an order that changes from round to round: what
else runs on the machine then meets all of them alike, and a ratio within a round is worth more than
one of two separate runs.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

SETTLE_SECONDS = 0.01
"""Waited between turns: the threads of ONNX Runtime spin for some milliseconds after a run."""


class Worker:
    """A process that answers each line of JSON on its stdin with one on its stdout."""

    def __init__(self, script: Path, *arguments: str, python: str = sys.executable) -> None:
        command = [python, str(script), *arguments]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, **request: Any) -> Any:
        """The worker's answer. Raises `RuntimeError` where it has died."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"worker ended with status {self.process.wait()}")
        return json.loads(answer)

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def take_turns(
    turns: Mapping[str, Callable[[], float]],
    rounds: int,
    on_round: Callable[[], None] = lambda: None,
) -> dict[str, np.ndarray[Any, Any]]:
    """What each contender's turn returned, round by round, in shuffled order within a round."""
    times: dict[str, list[float]] = {name: [] for name in turns}
    order = list(turns)
    shuffle = random.Random(0)
    for _ in range(rounds):
        shuffle.shuffle(order)
        for name in order:
            time.sleep(SETTLE_SECONDS)
            times[name].append(turns[name]())
        on_round()
    return {name: np.array(each) for name, each in times.items()}


def ratio_with_bounds(
    first: np.ndarray[Any, Any], second: np.ndarray[Any, Any], resamples: int = 4000
) -> tuple[float, float, float]:
    """The median over the rounds of `first / second`, and its 95 % bootstrap interval.

    Rounds are drawn with replacement, both contenders of a round together.
    """
    ratios = first / second
    draws = np.random.default_rng(0).integers(0, len(ratios), (resamples, len(ratios)))
    medians = np.median(ratios[draws], axis=1)
    low, high = np.quantile(medians, [0.025, 0.975])
    return float(np.median(ratios)), float(low), float(high)


def serve(answer: Callable[[dict[str, Any]], Any], lines: Iterable[str] = sys.stdin) -> None:
    """A worker's side: answers requests until its stdin ends."""
    for line in lines:
        print(json.dumps(answer(json.loads(line))), flush=True)
