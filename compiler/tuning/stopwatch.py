"""Contenders that take turns, each in a process of its own.

In: lowered models of one computation, by name, and their inputs. Out: microseconds a run, round by
round.

Several thread pools in one process slow each other down, so each contender has a process. In a
round all take their turn, in an order that changes from round to round: whatever else runs on the
machine meets all of them alike, and what counts is how they compare within a round.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

import numpy as np

from ...ir.diagnostic import CompileError, failure

if TYPE_CHECKING:
    from ...lowering.onnx_program import OnnxProgram

Arrays = Mapping[str, "np.ndarray[Any, Any]"]
Rounds = dict[str, list[float]]

SETTLE_SECONDS = 0.01
"""Waited before a turn: the threads of ONNX Runtime spin for some milliseconds after a run."""
TURN_SECONDS = 0.01
"""A turn is as many runs as fill it, at least one; its figure is their median."""
LONGEST_SECONDS = 300.0
"""A process that has not answered by then is ended."""


@dataclass(frozen=True, slots=True)
class Contest:
    """What is compared: models that compute the same from the same inputs."""

    what: str
    contenders: Mapping[str, Callable[[], OnnxProgram]]
    inputs: Arrays


class Stopwatch(Protocol):
    """Times contests."""

    def measure(self, contest: Contest, seconds: float, rounds: tuple[int, int]) -> Rounds:
        """Microseconds a run of each contender, by round: within about so many seconds, at most so
        many rounds, and fewer than the least only after twice the time. A contender that cannot run
        is left out. Raises `CompileError` E0643 where none can, or one ends by itself."""

    def close(self) -> None:
        """Ends what was started."""


class ProcessStopwatch:
    """Times in processes of this Python; they are started when they are first needed."""

    def __init__(self, provider: str, threads: int) -> None:
        self._provider = provider
        self._options = {"intra_op_num_threads": threads} if threads else {}
        self._settle = SETTLE_SECONDS if threads != 1 else 0.0
        self._processes: list[_Process] = []
        self._shuffle = random.Random(0)

    def measure(self, contest: Contest, seconds: float, rounds: tuple[int, int]) -> Rounds:
        least, most = rounds
        with tempfile.TemporaryDirectory(prefix="neuralc-tuning-") as folder:
            runs = self._open(contest, Path(folder))
            end = time.perf_counter() + seconds
            times: Rounds = {name: [] for name in runs}
            order = list(runs)
            while len(times[order[0]]) < most:
                late = time.perf_counter() - end
                if late >= (0.0 if len(times[order[0]]) >= least else seconds):
                    break
                self._shuffle.shuffle(order)
                for name in order:
                    process, count = runs[name]
                    time.sleep(self._settle)
                    times[name].append(float(np.median(process.time(count))) * 1e6)
        return times

    def _open(self, contest: Contest, folder: Path) -> dict[str, tuple[_Process, int]]:
        """Loads and warms all contenders up: for each its process, and the runs of a turn."""
        from .stand_ins import StandIns

        stand_ins = StandIns(folder)
        np.savez(folder / "inputs.npz", **contest.inputs)  # type: ignore[arg-type]
        opened: dict[str, tuple[_Process, float]] = {}
        failed: CompileError | None = None
        for name, lowered in contest.contenders.items():
            if len(self._processes) == len(opened):
                self._processes.append(_Process())
            process = self._processes[len(opened)]
            model = stand_ins.write(lowered())
            try:
                process.open(model, folder / "inputs.npz", self._provider, self._options)
                opened[name] = process, min(process.time(2))
            except CompileError as error:
                # A form that the runtime refuses, or has no memory for, is none to choose.
                failed = error
                self._processes.remove(process)
                process.close()
        if not opened:
            assert failed is not None
            raise failed
        slowest = max(seconds for _, seconds in opened.values())
        count = max(1, min(1000, round(TURN_SECONDS / slowest)))
        return {name: (process, count) for name, (process, _) in opened.items()}

    def close(self) -> None:
        while self._processes:
            self._processes.pop().close()


class _Process:
    """A worker and its pipes."""

    def __init__(self) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        # -P: a file of the working directory must not pass for one of the library's.
        command = [sys.executable, "-P", "-m", f"{__package__}.worker"]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                encoding="utf-8",
            )
        except OSError as error:
            self._errors.close()
            raise _failed(f"no process could be started: {error}") from error

    def open(self, model: Path, inputs: Path, provider: str, options: Mapping[str, Any]) -> None:
        paths = {"open": str(model), "inputs": str(inputs)}
        self._ask({**paths, "provider": provider, "options": dict(options)})

    def time(self, runs: int) -> list[float]:
        """Seconds of each of so many runs."""
        seconds = self._ask({"runs": runs})["seconds"]
        # A clock that did not move still took a moment.
        return [max(float(each), 1e-9) for each in seconds]

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        limit = threading.Timer(LONGEST_SECONDS, self._process.kill)
        limit.daemon = True
        limit.start()
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except OSError:
            answer = ""
        finally:
            limit.cancel()
        if not answer:
            raise _failed(f"a process ended by itself: {self._last_words()}")
        told: dict[str, Any] = json.loads(answer)
        if "error" in told:
            raise _failed(told["error"])
        return told

    def _last_words(self) -> str:
        status = self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), f"status {status}")

    def close(self) -> None:
        with suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._errors.close()


def _failed(why: str) -> CompileError:
    return failure(
        "E0643", f"measuring failed: {why}", help="compile with -O2, or with --tuning FILE"
    )
