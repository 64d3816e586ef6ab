"""Formatting: from a program to the same program in its canonical layout.

In: a `Source`. Out: its text. Two spaces a level, one layer a line, arguments broken one a line
where they do not fit, comments kept where they stand. What comes out means the same, and stays as
it is when it is formatted again; both are made sure of before it is handed over.
"""

from __future__ import annotations

from ...ir.diagnostic import CompileError, Diagnostic, Severity
from ...ir.span import Span
from ..choosing.rewriting import at
from ..syntax import ast
from ..syntax.parser import parse
from ..syntax.source import Source
from .document import render
from .printer import Printer
from .tokens import tokenize

LINE_LENGTH = 88


def formatted(source: Source, line_length: int = LINE_LENGTH) -> str:
    """The program's text in its canonical layout, with `\\n` at the ends of lines.

    Raises `CompileError` with the syntax errors of a program that cannot be parsed, and E0520
    (a fault of the formatter) where the result would not mean the same.
    """
    program = parse(source)
    text = _laid_out(source.text, line_length)
    again = _laid_out(text, line_length)
    if not _same(program, text, source.name) or again != text or _lost(source.text, text):
        raise CompileError(
            (
                Diagnostic(
                    "E0520",
                    Severity.ERROR,
                    f"`{source.name}` was not formatted: the result would not be the same program",
                    notes=("this is a fault of neuralc, not of the program",),
                ),
            )
        )
    return text


def _laid_out(text: str, line_length: int) -> str:
    return render(Printer(tokenize(text)).program(), line_length)


def _same(program: ast.Program, text: str, name: str) -> bool:
    """Whether the text is the same program, apart from places."""
    nowhere = Span(name, 1, 1, 1, 1)
    try:
        other = parse(Source(name, text))
    except CompileError:
        return False
    return bool(at(program, nowhere) == at(other, nowhere))


def _lost(before: str, after: str) -> bool:
    """Whether a comment is missing; one may have moved behind another."""
    return _comments(before) != _comments(after)


def _comments(text: str) -> list[str]:
    words: list[str] = []
    for token in tokenize(text):
        for comment in (*token.before, *token.after):
            words += comment.text.split()
    return sorted(words)
