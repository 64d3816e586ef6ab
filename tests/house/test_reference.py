"""The reference is what the compiler's tables say; every program in the documents is right."""

from __future__ import annotations

import re
from pathlib import Path

import neuralc
import pytest
from neuralc.compiler.checking.checker import CheckOptions, check
from neuralc.compiler.layers.spec import layers
from neuralc.compiler.reference.pages import layer_text, pages
from neuralc.compiler.syntax.parser import parse
from neuralc.compiler.syntax.source import Source
from neuralc.ir.diagnostic import Severity

ROOT = Path(neuralc.__file__).parent
FOLDER = ROOT / "docs" / "reference"


def test_the_pages_are_what_the_tables_say(request: pytest.FixtureRequest) -> None:
    made = pages()
    if request.config.getoption("--update"):
        FOLDER.mkdir(exist_ok=True)
        for old in FOLDER.glob("*.md"):
            old.unlink()
        for name, text in made.items():
            (FOLDER / name).write_text(text, "utf-8")
    assert {path.name for path in FOLDER.glob("*.md")} == set(made)
    for name, text in made.items():
        assert (FOLDER / name).read_text("utf-8") == text, (
            f"{name} lags: pytest --update {__file__}"
        )


def test_every_layer_is_on_one_page() -> None:
    text = "".join(text for name, text in pages().items() if name != "README.md")
    for spec in layers().values():
        assert text.count(f"## {spec.name}\n") == 1
        assert layer_text(spec) in text


def blocks() -> list[tuple[str, str]]:
    """The programs of the documents, apart from those of error pages, which have a test."""
    found = []
    for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]):
        if path.parent.name == "errors":
            continue
        text = path.read_text("utf-8")
        for number, program in enumerate(re.findall(r"^```neural\n(.*?)^```", text, re.M | re.S)):
            found.append((f"{path.relative_to(ROOT)}#{number}", program))
    return found


BLOCKS = blocks()


@pytest.mark.parametrize(("name", "program"), BLOCKS, ids=[name for name, _ in BLOCKS])
def test_every_program_of_the_documents_is_right(name: str, program: str) -> None:
    from neuralc.compiler.building.builder import build

    result = check(parse(Source(name, program)), CheckOptions(hpo_default=True))
    assert [d for d in result.diagnostics if d.severity is Severity.ERROR] == []
    for model in result.models:
        build(model)
