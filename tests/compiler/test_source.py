"""Reading programs from files and standard input, and what is said where that fails."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from neuralc.compiler.syntax.parser import parse
from neuralc.compiler.syntax.source import Source, read_source
from neuralc.ir.diagnostic import CompileError, ExitStatus


def failure_of(path: str) -> tuple[str, ExitStatus, str]:
    with pytest.raises(CompileError) as caught:
        parse(read_source(path))
    (diagnostic,) = caught.value.diagnostics
    return diagnostic.code, caught.value.status, diagnostic.message


def test_name_is_the_path_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.neural").write_text("Dense(1)")
    source = read_source("a.neural")
    assert (source.name, source.text) == ("a.neural", "Dense(1)")
    assert read_source(Path("a.neural")) == source


def test_byte_order_mark_and_line_ends(tmp_path: Path) -> None:
    file = tmp_path / "a.neural"
    file.write_bytes(b"\xef\xbb\xbfDense(1)\r\n# c\rReLU()\n")
    source = read_source(file)
    assert source.text == "Dense(1)\n# c\nReLU()\n"
    program = parse(source)
    assert [i.name.text for i in program.fragments[0].items] == ["Dense", "ReLU"]
    assert program.fragments[0].items[1].span.line == 3


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Dense(1)")))
    assert read_source("-") == Source("<stdin>", "Dense(1)")


def test_missing_file_suggests_a_neighbour(tmp_path: Path) -> None:
    (tmp_path / "model.neural").write_text("Dense(1)")
    with pytest.raises(CompileError) as caught:
        read_source(tmp_path / "modle.neural")
    assert caught.value.status is ExitStatus.SURROUNDINGS
    assert caught.value.diagnostics[0].code == "E0501"
    assert "model.neural" in (caught.value.diagnostics[0].help or "")


def test_surroundings(tmp_path: Path) -> None:
    assert failure_of(str(tmp_path))[:2] == ("E0502", ExitStatus.SURROUNDINGS)
    assert failure_of(str(tmp_path / "no" / "a.neural"))[:2] == ("E0501", ExitStatus.SURROUNDINGS)
    assert failure_of("a\0b")[:2] == ("E0503", ExitStatus.SURROUNDINGS)
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert failure_of(str(loop))[:2] == ("E0503", ExitStatus.SURROUNDINGS)


def test_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    assert failure_of("a.neural") == (
        "E0503",
        ExitStatus.SURROUNDINGS,
        "cannot read `a.neural`: Permission denied",
    )


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"", "E0101", "empty"),
        (b" \n\t", "E0101", "blanks and comments"),
        (b"# a\n// b\n/* c\n*/", "E0101", "blanks and comments"),
        (b"\x7fELF\x00\x00", "E0103", "binary"),
        (b"Dense(1)\nna\xefve", "E0103", "0xef in line 2"),
        (b"x" * 10_000_000, "E0104", "1 MB"),
    ],
)
def test_wrong_content(tmp_path: Path, content: bytes, code: str, words: str) -> None:
    file = tmp_path / "a.neural"
    file.write_bytes(content)
    found, status, message = failure_of(str(file))
    assert (found, status) == (code, ExitStatus.WRONG_PROGRAM)
    assert words in message


def test_a_text_over_the_limit_is_refused_like_a_file() -> None:
    assert parse(Source("a", "Dense(1)" + " " * 999_992)).fragments
    with pytest.raises(CompileError, match="1 MB"):
        parse(Source("a", "Dense(1)" + " " * 999_993))
    with pytest.raises(CompileError, match="1 MB"):
        parse(Source("a", "Dense(1) #" + "é" * 500_000))


def test_spans_from_offsets() -> None:
    source = Source("a", "ab\ncde\n\nf")
    span = source.span(4, 8)
    assert (span.line, span.column, span.end_line, span.end_column) == (2, 2, 4, 1)
    assert source.span(9, 9).column == 2
