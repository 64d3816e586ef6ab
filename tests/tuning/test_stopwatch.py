"""Real processes: a small model is measured, and what goes wrong in them is told."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import neuralc
import numpy as np
import onnx
import pytest
from neuralc.compiler.tuning import stopwatch
from neuralc.compiler.tuning.stopwatch import Contest, ProcessStopwatch
from neuralc.ir.diagnostic import CompileError
from neuralc.lowering.onnx_program import OnnxProgram

DENSE = "network N { input: (8,) layers: Dense(4) }"
INPUTS = {"input": np.ones((1, 8), np.float32)}


@pytest.fixture
def watch() -> Iterator[ProcessStopwatch]:
    running = ProcessStopwatch("cpu", 1)
    yield running
    running.close()


def program() -> OnnxProgram:
    return neuralc.compile(DENSE).program


def unknown_kernel() -> OnnxProgram:
    model = onnx.ModelProto()
    model.CopyFrom(program().model)
    model.graph.node[0].op_type = "NoSuchOperator"
    return replace(program(), model=model)


def test_small_model_is_measured_for_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(stopwatch, "TURN_SECONDS", 0.0005)
    source = "network N { input: (6, 16) layers: Dense(16, activation='gelu') Dense(4) }"
    model = neuralc.compile(source, opt_level=3, tuning_threads=1, tuning_time=30.0)
    assert model.tuning is not None
    times = [each.microseconds for each in model.tuning.choices.values()]
    assert sorted(map(len, times)) == [2, 2, 2]
    assert all(0 < each < 1e6 for found in times for each in found.values())
    assert model.tuning.machine["threads"] == 1
    assert not model.report.diagnostics or {d.code for d in model.report.diagnostics} == {"N0401"}
    model.verify()


def test_a_contender_that_does_not_run_is_left_out(watch: ProcessStopwatch) -> None:
    contest = Contest("dense", {"broken": unknown_kernel, "sound": program}, INPUTS)
    rounds = watch.measure(contest, 5.0, (3, 3))
    assert list(rounds) == ["sound"]
    assert len(rounds["sound"]) == 3


def test_where_none_runs_the_message_has_the_reason(watch: ProcessStopwatch) -> None:
    with pytest.raises(CompileError, match="NoSuchOperator") as caught:
        watch.measure(Contest("dense", {"broken": unknown_kernel}, INPUTS), 0.01, (3, 3))
    assert caught.value.diagnostics[0].code == "E0643"


def test_a_process_that_ends_is_told(watch: ProcessStopwatch) -> None:
    contest = Contest("dense", {"sound": program}, INPUTS)
    watch.measure(contest, 0.01, (1, 1))
    (process,) = watch._processes
    os.kill(process._process.pid, signal.SIGKILL)
    process._process.wait()
    with pytest.raises(CompileError, match="ended by itself"):
        process.time(1)


def test_least_rounds_are_given_up_after_twice_the_time(watch: ProcessStopwatch) -> None:
    rounds = watch.measure(Contest("dense", {"sound": program}, INPUTS), 0.05, (10**6, 10**6))
    assert 0 < len(rounds["sound"]) < 10**6
