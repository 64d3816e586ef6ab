"""The progress line appears on a terminal after a while, and nowhere else."""

from __future__ import annotations

import io
import time

import pytest
from neuralc.compiler.cli import progress
from neuralc.compiler.cli.messages import Messages


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(
    messages: Messages,
    stream: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    patience: float,
    wait: float,
) -> str:
    """What is on the stream when the stage is named there, or after `wait` seconds."""
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", patience)
    with progress.Progress(messages) as bar:
        bar.stage("build")
        deadline = time.monotonic() + wait
        while "build" not in stream.getvalue() and time.monotonic() < deadline:
            time.sleep(0.02)
    return stream.getvalue()


def test_long_work_on_a_terminal_names_its_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert "build" in shown(Messages(), Terminal(), monkeypatch, 0.01, 5.0)


@pytest.mark.parametrize(
    ("messages", "stream", "patience"),
    [
        (Messages(), Terminal(), 60.0),
        (Messages(), io.StringIO(), 0.01),
        (Messages(quiet=True), Terminal(), 0.01),
        (Messages(format="json"), Terminal(), 0.01),
    ],
    ids=["short work", "no terminal", "quiet", "JSON"],
)
def test_otherwise_nothing_is_shown(
    messages: Messages, stream: io.StringIO, patience: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shown(messages, stream, monkeypatch, patience, 0.2) == ""
