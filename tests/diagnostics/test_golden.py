"""The Markdown files beside this one: wrong programs in the ways people write them, and all that
`neural check` says about them.

A case is a second-level heading, a block `neural` (with the options of the command line that it
needs) and a block `text`. `pytest --update -n 0` writes what is said as the expectation; read it as
somebody would who wrote that program.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    file: Path
    heading: str
    options: str
    program: str
    expected: str


def cases() -> list[Case]:
    found = []
    for file in sorted(HERE.glob("*.md")):
        for section in re.split(r"^(?=## )", file.read_text("utf-8"), flags=re.MULTILINE)[1:]:
            heading = section.split("\n", 1)[0][3:]
            block = re.search(r"^```neural(.*)\n((?:.*\n)*?)```$", section, re.MULTILINE)
            assert block is not None, heading
            said = re.search(r"^```text\n((?:.*\n)*?)```$", section, re.MULTILINE)
            found.append(Case(file, heading, block[1].strip(), block[2], said[1] if said else ""))
    return found


CASES = cases()


def said(case: Case, capsys: pytest.CaptureFixture[str]) -> str:
    """What `neural check` prints."""
    from neuralc.compiler.cli import guard, neural

    Path("model.neural").write_text(case.program, "utf-8")
    words = ["check", "model.neural", "--color=never", *shlex.split(case.options)]
    status = guard.run(neural.command, words, "neural")
    sys.stdout.flush()
    text = capsys.readouterr().err
    assert status == (1 if "error[" in text else 0)
    return text


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file.stem}: {case.heading}")
def test_what_is_said(
    case: Case,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.chdir(tmp_path)
    text = said(case, capsys)
    if request.config.getoption("--update"):
        _update(case, text)
    else:
        assert text == case.expected


def diagnostics_of(program: str, options: str, capsys: pytest.CaptureFixture[str]) -> list[Any]:
    from neuralc.compiler.cli import guard, neural

    Path("model.neural").write_text(program, "utf-8")
    guard.run(neural.command, ["check", "model.neural", "--json", *shlex.split(options)], "neural")
    sys.stdout.flush()
    return list(json.loads(capsys.readouterr().out)["diagnostics"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file.stem}: {case.heading}")
def test_a_fix_removes_what_it_mends(
    case: Case,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each fix by itself: the diagnostic is gone, and none of the others has become one more."""
    monkeypatch.chdir(tmp_path)
    before = diagnostics_of(case.program, case.options, capsys)
    for diagnostic in before:
        for fix in diagnostic["fixes"]:
            lines = case.program.splitlines(keepends=True) or [""]
            starts = [sum(map(len, lines[:n])) for n in range(len(lines) + 1)]
            span = fix["span"]
            start = starts[span["line"] - 1] + span["column"] - 1
            end = starts[span["end_line"] - 1] + span["end_column"] - 1
            mended = case.program[:start] + fix["replacement"] + case.program[end:]
            after = diagnostics_of(mended, case.options, capsys)
            messages = [(d["code"], d["message"], d["span"] and d["span"]["line"]) for d in after]
            own = diagnostic["code"], diagnostic["message"], diagnostic["span"]["line"]
            assert messages.count(own) < [
                (d["code"], d["message"], d["span"] and d["span"]["line"]) for d in before
            ].count(own)


def _update(case: Case, text: str) -> None:
    whole = case.file.read_text("utf-8")
    start = whole.index(f"## {case.heading}\n")
    end = whole.find("\n## ", start)
    end = len(whole) if end < 0 else end + 1
    options = f" {case.options}" if case.options else ""
    section = f"## {case.heading}\n\n```neural{options}\n{case.program}```\n\n```text\n{text}```\n"
    separator = "\n" if end < len(whole) else ""
    case.file.write_text(whole[:start] + section + separator + whole[end:], "utf-8")


def test_headings_are_different() -> None:
    headings = [(case.file, case.heading) for case in CASES]
    assert len(set(headings)) == len(headings)


def test_every_program_is_wrong_or_doubtful() -> None:
    silent = [case.heading for case in CASES if "[" not in case.expected]
    assert silent == []
