"""The grammar itself, and its tables in the user's cache directory."""

from __future__ import annotations

import hashlib
import logging
import marshal
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lark
import pytest
from neuralc.compiler.syntax import grammar_cache
from neuralc.compiler.syntax.grammar_cache import GRAMMAR_FILE, cache_file, load_parser
from neuralc.compiler.syntax.parser import parse
from neuralc.compiler.syntax.source import Source
from neuralc.ir.diagnostic import CompileError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache directory, and no tables in memory, before and after."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    load_parser.cache_clear()
    yield tmp_path / "cache"
    load_parser.cache_clear()


def table_file() -> Path:
    file = cache_file(GRAMMAR_FILE.read_bytes())
    assert file is not None
    return file


def parses() -> bool:
    load_parser.cache_clear()
    return len(parse(Source("a", "network A { layers: Dense(1) }")).networks) == 1


def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Records each time that tables are computed."""
    made: list[str] = []

    class Watched(lark.Lark):
        def __init__(self, grammar: str, **options: object) -> None:
            made.append("built")
            super().__init__(grammar, **options)

    monkeypatch.setattr(grammar_cache.lark, "Lark", Watched)
    return made


def test_grammar_has_no_conflicts() -> None:
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    level = lark.logger.level
    lark.logger.addHandler(handler)
    lark.logger.setLevel(logging.DEBUG)
    try:
        lark.Lark(GRAMMAR_FILE.read_text("utf-8"), parser="lalr", start=["file"], debug=True)
        assert messages == []
        lark.Lark('start: start "+" start | "a"', parser="lalr", debug=True)
        assert any("conflict" in message for message in messages)
    finally:
        lark.logger.setLevel(level)
        lark.logger.removeHandler(handler)


def test_every_terminal_has_a_name() -> None:
    parser = lark.Lark(GRAMMAR_FILE.read_text("utf-8"), parser="lalr", start=["file"])
    defined = set(re.findall(r"(?m)^([A-Z_]+)(?:\.-?\d)?:", GRAMMAR_FILE.read_text("utf-8")))
    assert {terminal.name for terminal in parser.terminals} == defined


def test_tables_are_kept_and_used(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = built(monkeypatch)
    assert parses()
    assert made == ["built"]
    assert [p.name for p in (home / "neuralc").iterdir()] == [table_file().name]
    assert table_file().stat().st_mode & 0o077 == 0
    assert parses()
    assert made == ["built"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"rubbish",
        b"\0" * 100_000,
        hashlib.sha256(b"rubbish").digest() + b"rubbish",
        hashlib.sha256(marshal.dumps(({}, {}))).digest() + marshal.dumps(({}, {})),
        hashlib.sha256(marshal.dumps(3)).digest() + marshal.dumps(3),
    ],
    ids=["empty", "short", "zeros", "no data", "no tables", "a number"],
)
def test_damaged_tables_are_made_anew(
    home: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    assert parses()
    table_file().write_bytes(content)
    made = built(monkeypatch)
    assert parses()
    assert made == ["built"]
    assert parses()
    assert made == ["built"]


def test_tables_cut_short_are_made_anew(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert parses()
    table_file().write_bytes(table_file().read_bytes()[:-1])
    made = built(monkeypatch)
    assert parses()
    assert made == ["built"]


def test_no_cache_directory(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.write_text("a file where the directory should be")
    assert parses()
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(
        Path, "home", classmethod(lambda cls: (_ for _ in ()).throw(RuntimeError()))
    )
    assert cache_file(b"") is None
    assert parses()


def test_a_full_disk_leaves_nothing_behind(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    assert parses()
    assert list((home / "neuralc").iterdir()) == []


def test_relative_cache_directories_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    file = cache_file(b"")
    assert file is not None
    assert file.is_absolute()


def test_other_grammars_have_other_files() -> None:
    assert cache_file(b"a") != cache_file(b"b")


def test_processes_at_once(home: Path) -> None:
    code = "from neuralc.compiler.syntax.parser import parse\n"
    code += "from neuralc.compiler.syntax.source import Source\n"
    code += "print(len(parse(Source('a', 'Dense(1)')).fragments))"
    runs = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(4)
    ]
    assert [run.communicate(timeout=60)[0] for run in runs] == [b"1\n"] * 4
    assert [p.name for p in (home / "neuralc").iterdir()] == [table_file().name]


def test_threads_at_once() -> None:
    def attempt(number: int) -> str:
        text = f"network N{number} {{ layers: " + "Dense(1) " * 200
        if number % 2:
            with pytest.raises(CompileError):
                parse(Source(f"s{number}", text))
            return f"N{number}"
        program = parse(Source(f"s{number}", text + "}"))
        assert program.span.file == f"s{number}"
        return program.networks[0].name.text

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(attempt, range(32))) == [f"N{i}" for i in range(32)]
