"""Diagnostics as people and programs read them.

In: diagnostics, and the source texts by the names that their spans give. Out: text for a terminal,
or one JSON document. Every message of neuralc is laid out here:

    error[E0111]: a comma is missing before `20`
      --> model.neural:4:14
       |
     4 |     Dense(10 20)
       |             -^^
       |             |
       |             put it here
       |
       = help: …

Carets underline the place that is wrong, dashes the places that labels speak of.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from ...ir.diagnostic import Diagnostic, Severity
from ...ir.span import Span
from .data import as_data
from .source_line import ShownLine, printable, show_line, width

MAX_MARKED_LINES = 4
"""Of a span over more lines, the first lines are shown and the rest is left out."""

_RESET = "\x1b[0m"
_BOLD = "\x1b[1m"
_FRAME = "\x1b[1;34m"
_LABEL = "\x1b[1;36m"
_SEVERITY = {
    Severity.ERROR: "\x1b[1;31m",
    Severity.WARNING: "\x1b[1;33m",
    Severity.NOTE: "\x1b[1;32m",
    Severity.REMARK: "\x1b[1;35m",
}


def render(
    diagnostics: Iterable[Diagnostic], sources: Mapping[str, str], *, color: bool = False
) -> str:
    """The diagnostics in their order, a blank line between them.

    `sources` maps the file names of spans to texts; a file that is not in it is only named. With
    `color` the text has ANSI escapes. Ends with a newline, unless there is nothing to say.
    """
    lines: dict[str, list[str]] = {}
    for name, text in sources.items():
        lines[name] = text.split("\n")
    blocks = [_Layout(d, lines, color).text() for d in diagnostics]
    return "\n".join(blocks)


def render_json(
    diagnostics: Iterable[Diagnostic], sources: Mapping[str, str] | None = None, **answers: Any
) -> str:
    """One JSON document: `{"diagnostics": […]}` (docs/diagnostics.md), and behind them what else a
    command was asked for."""
    return json.dumps({"diagnostics": as_data(diagnostics, sources or {}), **answers}, indent=2)


@dataclass(frozen=True, slots=True)
class _Mark:
    """The part of a span that lies in one line, with what is to be said at its end."""

    line: int
    start: int
    end: int
    """Columns, counted from 1; `end` is the first one behind."""
    primary: bool
    message: str


class _Layout:
    """The text of one diagnostic."""

    def __init__(self, diagnostic: Diagnostic, lines: Mapping[str, list[str]], color: bool) -> None:
        self.diagnostic = diagnostic
        self.lines = lines
        self.color = color
        self.marks = self._marks_by_file()
        numbers = [m.line for marks in self.marks.values() for m in marks]
        self.gutter = len(str(max(numbers))) if numbers else 1

    def text(self) -> str:
        diagnostic = self.diagnostic
        paint = _SEVERITY[diagnostic.severity]
        title = self._paint(paint, f"{diagnostic.severity.value}[{diagnostic.code}]")
        message = self._indented(diagnostic.message, 0)
        out = [title + self._paint(_BOLD, f": {message}")]
        places = [diagnostic.span] if diagnostic.span else []
        places += [label.span for label in diagnostic.labels]
        for index, file in enumerate(self.marks):
            arrow = "-->" if index == 0 else ":::"
            place = next(p for p in places if p.file == file)
            where = f"{printable(file)}:{place.line}:{place.column}"
            out.append(" " * (self.gutter + 1) + self._paint(_FRAME, arrow) + f" {where}")
            out += self._file(file)
        extra = [("note", note) for note in diagnostic.notes]
        if diagnostic.help is not None:
            extra.append(("help", diagnostic.help))
        if extra and self.marks:
            out.append(self._margin())
        for kind, text in extra:
            lead = " " * (self.gutter + 2) + self._paint(_FRAME, "=")
            body = self._indented(text, self.gutter + 6 + len(kind))
            out.append(f"{lead} {self._paint(_BOLD, kind)}: {body}")
        return "\n".join(out) + "\n"

    # ---- marks -----------------------------------------------------------------------------

    def _marks_by_file(self) -> dict[str, list[_Mark]]:
        """The marks in each file, that of the diagnostic itself first, sorted by place."""
        files: dict[str, list[_Mark]] = {}
        spans = [(self.diagnostic.span, True, "")] if self.diagnostic.span else []
        spans += [(label.span, False, label.message) for label in self.diagnostic.labels]
        for span, primary, message in spans:
            files.setdefault(span.file, []).extend(self._marks(span, primary, message))
        for marks in files.values():
            marks.sort(key=lambda m: (m.line, m.start, not m.primary, m.end))
        return files

    def _marks(self, span: Span, primary: bool, message: str) -> list[_Mark]:
        if span.end_line <= span.line:
            return [_Mark(span.line, span.column, span.end_column, primary, message)]
        last = min(span.end_line, span.line + MAX_MARKED_LINES - 1)
        marks: list[_Mark] = []
        for number in range(span.line, last + 1):
            line = self._line(span.file, number)
            start = span.column if number == span.line else len(line) - len(line.lstrip()) + 1
            end = span.end_column if number == span.end_line else len(line.rstrip()) + 1
            if start < end or number == span.line:
                marks.append(_Mark(number, start, end, primary, ""))
        marks[-1] = _Mark(marks[-1].line, marks[-1].start, marks[-1].end, primary, message)
        return marks

    def _line(self, file: str, number: int) -> str:
        lines = self.lines.get(file, [])
        return lines[number - 1] if number <= len(lines) else ""

    # ---- one file --------------------------------------------------------------------------

    def _file(self, file: str) -> list[str]:
        if file not in self.lines:
            return []
        out = [self._margin()]
        previous: int | None = None
        by_line: dict[int, list[_Mark]] = {}
        for mark in self.marks[file]:
            by_line.setdefault(mark.line, []).append(mark)
        for number, marks in by_line.items():
            if previous is not None and number > previous + 2:
                out.append(self._paint(_FRAME, "..."))
            elif previous is not None and number == previous + 2:
                out.append(self._source(number - 1, show_line(self._line(file, number - 1), 1, 1)))
            primary = next((m for m in marks if m.primary), marks[0])
            line = show_line(self._line(file, number), primary.start, primary.end)
            out.append(self._source(number, line))
            out += [self._margin(row) for row in self._marker_rows(line, marks)]
            previous = number
        return out

    def _source(self, number: int, line: ShownLine) -> str:
        head = self._paint(_FRAME, f"{number:>{self.gutter + 1}} |")
        return f"{head} {line.text}".rstrip()

    def _marker_rows(self, line: ShownLine, marks: list[_Mark]) -> list[str]:
        """The rows under a line: the markers, then the messages of labels that found no room."""
        cells: dict[int, bool] = {}
        for mark in marks:
            start = line.column(mark.start)
            end = max(line.column(mark.end), start + 1)
            for column in range(start, end):
                cells[column] = cells.get(column, False) or mark.primary
        row = ""
        for column in range(max(cells) + 1):
            row += " " if column not in cells else "^" if cells[column] else "-"
        speaking = [m for m in marks if m.message]
        # The last label stands in the row of the markers if nothing is marked to its right.
        inline = ""
        if speaking and max(line.column(speaking[-1].end), 1) >= max(cells):
            inline = " " + printable(speaking.pop().message)
        rows = [self._paint_markers(row) + self._paint(_LABEL, inline)]
        while speaking:
            mark = speaking.pop()
            columns = [line.column(m.start) for m in speaking]
            own = line.column(mark.start)
            rows.append(self._paint(_LABEL, _bars([*columns, own])))
            lead = _bars([c for c in columns if c < own])
            lead += " " * (own - width(lead))
            rows.append(self._paint(_LABEL, lead + printable(mark.message)))
        return rows

    def _paint_markers(self, row: str) -> str:
        if not self.color:
            return row
        paints = {"^": _SEVERITY[self.diagnostic.severity], "-": _LABEL}
        runs = ("".join(run) for _, run in groupby(row))
        return "".join(self._paint(paints.get(run[0], ""), run) for run in runs)

    # ---- pieces ----------------------------------------------------------------------------

    def _margin(self, text: str = "") -> str:
        frame = " " * (self.gutter + 2) + self._paint(_FRAME, "|")
        return f"{frame} {text}".rstrip() if text else frame

    def _indented(self, text: str, indent: int) -> str:
        return ("\n" + " " * indent).join(printable(line) for line in text.split("\n"))

    def _paint(self, paint: str, text: str) -> str:
        return f"{paint}{text}{_RESET}" if self.color and paint and text else text


def _bars(columns: list[int]) -> str:
    """A `|` in each of the terminal's columns."""
    return "".join("|" if c in columns else " " for c in range(max(columns, default=-1) + 1))
