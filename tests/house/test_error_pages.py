"""The pages in docs/errors: one for every code, with programs that do what the page says.

A page has a title, paragraphs, and either two programs (blocks `neural failing` and `neural
mended`, each with the options of the command line that it needs) or two series of commands (blocks
`console failing` and `console mended`), or it names the tests that cover its code. What a failing
block gives first is the page's code; what a mended block gives is no error, and not that code.

Commands run in a folder of their own that holds `model.neural`, and the blocks `neural NAME.neural`
of the page. `pytest --update` writes the index.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import neuralc
import pytest
from neuralc.ir.codes import CODES

ROOT = Path(neuralc.__file__).parent
FOLDER = ROOT / "docs" / "errors"
INDEX = FOLDER / "README.md"

MODEL = """network Model {
  input: (seq,)
  layers:
    Embedding(100, 8)
    TransformerEncoder(2)
    GlobalAveragePooling1D()
    Output(3)
}
"""

SPEAKING = ("neuralc", "neural check", "neural run")
"""Commands that can give their diagnostics as JSON."""


@dataclass(frozen=True)
class Outcome:
    status: int
    codes: list[str]
    """Of the diagnostics, errors first."""


@dataclass(frozen=True)
class Page:
    code: str
    text: str

    def block(self, kind: str) -> tuple[str, str] | None:
        """The options and the text of the block of that kind."""
        found = re.search(rf"^```{kind}(.*)\n((?:.*\n)*?)```$", self.text, re.MULTILINE)
        return (found[1].strip(), found[2]) if found else None

    @property
    def files(self) -> list[tuple[str, str]]:
        pattern = r"^```neural (\w+\.neural)\n((?:.*\n)*?)```$"
        return re.findall(pattern, self.text, re.MULTILINE)

    @property
    def tests(self) -> list[str]:
        line = re.search(r"^Tested by (.*)\.$", self.text, re.MULTILINE)
        return re.findall(r"`(tests/[\w/]+\.py)`", line[1]) if line else []


def pages() -> list[Page]:
    found = sorted(FOLDER.glob("[A-Z][0-9]*.md"))
    return [Page(path.stem, path.read_text("utf-8")) for path in found]


PAGES = pages()
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.code)


def run(capsys: pytest.CaptureFixture[str], words: list[str]) -> Outcome:
    """Runs `neural …` or `neuralc …` within this process."""
    from neuralc.compiler.cli import guard, neural, neuralc

    name, *arguments = words
    entry = {"neuralc": neuralc.command, "neural": neural.command}[name]
    if " ".join(words[:2]).startswith(SPEAKING):
        arguments.append("--diagnostics=json")
    capsys.readouterr()
    status = guard.run(entry, arguments, name)
    sys.stdout.flush()
    err = capsys.readouterr().err
    if "--diagnostics=json" in arguments and err.startswith("{"):
        told = json.loads(err)["diagnostics"]
        told.sort(key=lambda d: d["severity"] != "error")
        return Outcome(status, [d["code"] for d in told])
    return Outcome(status, re.findall(r"^\w+\[(\w+)\]", err, re.MULTILINE))


def run_all(capsys: pytest.CaptureFixture[str], commands: str) -> Outcome:
    """Runs commands, one a line; only the last may fail."""
    outcome = Outcome(0, [])
    for line in commands.splitlines():
        assert outcome.status == 0, outcome
        assert line.startswith("$ "), line
        words = shlex.split(line[2:])
        if words[0] in ("neural", "neuralc"):
            outcome = run(capsys, words)
        elif words[0] == "python":
            exec(words[2], {})
        else:
            subprocess.run(line[2:], shell=True, check=True)
    return outcome


def give(capsys: pytest.CaptureFixture[str], page: Page, kind: str) -> Outcome | None:
    program, commands = page.block(f"neural {kind}"), page.block(f"console {kind}")
    if program is not None:
        options, text = program
        Path("model.neural").write_text(text)
        words = ["neuralc", "model.neural", "-O0", "--emit=ir", "-o", "model.ir"]
        return run(capsys, words + shlex.split(options))
    return run_all(capsys, commands[1]) if commands is not None else None


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Page], None]:
    def make(page: Page) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        Path("model.neural").write_text(MODEL)
        for name, text in page.files:
            Path(name).write_text(text)

    return make


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert [page.code for page in PAGES] == sorted(CODES), "write docs/errors/CODE.md"


@every_page
def test_a_page_has_the_title_and_the_explanation_of_its_code(page: Page) -> None:
    title, _, rest = page.text.partition("\n\n")
    assert title == f"# {page.code}: {CODES[page.code].title}"
    first, _, more = rest.partition("\n\n")
    assert " ".join(first.split()) == CODES[page.code].explanation
    assert not more.startswith("```"), "a page says more than the explanation"


@every_page
def test_a_page_has_examples_or_names_tests(page: Page) -> None:
    examples = page.block("neural failing") or page.block("console failing")
    assert (examples is None) == bool(page.tests)
    for name in page.tests:
        assert page.code[0] == "R" or page.code in (ROOT / name).read_text("utf-8"), name


@every_page
def test_what_fails_gives_the_code_first(
    page: Page, folder: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    folder(page)
    outcome = give(capsys, page, "failing")
    if outcome is None:
        assert page.tests
        return
    if page.code[0] == "E":
        assert (outcome.codes[0], outcome.status > 0) == (page.code, True)
    else:
        assert page.code in outcome.codes
        assert outcome.status == 0


@every_page
def test_what_is_mended_gives_no_error(
    page: Page, folder: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    folder(page)
    outcome = give(capsys, page, "mended")
    if outcome is not None:
        assert page.code not in outcome.codes
        assert outcome.status == 0, outcome.codes


def index() -> str:
    from neuralc.ir.codes import GROUPS

    text = (
        "# What the messages mean\n\n"
        "One page for each code: what it means, a program or a command that gives it, and the same "
        "mended. `neural explain CODE` shows the page.\nCommands on the pages run where "
        f"`model.neural` is this program:\n\n```neural\n{MODEL}```\n"
    )
    for digits, title in GROUPS.items():
        rows = [(c, e.title) for c, e in CODES.items() if c[1:3] == digits]
        text += f"\n## {title}\n\n" + "".join(f"- [{c}]({c}.md) {t}\n" for c, t in rows)
    return text


def test_the_index_lists_all(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update"):
        INDEX.write_text(index(), "utf-8")
    assert INDEX.read_text("utf-8") == index()
