"""Shared by the tests of the driver and the command lines."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

SMALL = """network Small {
  input: (6, 8)
  layers:
    TransformerEncoder(num_heads=2, d_model=8, dff=16)
    GlobalAveragePooling1D()
    Output(3, activation="softmax")
  loss: "categorical_crossentropy"
  optimizer: Adam(learning_rate=0.001)
}
"""


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    status: int
    out: str
    err: str


Command = Callable[..., Outcome]


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of a small program, in the working directory of the test."""
    monkeypatch.chdir(tmp_path)
    path = Path("small.neural")
    path.write_text(SMALL)
    return path


@pytest.fixture
def small_source() -> str:
    return SMALL


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `neuralc …` or `neural …` within this process."""

    def run(name: str, *arguments: object) -> Outcome:
        from neuralc.compiler.cli import guard, neural, neuralc

        entry = {"neuralc": neuralc.command, "neural": neural.command}[name]
        capsys.readouterr()
        status = guard.run(entry, [str(argument) for argument in arguments], name)
        sys.stdout.flush()
        captured = capsys.readouterr()
        return Outcome(status, captured.out, captured.err)

    return run
