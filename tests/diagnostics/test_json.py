"""Diagnostics as JSON: the schema, the places, the mends."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import jsonschema
import neuralc
import pytest

SCHEMA = json.loads(
    (Path(neuralc.__file__).parent / "docs" / "diagnostics.schema.json").read_text("utf-8")
)
WRONG = """network Model {
  input: (16, 512)
  layers:
    /* 😀é */ TransformerEncoder(num_heads=7)
    Dense(128 activatoin="relu")
}
"""


def told(capsys: pytest.CaptureFixture[str], program: str, *options: str) -> dict[str, Any]:
    from neuralc.compiler.cli import guard, neural

    Path("model.neural").write_bytes(program.encode())
    guard.run(neural.command, ["check", "model.neural", *options], "neural")
    sys.stdout.flush()
    captured = capsys.readouterr()
    return dict(json.loads(captured.out if "--json" in options else captured.err))


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("option", ["--json", "--diagnostics=json"])
def test_the_document_keeps_to_its_schema(capsys: pytest.CaptureFixture[str], option: str) -> None:
    document = told(capsys, WRONG, option)
    jsonschema.validate(document, SCHEMA)
    codes = [d["code"] for d in document["diagnostics"]]
    assert codes == ["E0213", "E0111", "E0204"]
    assert all(d["fixes"] for d in document["diagnostics"])


def test_places_are_counted_in_three_ways(capsys: pytest.CaptureFixture[str]) -> None:
    first = told(capsys, WRONG, "--json")["diagnostics"][0]["span"]
    line = WRONG.splitlines()[3]
    assert first["column"] == line.index("7") + 1
    assert first["utf16_column"] == first["column"] + 1
    assert WRONG[first["offset"] : first["end_offset"]] == "7"
    assert first["end_utf16_column"] == first["utf16_column"] + 1


def test_offsets_count_line_ends_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    plain = told(capsys, WRONG, "--json")
    assert told(capsys, "\ufeff" + WRONG.replace("\n", "\r\n"), "--json") == plain


def test_messages_about_no_place_have_none(capsys: pytest.CaptureFixture[str]) -> None:
    document = told(capsys, "", "--json")
    jsonschema.validate(document, SCHEMA)
    assert document["diagnostics"][0]["span"] is None
