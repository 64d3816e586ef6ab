"""The networks that contenders are compared on: they compile, and torch is not needed to say so."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import neuralc
import numpy as np
import pytest

ROOT = Path(neuralc.__file__).parent
BENCHMARKS = ROOT / "benchmarks"

COMPILE = """
import json, sys
sys.path.insert(0, sys.argv[1])
import neuralc
import contenders.compiled, export_cost, first_answer, peer_report, peers
from models import MODELS

found = {}
for model in MODELS.values():
    compiled = neuralc.compile(model.program, positions="none", lint=False)
    (entry,), (result,) = compiled.target_graph.inputs, compiled.target_graph.outputs.values()
    attentions = sum(node.op == "attention" for node in compiled.graph.nodes())
    found[model.name] = [list(entry.type.shape[1:]), list(result.type.shape[1:]), attentions]
heavy = {"torch", "openvino", "matplotlib", "transformers"} & set(sys.modules)
print(json.dumps([found, sorted(heavy)]))
"""


def test_the_models_compile_and_need_no_torch() -> None:
    """In a fresh process: the folder of scripts is on its path, not on that of the tests."""
    done = subprocess.run(
        [sys.executable, "-c", COMPILE, str(BENCHMARKS)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stderr
    found, heavy = json.loads(done.stdout)
    assert found == {
        "D": [[100, 64], [1], 1],
        "A128": [[128, 768], [2], 12],
        "A512": [[512, 768], [2], 12],
        "B128": [[128, 768], [128, 50257], 12],
        "C": [[224, 224, 3], [1000], 12],
        "E": [[128, 768], [2], 12],
    }
    assert heavy == []


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("peer_report")


def line(contender: str, ratio: float, **others: Any) -> dict[str, Any]:
    measured = {
        "model": "D",
        "contender": contender,
        "title": contender.upper(),
        "status": "measured",
        "threads": 1,
        "clock": "cpu",
        "rounds": 9,
        "gflop": 0.01,
        "median_ms": 0.2,
        "quartiles_ms": [0.1, 0.3],
        "ours_is_faster": ratio,
        "low": ratio - 0.1,
        "high": ratio + 0.1,
        "first_answer_s": 0.5,
        "peak_rss_mb": 70.0,
    }
    return measured | others


def test_the_table_names_who_took_no_part(report: ModuleType) -> None:
    absent = line("openvino", 0.0, status="absent: no package openvino")
    table = report.markdown([line("neuralc", 1.0), absent, line("ort", 1.25)])
    assert "| OPENVINO | absent: no package openvino |" in table
    assert "| ORT | 0.2 | 0.1–0.3 | 1.250 (1.150–1.350) | 50 |" in table


def test_the_best_peer_is_the_fastest_that_is_measured_and_not_ours(report: ModuleType) -> None:
    lines = [
        line("neuralc", 1.0),
        line("neuralc-session", 0.8),
        line("openvino", 0.0, status="absent"),
        line("ort", 1.5),
        line("torch", 1.25),
    ]
    assert "(D TORCH 1.250 (1.150–1.350)): geometric mean 1.250." in report.markdown(lines)


def test_what_was_measured_last_counts(report: ModuleType) -> None:
    lines = [line("neuralc", 1.0), line("ort", 1.5), line("ort", 1.125)]
    table = report.markdown(lines)
    assert "1.125" in table
    assert "1.500" not in table


@pytest.fixture
def first_answer(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("first_answer")


def test_a_measured_process_tells_its_time_and_memory_and_keeps_its_status() -> None:
    script = "import sys; print('heard'); data = bytearray(60_000_000); sys.exit(7)"
    command = [sys.executable, str(BENCHMARKS / "measured_process.py"), sys.executable, "-c"]
    done = subprocess.run([*command, script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 7
    assert done.stderr == "heard\n"
    told = json.loads(done.stdout)
    assert told["peak_rss"] > 60e6
    assert told["cpu"] > 0
    assert 0 < told["wall"] < 60


def test_first_answers_that_differ_are_told_by_their_difference(
    first_answer: ModuleType, tmp_path: Path
) -> None:
    ours, theirs, other = (tmp_path / f"{name}.npy" for name in ("ours", "theirs", "other"))
    np.save(ours, np.array([[1.0, -4.0]]))
    np.save(theirs, np.array([[1.0, -3.0]]))
    np.save(other, np.array([1.0, -4.0]))
    assert first_answer.difference(theirs, ours) == 0.25
    assert first_answer.difference(other, ours) == float("inf")


def test_the_table_of_first_answers_names_who_took_no_part(first_answer: ModuleType) -> None:
    measured = {"title": "OURS", "status": "measured", "wall": 0.5, "cpu": 0.25, "peak_rss": 4e8}
    measured |= {"wall_over_run": (1.0, 0.5, 1.5), "cpu_over_run": (2.0, 1.0, 3.0)}
    text = first_answer.table([measured, {"title": "THEIRS", "status": "absent: no torch"}])
    assert "| OURS | 0.500 | 1.00 (0.50–1.50) | 0.250 | 2.00 (1.00–3.00) | 400 |" in text
    assert "| THEIRS | absent: no torch |" in text
