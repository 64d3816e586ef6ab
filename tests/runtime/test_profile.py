"""Profiles are told by layer and source line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from neuralc.ir.diagnostic import CompileError
from neuralc.runtime.profile import read_profile
from neuralc.runtime.session import open_session

PLACES = {"encoder[0]/attention/matmul": "m.neural:4:5", "encoder[0]/ffn/add": "m.neural:4:5"}


def event(name: str, microseconds: int, op: str = "MatMul", cat: str = "Node") -> dict[str, object]:
    return {
        "cat": cat,
        "name": name,
        "dur": microseconds,
        "args": {"op_name": op, "provider": "CPUExecutionProvider"},
    }


def write(path: Path, events: list[dict[str, object]]) -> Path:
    path.write_text(json.dumps(events))
    return path


def test_the_first_run_is_left_out_and_the_others_averaged(tmp_path: Path) -> None:
    name = "encoder[0]/attention/matmul_kernel_time"
    path = write(tmp_path / "p.json", [event(name, 1000), event(name, 10), event(name, 20)])
    profile = read_profile(path, PLACES)
    (node,) = profile.nodes
    assert profile.runs == 2
    assert (node.microseconds, node.op, node.provider) == (15.0, "MatMul", "cpu")
    assert (node.layer, node.place) == ("encoder[0]/attention", "m.neural:4:5")


def test_nodes_that_the_runtime_has_made_from_ours_keep_the_place(tmp_path: Path) -> None:
    events = [
        event("encoder[0]/ffn/add_fused_1_kernel_time", 5, "Gemm"),
        event("InsertedPrecisionFreeCast_x_kernel_time", 1, "Cast"),
    ]
    fused, foreign = read_profile(write(tmp_path / "p.json", events), PLACES).nodes
    assert (fused.layer, fused.place) == ("encoder[0]/ffn", "m.neural:4:5")
    assert foreign.place == ""


def test_layers_are_listed_slowest_first(tmp_path: Path) -> None:
    events = [
        event("encoder[0]/ffn/add_kernel_time", 5, "Add"),
        event("encoder[0]/attention/matmul_kernel_time", 7),
        event("SequentialExecutor::Execute", 99, cat="Session"),
    ]
    profile = read_profile(write(tmp_path / "p.json", events), PLACES)
    assert [(t.layer, t.op, t.count) for t in profile.by_layer()] == [
        ("encoder[0]/attention", "MatMul", 1),
        ("encoder[0]/ffn", "Add", 1),
    ]
    assert profile.microseconds == 12
    assert [t["op"] for t in profile.as_json()["layers"]] == ["MatMul", "Add"]


@pytest.mark.parametrize("text", ["", "{}", "[1]", '[{"cat": "Node"'])
def test_another_file_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text(text)
    with pytest.raises(CompileError, match="E0718"):
        read_profile(path, {})


def test_a_real_profile_is_read(model_bytes: Callable[..., bytes], tmp_path: Path) -> None:
    session = open_session(model_bytes(), provider="cpu", profile=tmp_path / "profile")
    for _ in range(3):
        session.run({"x": np.ones((1, 3, 4), np.float32), "mask": np.ones((1, 3), np.int64)})
    profile = read_profile(session.end_profiling(), {"dense[0]/matmul": "m.neural:3:5"})
    times = {node.name: node for node in profile.nodes}
    assert profile.runs == 2
    assert times["dense[0]/matmul"].place == "m.neural:3:5"
    assert times["dense[0]/relu"].op == "Relu"
