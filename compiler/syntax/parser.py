"""Source text to AST.

In: a `Source`. Out: a `Program`, or a CompileError whose diagnostics name every syntax error that
could be told apart from the consequences of another.

lark is loaded at the first parse, with the tables of the grammar from `grammar_cache`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
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

_MISREAD = ("E0110", "E0112", "E0117")
"""Codes of errors found in a program that could be parsed, but as something else."""

_BLANK = re.compile(r"(?:\s+|#[^\n]*|//[^\n]*|/\*[^*]*\*+(?:[^/*][^*]*\*+)*/)*")


class SyntaxErrors(CompileError):
    """The syntax errors of a program. `rest` is the program without the parts that are wrong, where
    these could be told from the others."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...], rest: ast.Program | None) -> None:
        super().__init__(diagnostics)
        self.rest = rest


def parse(source: Source) -> ast.Program:
    """Parse a whole program.

    Raises SyntaxErrors (exit status 1) with codes E01xx: the first error first, later ones where
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
    gaps: list[Span] = []
    guessed: list[Span] = []
    parsed = 0
    while True:
        parsed += len(text)
        program: ast.Program | None
        program, problems, region = _attempt(source, text, scan_brackets(text))
        new = [p for p in problems if (p.code, p.span) not in found]
        for problem in new:
            found[problem.code, problem.span] = problem
            if problem.code == "E0119" and problem.span is not None:
                gaps.append(problem.span)
        if program is not None and not found:
            return program
        if program is not None and any(p.code in _MISREAD for p in new):
            # What was parsed is something else than what was meant.
            program = None
        if program is not None or len(found) >= MAX_SYNTAX_ERRORS or parsed > _MAX_PARSED:
            break
        repaired = _repaired(source, text, new[-1]) if new else None
        if repaired is not None:
            text = repaired
            if new[-1].code == "E0105" and new[-1].fixes[0].replacement == "}":
                guessed.append(new[-1].fixes[0].span)
        elif region is not None:
            start, end = region
            gaps.append(source.span(start, end))
            blanked = text[:start] + re.sub(r"[^\n]", " ", text[start:end]) + text[end:]
            if blanked == text:  # what is wrong is not what could be left out
                break
            text = blanked
        else:
            break
    if program is not None and (gaps or guessed):
        from .damage import with_gaps

        program = with_gaps(program, gaps, guessed)
    told = within(source, _independent(found.values()))
    raise SyntaxErrors(tuple(sorted(told, key=_position)), program)


def within(source: Source, diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Diagnostics about a text that was completed at its end, with the places that they would have
    behind that end put to it."""
    lines = [len(line) + 1 for line in source.text.split("\n")]

    def inside(span: Span) -> Span:
        line, end_line = min(span.line, len(lines)), min(span.end_line, len(lines))
        column, end = min(span.column, lines[line - 1]), min(span.end_column, lines[end_line - 1])
        if (line, column, end_line, end) == (
            span.line,
            span.column,
            span.end_line,
            span.end_column,
        ):
            return span
        return Span(span.file, line, column, end_line, end)

    return [
        replace(
            each,
            span=inside(each.span) if each.span is not None else None,
            labels=tuple(replace(label, span=inside(label.span)) for label in each.labels),
            fixes=tuple(replace(fix, span=inside(fix.span)) for fix in each.fixes),
        )
        for each in diagnostics
    ]


def _independent(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The errors without those found later in the line of a wrong bracket, which may be nothing but
    its consequences."""
    kept: list[Diagnostic] = []
    for each in found:
        if each.span is None or each.span.line not in lines_of_brackets(kept):
            kept.append(each)
    return kept


def lines_of_brackets(diagnostics: Iterable[Diagnostic]) -> set[int]:
    """The lines in which a bracket is wrong."""
    return {d.span.line for d in diagnostics if d.span and d.code in ("E0105", "E0106")}


def _repaired(source: Source, text: str, problem: Diagnostic) -> str | None:
    """The text with the first fix of an error, if that moves no character: only then do the spans
    of what is read next fit the source."""
    if not problem.fixes:
        return None
    fix = problem.fixes[0]
    start, end = source.offsets(fix.span)
    if start == end and len(fix.replacement) == 1:
        # A blank makes room; the end of a line does not, since tokens count lines.
        blank = re.compile(r"\n*([^\S\n]|\Z)").match(text, start)
        if blank is None:
            return None
        start, end = blank.start(1), blank.start(1) + 1
    if len(fix.replacement) > end - start:
        return None
    return text[:start] + fix.replacement.ljust(end - start) + text[end:]


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
        from . import error_recovery, syntax_errors

        problem = syntax_errors.explain_fault(source, scan.fault)
        region = None
        if scan.fault.kind == "string":
            region = error_recovery.line_of(text, scan.fault.offset)
        return None, [problem], region
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
