"""The documents name what there is: layers, commands, options, files."""

from __future__ import annotations

import re
from pathlib import Path

import click
import neuralc
import pytest
from neuralc.compiler.cli.neural import COMMANDS
from neuralc.compiler.cli.neural import command as neural
from neuralc.compiler.cli.neuralc import EMITS
from neuralc.compiler.layers.pending import PENDING
from neuralc.compiler.layers.spec import layers

ROOT = Path(neuralc.__file__).parent
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
LANGUAGE = (ROOT / "docs" / "language.md").read_text("utf-8")
CLI = (ROOT / "docs" / "cli.md").read_text("utf-8")


def named(name: str, text: str) -> bool:
    return re.search(rf"\b{re.escape(name)}\b", text) is not None


def test_the_language_s_page_names_every_layer_on_its_side() -> None:
    compiled, pending = LANGUAGE.split("known but do not compile yet")
    compiled = compiled.split("## Layers that compile")[1]
    assert [name for name in layers() if not named(name, compiled)] == []
    assert [name for name in PENDING if not named(name, pending)] == []
    assert [name for name in PENDING if named(name, compiled)] == []


def test_the_command_lines_page_names_every_command_and_result() -> None:
    assert [name for name in neural.commands if f"`neural {name}" not in CLI] == []
    assert [emit for emit in EMITS if f"| `{emit}`" not in CLI] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_lines_page_names_every_option(name: str) -> None:
    command = neural.get_command(None, name)
    options = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
    missing = [
        option.opts
        for option in options
        if not any(re.search(rf"(?<![\w-]){each}(?![a-z-])", CLI) for each in option.opts)
    ]
    assert missing == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files(path: Path) -> None:
    text = path.read_text("utf-8")
    targets = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text)]
    local = [target for target in targets if target and "://" not in target]
    assert [target for target in local if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_are_named_exist(path: Path) -> None:
    """`compiler/driver.py` and the like, in code or in text; names with <…> are patterns."""
    rooms = "ir|compiler|passes|lowering|runtime|tests|examples|benchmarks|docs"
    named_files = re.findall(rf"(?<![\w/<])(?:{rooms})/[\w/]+\.\w+", path.read_text("utf-8"))
    assert [name for name in named_files if not (ROOT / name).exists()] == []
