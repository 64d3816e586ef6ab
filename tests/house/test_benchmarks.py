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
import numpy as np
import contenders.compiled, export_cost, first_answer, gpu, levels, limits, peers
from models import MODELS, Model

found = {}
for model in MODELS.values():
    if not isinstance(model, Model):
        continue
    compiled = neuralc.compile(model.program, lint=False, **model.compile_options)
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
        "B128-last": [[128, 768], [1, 50257], 12],
        "B1024": [[1024, 768], [1024, 50257], 12],
        "B2048": [[2048, 768], [2048, 50257], 12],
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
    assert "| ORT | 0.2 | 0.1–0.3 | 1.250 (1.150–1.350) | 50 |  | 0.50" in table


def test_a_model_that_could_not_be_measured_is_named(report: ModuleType) -> None:
    broken = line("neuralc", 0.0, model="X", status="no such option")
    table = report.markdown([broken, line("neuralc", 1.0), line("ort", 1.5)])
    assert "**X**: NEURALC: no such option" in table
    assert "1.500" in table


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


def test_the_table_of_first_answers_names_who_took_no_part(first_answer: ModuleType) -> None:
    measured = {"title": "OURS", "status": "measured", "wall": 0.5, "cpu": 0.25, "peak_rss": 4e8}
    measured |= {"wall_over_run": (1.0, 0.5, 1.5), "cpu_over_run": (2.0, 1.0, 3.0)}
    text = first_answer.table([measured, {"title": "THEIRS", "status": "absent: no torch"}])
    assert "| OURS | 0.500 | 1.00 (0.50–1.50) | 0.250 | 2.00 (1.00–3.00) | 400 |" in text
    assert "| THEIRS | absent: no torch |" in text


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("answers")


def test_answers_are_compared_by_size_spread_and_direction(
    answers: ModuleType, tmp_path: Path
) -> None:
    ours, theirs = tmp_path / "ours.npy", tmp_path / "theirs.npy"
    np.save(ours, np.array([[3.0, -1.0], [3.0, -1.0]]))
    np.save(theirs, np.array([[3.0, -1.0], [3.0, 0.0]]))
    found = answers.compare(theirs, ours)
    assert found.largest == pytest.approx(1 / 3)
    assert found.largest_over_spread == pytest.approx(1 / 2)
    assert found.rms_over_spread == pytest.approx(1 / 4)
    assert found.cosine == pytest.approx(19 / np.sqrt(20 * 19))
    same = answers.compare(ours, ours)
    assert (same.largest, same.rms_over_spread) == (0, 0)


def test_a_wrong_vector_among_many_is_not_averaged_away(
    answers: ModuleType, tmp_path: Path
) -> None:
    """More rows than are read at a time, and the wrong one is among the last."""
    rows = np.random.default_rng(0).standard_normal((300, 16))
    ours, theirs = tmp_path / "ours.npy", tmp_path / "theirs.npy"
    np.save(ours, rows)
    rows[298] *= -1
    np.save(theirs, rows)
    found = answers.compare(theirs, ours)
    assert found.cosine == pytest.approx(-1)
    assert found.mean_cosine == pytest.approx(298 / 300)


def test_what_is_no_number_or_has_another_shape_is_no_answer(
    answers: ModuleType, tmp_path: Path
) -> None:
    ours, theirs, other = (tmp_path / f"{name}.npy" for name in ("ours", "theirs", "other"))
    np.save(ours, np.array([[1.0, -4.0]]))
    np.save(theirs, np.array([[np.nan, -4.0]]))
    np.save(other, np.array([1.0, -4.0]))
    assert not answers.compare(theirs, ours).largest <= 1e-3
    assert answers.compare(other, ours) is None


def test_the_ranking_is_of_order_and_not_of_size(answers: ModuleType) -> None:
    values = np.array([0.1, 0.5, 0.2, 0.9])
    assert answers.spearman(values, values**3) == pytest.approx(1)
    assert answers.spearman(values, -values) == pytest.approx(-1)


def test_the_sentences_are_512_of_mixed_length() -> None:
    lines = (BENCHMARKS / "sentences.txt").read_text(encoding="utf-8").splitlines()
    words = [len(line.split()) for line in lines]
    assert len(set(lines)) == len(lines) == 512
    assert min(words) < 5
    assert max(words) > 60


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("models")


def test_what_no_answer_needs_is_not_counted_as_needed(models: ModuleType) -> None:
    """One layer of width 2 over 3 positions, inner width 4, 5 words."""
    every = models.Model("X", (3, 2), 5, width=2, heads=1, inner=4, layers=1, causal=True)
    # 3 rows of 4 square products and 2 of 2 × 4, 6 of 9 scores and weighted values, the head.
    assert every.needed_gflop == pytest.approx(2e-9 * (3 * (16 + 16) + 2 * 6 * 2 + 3 * 10))
    assert every.gflop == pytest.approx(2e-9 * (3 * (16 + 16) + 2 * 9 * 2 + 3 * 10))
    last = models.Model("X", (3, 2), 5, 1, 2, 1, 4, 1, causal=True, last=True)
    # Keys and values of 3 rows; of one row the query, the output, the inner layer, the head.
    assert last.needed_gflop == pytest.approx(2e-9 * (3 * 8 + 8 + 16 + 2 * 3 * 2 + 10))


def test_of_all_positions_the_last_is_the_answer(models: ModuleType) -> None:
    last = models.Model("X", (3, 2), 5, causal=True, last=True)
    every = np.arange(15.0).reshape(1, 3, 5)
    wanted = np.array([[10.0, 11.0, 12.0, 13.0, 14.0]])
    assert np.array_equal(last.answer(every), wanted)
    assert np.array_equal(last.answer(wanted), wanted)
    assert np.array_equal(last.answer(wanted[:, None]), wanted)


def test_the_share_of_the_limit_is_of_what_is_needed(report: ModuleType) -> None:
    """0.006 of 0.01 GFLOP are needed: at 100 GFLOP/s 0.06 ms, of 0.2 that were taken."""
    limit = {"limit": "sgemm", "unit": "GFLOP/s", "best": 100.0, "threads": 1, "clock": "cpu"}
    ours = line("neuralc", 1.0, needed_gflop=0.006)
    assert "| 50 | 30% | 0.50" in report.markdown([limit, ours])
    other = limit | {"threads": 2}
    assert "| 50 |  | 0.50" in report.markdown([other, ours])
    quantized = ours | {"contender": "neuralc-int8", "group": "int8"}
    assert "30%" not in report.markdown([limit, quantized])


ERROR = {
    "largest_over_spread": 0.06,
    "rms_over_spread": 0.03,
    "cosine": 0.9995,
    "mean_cosine": 0.9998,
    "ranking": None,
}


def in_bytes(contender: str, ratio: float, **others: Any) -> dict[str, Any]:
    told = {"model": "A128", "group": "int8", "error": ERROR, "median_ms": 0.2 * ratio}
    return line(contender, ratio, **told | others)


def test_lower_precision_is_told_with_its_error(report: ModuleType) -> None:
    table = report.markdown([line("neuralc", 1.0, model="A128"), in_bytes("neuralc-int8", 0.4)])
    assert "| NEURALC-INT8 | 2.50 | 0.06 | 0.03 | 0.99950 | 0.99980 |  |" in table


def test_a_fast_approximation_is_no_best_peer(report: ModuleType) -> None:
    lines = [line("neuralc", 1.0, model="A128"), line("ort", 1.5, model="A128")]
    table = report.markdown([*lines, in_bytes("ort-int8", 0.4)])
    assert "(A128 ORT 1.500 (1.400–1.600)): geometric mean 1.500." in table


@pytest.fixture
def goals(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("peer_goals")


def found(*lines: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(each["model"], each["contender"]): each for each in lines}


def test_goals_are_judged_and_those_not_measured_left_out(goals: ModuleType) -> None:
    rows = {each.what: each for each in goals.goals(found(line("neuralc", 1), line("ort", 1.25)))}
    assert list(rows) == [
        "over export + ONNX Runtime, D",
        "over the best peer, geometric mean of 1",
    ]
    assert rows["over export + ONNX Runtime, D"].row == (
        "| over export + ONNX Runtime, D | 1.3 | 1.250 (1.150–1.350) | no |"
    )
    assert rows["over the best peer, geometric mean of 1"].met


def test_the_best_accurate_peer_in_bytes_is_not_a_wrong_one(goals: ModuleType) -> None:
    wrong = in_bytes("torch-int8", 0.3, error=ERROR | {"rms_over_spread": 0.3})
    lines = [line("neuralc", 1.0, model="A128"), in_bytes("neuralc-int8", 0.5), wrong]
    lines += [in_bytes("ort-int8", 0.75), in_bytes("openvino-int8", 0.9)]
    rows = {each.what: each.reached for each in goals.goals(found(*lines))}
    assert rows["int8 over own fp32, A128"] == pytest.approx(1 / 0.5)
    assert rows["int8 over the best accurate peer (ORT-INT8), A128"] == pytest.approx(0.75 / 0.5)


def test_padding_is_compared_where_lengths_are_mixed(goals: ModuleType, models: ModuleType) -> None:
    lines = [line("neuralc", 1.0, model="M"), line("neuralc-padded", 1.75, model="M")]
    (goal,) = goals.goals(found(*lines))
    assert (goal.what, goal.reached, goal.met) == ("over our own padded file, M", 1.75, True)
    padded = importlib.import_module("contenders").CONTENDERS["neuralc-padded"]
    suited = [name for name, model in models.MODELS.items() if padded.suits(model)]
    assert suited == ["M"]


def test_ratios_are_of_rounds_where_these_are_told(goals: ModuleType) -> None:
    """Of the medians it would be 3 / 2."""
    own = line("neuralc-int8", 1.0, rounds_ms=[1.0, 2.0, 3.0])
    assert goals.ratio(line("ort", 1.0, rounds_ms=[3.0, 2.0, 3.0]), own)[0] == 1


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("peer_plan")


def test_peers_are_chosen_by_name_and_by_group(plan: ModuleType) -> None:
    assert plan.chosen_peers("ort,neuralc") == ["neuralc", "ort"]
    assert "openvino" in plan.chosen_peers("")
    assert "openvino-int8" not in plan.chosen_peers("")
    chosen = plan.chosen_peers("int8,ort")
    assert chosen[0] == "neuralc"
    assert {"neuralc-int8", "openvino-int8", "ort"} < set(chosen)
    assert "openvino" not in chosen
    with pytest.raises(SystemExit, match="no contender rot"):
        plan.chosen_peers("rot")
    with pytest.raises(SystemExit, match="no model B1"):
        plan.chosen_models("B1", ["A", "B"])


def test_rounds_fill_a_budget_within_bounds(plan: ModuleType) -> None:
    warm = {"fast": 10.0, "slow": 20.0}
    assert plan.runs_per_turn(warm, 0.1) == 10
    assert plan.round_seconds(warm, 10) == pytest.approx(11 * 0.03 + 2 * plan.SETTLE_SECONDS)
    assert plan.runs_per_turn({"slow": 9000.0}, 0.1) == 1
    assert plan.rounds_within(100, 10) == 10
    assert plan.rounds_within(-5, 10) == plan.LEAST_ROUNDS
    assert plan.rounds_within(1e6, 10) == plan.MOST_ROUNDS
    assert plan.shares({"A": 1.0, "B": 3.0}, 8) == {"A": 2, "B": 6}


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("gpu")


def test_without_a_gpu_nothing_is_measured_and_the_status_says_so(
    gpu: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    monkeypatch.setattr(sys, "argv", ["gpu.py"])
    assert gpu.main() == 3
    told = capsys.readouterr()
    assert told.out == ""
    assert "nothing was measured: this ONNX Runtime has no CUDA provider" in told.err
    assert gpu.missing("cpu") is None


def test_the_steps_on_a_gpu_run_on_the_cpu(tmp_path: Path) -> None:
    lines = tmp_path / "gpu.jsonl"
    asked = ["--provider", "cpu", "--precision", "fp32", "--models", "D", "--rounds", "3"]
    asked += ["--peers", "neuralc-gpu", "--turn", "0.01", "--output", str(lines)]
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "gpu.py"), *asked],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    told, figure = (json.loads(text) for text in lines.read_text(encoding="utf-8").splitlines())
    assert told["device"] == "no GPU, fp32"
    assert (figure["contender"], figure["status"]) == ("neuralc-gpu", "measured")
    assert figure["median_ms"] > 0
    assert len(figure["rounds_ms"]) == 3
