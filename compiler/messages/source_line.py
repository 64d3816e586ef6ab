"""One line of a source as a terminal shows it.

In: a line of text and columns in it. Out: a `ShownLine`: text that is safe to print and no wider
than a terminal, and the terminal's column for each of the text's.

A tab, an accent and a wide character take another number of columns than one, control characters
none at all or worse. Markers under a line stay under their characters only if all this is counted.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

TAB_WIDTH = 4
MAX_WIDTH = 110
"""The most characters of a line that are shown; a longer one is cut around what is marked."""

_CONTEXT = 30
_CUT = "…"
# Characters that change the order in which a terminal shows its text.
_BIDIRECTIONAL = frozenset(
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
)


@dataclass(frozen=True, slots=True)
class ShownLine:
    """`text` shows the characters from column `first` of a line on; both count from 1.

    `starts[i]` is the terminal's column, from 0, of the i-th of them; the last entry is the end.
    """

    text: str
    first: int
    starts: tuple[int, ...]

    def column(self, column: int) -> int:
        """The terminal's column of the line's `column`, or that of the cut nearest to it."""
        return self.starts[min(max(column - self.first, 0), len(self.starts) - 1)]


def show_line(line: str, marked_from: int, marked_to: int) -> ShownLine:
    """`line`, cut so that its columns `marked_from` up to `marked_to` are seen if they fit."""
    first, last = 0, len(line)
    if len(line) > MAX_WIDTH:
        first = max(0, min(marked_from - 1 - _CONTEXT, marked_to - MAX_WIDTH + _CONTEXT))
        if marked_to - first > MAX_WIDTH:
            first = max(0, marked_from - 1 - _CONTEXT)
        first = min(first, len(line) - MAX_WIDTH)
        last = first + MAX_WIDTH
    shown = _CUT if first else ""
    column = len(shown)
    starts: list[int] = []
    for char in line[first:last]:
        starts.append(column)
        cell = " " * (TAB_WIDTH - column % TAB_WIDTH) if char == "\t" else printable(char)
        shown += cell
        column += width(cell)
    starts.append(column)
    return ShownLine(shown + (_CUT if last < len(line) else ""), first + 1, tuple(starts))


def printable(text: str) -> str:
    """`text`, with signs for characters that a terminal would obey or that no encoding has."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_printable(char) for char in text)


def _printable(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if 0xD800 <= code < 0xE000:
        return f"\\u{code:04x}"
    if char in _BIDIRECTIONAL or unicodedata.category(char) in ("Cc", "Zl", "Zp"):
        return "\ufffd"
    return char


def width(text: str) -> int:
    """The columns that a terminal gives to `text`."""
    if text.isascii():
        return len(text)
    return sum(_width(char) for char in text)


def _width(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1
