"""Source text to AST.

In: a `Source`. Out: a `Program`, or a CompileError whose diagnostics name every syntax error that
could be told apart from the consequences of another.

lark is loaded at the first parse, with the tables of the grammar from `grammar_cache`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ...ir.diagnostic import CompileError, Diagnostic, Severity
from ...ir.span import Span
from . import ast
from .brackets import scan_brackets
from .source import MAX_SOURCE_BYTES, Source

if TYPE_CHECKING:
    from .brackets import BracketScan

MAX_SYNTAX_ERRORS = 20
_MAX_PARSED = 500_000
"""Characters read after which no more errors are looked for, so that no text takes long."""

_BLANK = re.compile(r"(?:\s+|#[^\n]*|//[^\n]*|/\*[^*]*\*+(?:[^/*][^*]*\*+)*/)*")


def parse(source: Source) -> ast.Program:
    """Parse a whole program.

    Raises CompileError (exit status 1) with codes E01xx: the first error first, later ones where
    the text between them can be read without the first.
    """
    text = source.text
    # Four bytes are the most that a character takes, so most texts are never encoded to be counted.
    if len(text) * 4 > MAX_SOURCE_BYTES and len(text.encode("utf-8", "replace")) > MAX_SOURCE_BYTES:
        raise _error("E0104", "the program is larger than 1 MB", None)
    if _blank_up_to(text) == len(text):
        raise _error(
            "E0101",
            f"`{source.name}` holds no program"
            + (", only blanks and comments" if text else ": it is empty"),
            None,
            help="a program has a `network NAME { input: … layers: … }`, or bare layers",
        )
    found: dict[tuple[str, Span | None], Diagnostic] = {}
    parsed = 0
    while True:
        parsed += len(text)
        scan = scan_brackets(text)
        program: ast.Program | None
        program, problems, region = _attempt(source, text, scan)
        for problem in problems:
            found.setdefault((problem.code, problem.span), problem)
        if program is not None and not found:
            return program
        if region is None or len(found) >= MAX_SYNTAX_ERRORS or parsed > _MAX_PARSED:
            raise CompileError(tuple(sorted(found.values(), key=_position)))
        start, end = region
        text = text[:start] + re.sub(r"[^\n]", " ", text[start:end]) + text[end:]


def parse_expression(text: str, name: str = "<expression>") -> ast.Expression:
    """Parse one value, like the text of a quoted optimizer or of a command line's `--set`.

    Spans count from the beginning of `text`. Raises CompileError with codes E01xx.
    """
    source = Source(name, text)
    if _blank_up_to(source.text) == len(source.text):
        raise _error("E0120", "a value is missing: the text is empty", None)
    value: ast.Expression
    value, problems, _ = _attempt(source, source.text, scan_brackets(source.text), "expression")
    if problems:
        raise CompileError(tuple(problems))
    return value


def _attempt(
    source: Source, text: str, scan: BracketScan, start: str = "file"
) -> tuple[Any, list[Diagnostic], tuple[int, int] | None]:
    """One parse of `text`, the source's text with wrong parts blanked.

    Out: what the rule `start` builds, or None; the errors; and the part of the text to be blanked
    if parsing shall go on without it.
    """
    from lark.exceptions import UnexpectedInput

    from .grammar_cache import run_parser
    from .tree_builder import TreeBuilder

    # What explains errors is loaded where there is one: most programs have none.
    if scan.fault and scan.fault.kind in ("nesting", "string", "comment"):
        from . import syntax_errors

        return None, [syntax_errors.explain_fault(source, scan.fault)], None
    builder = TreeBuilder(source)
    try:
        result = run_parser(text, start, builder)
    except UnexpectedInput as error:
        from . import error_recovery, syntax_errors

        problem = syntax_errors.explain(source, text, scan, error)
        region = error_recovery.recoverable_region(text, scan, error)
        return None, [*builder.problems, problem], region
    except CompileError as error:
        return None, [*builder.problems, *error.diagnostics], None
    return result, builder.problems, None


def _blank_up_to(text: str) -> int:
    match = _BLANK.match(text)
    return match.end() if match else 0


def _position(diagnostic: Diagnostic) -> tuple[int, int]:
    span = diagnostic.span
    return (span.line, span.column) if span else (0, 0)


def _error(code: str, message: str, span: Span | None, help: str | None = None) -> CompileError:
    return CompileError((Diagnostic(code, Severity.ERROR, message, span, help=help),))
