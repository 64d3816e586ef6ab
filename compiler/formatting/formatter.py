"""Formatting: from a program to the same program in its canonical layout.

In: a `Source`. Out: its text. Two spaces a level, one layer a line, arguments broken one a line
where they do not fit, comments kept where they stand. What comes out means the same, and stays as
it is when it is formatted again; both are made sure of before it is handed over.
"""

from __future__ import annotations

from ...ir.diagnostic import CompileError, Diagnostic, ExitStatus, Severity, failure
from ..syntax import ast
from ..syntax.parser import parse
from ..syntax.source import MAX_SOURCE_BYTES, Source
from .comments import with_comments
from .layout import laid_out
from .lexemes import Lexeme
from .meaning import same_program

LINE_LENGTH = 88


def formatted(source: Source, line_length: int = LINE_LENGTH) -> str:
    """The program's text in its canonical layout, with `\\n` at the ends of lines.

    Raises `CompileError` with the syntax errors of a program that cannot be parsed, E0104 where the
    result would be larger than a program may be, and E0520 (a fault of the formatter) where it
    would not mean the same.
    """
    program = parse(source)
    words = _words(source.text)
    text = laid_out(source.text, words, line_length)
    if len(text.encode()) > MAX_SOURCE_BYTES:
        raise failure(
            "E0104",
            f"`{source.name}` was not formatted: the result would be larger than 1 MB",
            status=ExitStatus.WRONG_PROGRAM,
        )
    if not _is_safe(program, words, text, line_length):
        raise CompileError(
            (
                Diagnostic(
                    "E0520",
                    Severity.ERROR,
                    f"`{source.name}` was not formatted: the result would not be the same program",
                    notes=("this is a fault of neuralc, not of the program",),
                ),
            ),
            ExitStatus.COMPILER_FAULT,
        )
    return text


def _words(text: str) -> list[Lexeme]:
    # Loads lark, which whoever only asks for the line length does not need.
    from .concrete import lexemes_of

    return with_comments(text, lexemes_of(text))


def _is_safe(program: ast.Program, words: list[Lexeme], text: str, line_length: int) -> bool:
    """Whether the text is the program, has its comments in their order, and is canonical."""
    try:
        other = parse(Source("formatted", text))
    except CompileError:
        return False
    again = _words(text)
    return (
        same_program(program, other)
        and _comments(words) == _comments(again)
        and laid_out(text, again, line_length) == text
    )


def _comments(words: list[Lexeme]) -> list[list[str]]:
    return [comment.text.split() for word in words for comment in word.gap.comments]
