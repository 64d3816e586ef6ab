"""-O3 on the command lines: its options, what it writes, what is shown of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from neuralc.compiler.cli import guard, progress
from neuralc.compiler.cli.messages import Messages
from neuralc.compiler.cli.neural import command

from .conftest import PROGRAM, Table, Use
from .test_tuner import FASTER


def neural(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    capsys.readouterr()
    status = guard.run(command, [str(each) for each in arguments], "neural")
    told = capsys.readouterr()
    return status, told.out, told.err


def test_a_record_is_written_taken_and_shown(
    use: Use, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program, record, model = (tmp_path / name for name in ("p.neural", "r.json", "m.onnx"))
    program.write_text(PROGRAM)
    table = use(Table(FASTER))
    base = ("compile", program, "-O3", "-o", model)
    given = ("--tuning-threads", 1, "--tuning-sizes", "batch=4", "--tuning-time", 9.5)
    status, _, err = neural(capsys, *base, "--save-tuning", record, *given)
    assert status == 0, err
    assert f"wrote {record}" in err
    told = json.loads(record.read_text(encoding="utf-8"))
    assert told["sizes"] == {"B": 4}
    assert told["machine"]["threads"] == 1
    measured = len(table.contests)
    first = model.read_bytes()

    assert neural(capsys, *base, "--tuning", record)[0] == 0
    assert model.read_bytes() == first
    assert len(table.contests) == measured

    status, out, _ = neural(capsys, "inspect", model)
    assert status == 0
    assert "3 × gelu(f32[24, 32]) {approximate = none} as primitive: gelu20 100 µs" in out
    assert "taken: measured" in out
    _, out, _ = neural(capsys, "inspect", model, "--json")
    assert json.loads(out)["tuning"] == told
    _, out, _ = neural(capsys, "compile", program, "-O3", "--no-tuning-cache", "--emit=target-ir")
    assert "erf" in out
    assert len(table.contests) > measured


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("-O2", "--save-tuning", "r.json"), "E0511"),
        (("--tuning-threads", "2"), "E0510"),
        (("-O3", "--tuning-sizes", "batch"), "E0510"),
        (("-O3", "--tuning", "none.json"), "E0501"),
    ],
)
def test_options_that_cannot_be(
    arguments: tuple[str, ...], code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "p.neural"
    program.write_text(PROGRAM)
    output = ("-o", tmp_path / "m.onnx")
    status, _, err = neural(capsys, "compile", program, *output, *arguments)
    assert status in (2, 3)
    assert code in err
    assert not (tmp_path / "m.onnx").exists()


def test_a_record_is_not_overwritten_by_the_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program, record = tmp_path / "p.neural", tmp_path / "r.onnx"
    program.write_text(PROGRAM)
    record.write_text("{}")
    status, _, err = neural(capsys, "compile", program, "-O3", "--tuning", record, "-o", record)
    assert status != 0
    assert "E0505" in err
    assert record.read_text() == "{}"


def test_passes_say_what_level_3_adds(capsys: pytest.CaptureFixture[str]) -> None:
    _, second, _ = neural(capsys, "passes", "-O", 2, "--json")
    _, third, _ = neural(capsys, "passes", "-O", 3, "--json")
    (at_2,), (at_3,) = (json.loads(each).values() for each in (second, third))
    differing = [b for a, b in zip(at_2, at_3, strict=True) if a != b]
    assert [each["pass"] for each in differing] == ["select_forms"]
    assert "this machine ran fastest" in differing[0]["reason"]


def test_the_bar_fills_while_choices_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", 60.0)
    with progress.Progress(Messages()) as bar:
        bar._appear()
        task = bar._bar.tasks[0]
        bar.stage("parse")
        assert task.total is None
        bar.stage("measure forms of gelu (1 of 2)", 0.25)
        assert (task.description, task.percentage) == ("measure forms of gelu (1 of 2)", 25.0)
        bar.stage("write")
        assert task.total is None
