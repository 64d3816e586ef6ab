"""Shared by the tests of -O3: a stopwatch that reads its times from a table, an empty cache."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import onnx
import pytest
from neuralc.compiler.tuning import tuning
from neuralc.compiler.tuning.stopwatch import Contest, Rounds

PROGRAM = """network Small {
  input: (6, 16)
  layers:
    TransformerEncoder(num_heads=2, d_model=16, dff=32, activation="gelu") * 3
    GlobalAveragePooling1D()
    Dense(4)
}
"""


@dataclass
class Table:
    """Microseconds by contender. What is not in it takes 100."""

    times: Mapping[str, float] = field(default_factory=dict)
    contests: list[str] = field(default_factory=list)
    refused: tuple[str, ...] = ()
    """Contenders that the runtime cannot run."""

    def measure(self, contest: Contest, seconds: float, rounds: tuple[int, int]) -> Rounds:
        self.contests.append(contest.what)
        for lowered in contest.contenders.values():
            inputs = {each.name for each in lowered().model.graph.input}
            assert inputs == set(contest.inputs)
        return {
            name: [self.times.get(name, 100.0)] * rounds[0]
            for name in contest.contenders
            if name not in self.refused
        }

    def close(self) -> None:
        self.contests.append("closed")


Use = Callable[[Table], Table]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Use:
    """Lets -O3 read its times from a table, and keep them in an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def take(table: Table) -> Table:
        monkeypatch.setattr(tuning, "ProcessStopwatch", lambda provider, threads: table)
        return table

    return take


def kernels(model: bytes) -> dict[str, int]:
    """How many nodes of each operator a compiled model has."""
    found: dict[str, int] = {}
    for node in onnx.load_model_from_string(model).graph.node:
        found[node.op_type] = found.get(node.op_type, 0) + 1
    return found
