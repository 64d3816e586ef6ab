"""Prints lexemes in the canonical layout.

In: the lexemes of a program with their comments. Out: text. What is in brackets stands in one line
where it fits; where it does not, or where a comment needs a line end, each item gets its own line:
the outermost brackets first, inner ones where that is not enough. Linear in the length of the text.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property
from itertools import accumulate

from .comments import columns, moved
from .lexemes import Comment, Gap, Group, Lexeme

_BLANK = re.compile(r"[^\S\n]*")

INDENT = 2
_CONTINUED = 2
"""Levels by which the rest of an item stands deeper after a comment has interrupted it."""


def laid_out(text: str, lexemes: list[Lexeme], line_length: int) -> str:
    """The lexemes of `text`, which end with the one of the text's end, as lines of at most
    `line_length` characters where their brackets allow it."""
    return _Printer(text, lexemes, line_length).print()


class _Printer:
    def __init__(self, text: str, lexemes: list[Lexeme], line_length: int) -> None:
        self.text = text
        self.lexemes = lexemes
        self.line_length = line_length
        self.out: list[str] = []
        self.column = 0
        self.level = 0
        self.widths = list(accumulate(_flat_width(lexeme) for lexeme in lexemes))
        self.tails = self._tails()

    # ---- what fits ---------------------------------------------------------------------------

    def _tails(self) -> dict[int, int]:
        """For each opening bracket up to which lexeme its line goes on if its items stay in it: the
        next behind its closing one that may begin a line, so that of brackets in a row the last are
        broken first. Also breaks the groups in which a comment or an item needs a line end."""
        tails: dict[int, int] = {}
        stack: list[tuple[int, Group]] = []
        closed: list[int] = []
        for index, lexeme in enumerate(self.lexemes):
            if lexeme.gap.breaks and stack:
                stack[-1][1].broken = True
            group = lexeme.group
            if lexeme.begins_line or (group is not None and not group.rigid):
                tails.update((opener, index) for opener in closed)
                closed.clear()
            if lexeme.closes is not None:
                opener, group = stack.pop()
                closed.append(opener)
                if (group.broken or group.hard) and stack:
                    stack[-1][1].broken = True
            if lexeme.opens is not None:
                stack.append((index, lexeme.opens))
        return tails

    def _fits(self, opener: int) -> bool:
        rest = self.widths[self.tails[opener] - 1] - self.widths[opener]
        return self.column + rest <= self.line_length

    # ---- printing ----------------------------------------------------------------------------

    def print(self) -> str:
        flat = 0  # how many groups around the present lexeme stand in one line
        before: Lexeme | None = None
        for index, lexeme in enumerate(self.lexemes):
            group = lexeme.closes
            if group is not None:
                if group.hard or group.broken:
                    self.level -= 1
                else:
                    flat -= 1
            if lexeme.begins_line or (lexeme.group is not None and lexeme.group.broken):
                self._begin_line(before, lexeme)
            else:
                self._go_on(before, lexeme)
            self._write(lexeme.text)
            group = lexeme.opens
            if group is not None:
                if not (group.hard or group.rigid or group.broken or flat):
                    group.broken = not self._fits(index)
                if group.hard or group.broken:
                    self.level += 1
                else:
                    flat += 1
            self.level += lexeme.deeper
            before = lexeme
        printed = "".join(self.out).rstrip("\n")
        return printed + "\n" if printed else ""

    def _begin_line(self, before: Lexeme | None, lexeme: Lexeme) -> None:
        """The comments in front of a lexeme that begins a line, and the indentation."""
        if lexeme.broken_comma or (lexeme.closes is not None and lexeme.comma):
            self._write(",")
        gap = lexeme.gap
        level = self.level + (lexeme.closes is not None)
        tail = before.tail_of if before is not None and before.deeper < 0 else None
        may_blank = lexeme.begins_line and before is not None and not _opens(before)
        blank_wanted = lexeme.apart and not _has_blank(gap)
        leads = _first_leading(before, gap)
        in_new_line = before is None
        deepest = level
        if tail is not None:
            assert before is not None
            deepest = level - before.deeper
        for number, comment in enumerate(gap.comments):
            joins = comment.newlines == 0 and number != leads
            if before is None and number == 0:
                pass
            elif joins:
                self._write("  " if comment.to_line_end else " ")
            else:
                blank = may_blank and (comment.newlines > 1 or blank_wanted)
                blank_wanted = False
                if tail is None or comment.column < self._indentation(tail):
                    deepest = level
                self._new_line(deepest, blank)
                in_new_line = True
            may_blank = lexeme.begins_line
            self._write_comment(comment)
            # Behind several lines a word would be hard to find.
            in_new_line = in_new_line and "\n" not in comment.text
        if lexeme.kind == "END" or (before is None and not gap.comments):
            return
        follows = gap.comments and gap.newlines == 0 and not gap.comments[-1].to_line_end
        if follows and in_new_line:
            self._write(" ")
            return
        blank = may_blank and lexeme.closes is None and (gap.newlines > 1 or blank_wanted)
        self._new_line(self.level, blank)

    def _go_on(self, before: Lexeme | None, lexeme: Lexeme) -> None:
        """The comments in front of a lexeme that goes on in the line, and the blank."""
        gap = lexeme.gap
        if not gap.comments:
            self._write("," + lexeme.space if lexeme.comma else lexeme.space)
            return
        breaks = gap.breaks
        comma = lexeme.comma
        opened = before is not None and before.opens is not None
        for number, comment in enumerate(gap.comments):
            if comma and not comment.before_separator:
                self._write(",")
                comma = False
            after_line = number > 0 and gap.comments[number - 1].to_line_end
            if after_line or (breaks and comment.newlines):
                self._new_line(self.level + _CONTINUED, False)
            elif number or not opened or lexeme.space:
                self._write("  " if comment.to_line_end else " ")
            self._write_comment(comment)
        if comma:
            self._write(",")
        if gap.comments[-1].to_line_end or gap.newlines:
            self._new_line(self.level + _CONTINUED, False)
        elif lexeme.closes is not None or lexeme.kind == "COMMA":
            self._write(lexeme.space)
        else:
            self._write(" ")

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer("\n", self.text))]

    def _indentation(self, lexeme: Lexeme) -> int:
        """How far right the line of a lexeme begins in the source."""
        start = self._line_starts[bisect_right(self._line_starts, lexeme.start) - 1]
        match = _BLANK.match(self.text, start)
        return columns(match[0]) if match else 0

    # ---- text --------------------------------------------------------------------------------

    def _write_comment(self, comment: Comment) -> None:
        if "\n" not in comment.text:
            self._write(comment.text)
            return
        self._write("\n".join(moved(comment.text, self.column, comment.column)))

    def _write(self, text: str) -> None:
        self.out.append(text)
        newline = text.rfind("\n")
        self.column = self.column + len(text) if newline < 0 else len(text) - newline - 1

    def _new_line(self, level: int, blank: bool) -> None:
        self.out.append("\n\n" if blank else "\n")
        self.column = 0
        self._write(" " * (INDENT * level))


def _flat_width(lexeme: Lexeme) -> int:
    """Characters of a lexeme and what stands before it where no line ends."""
    width = len(lexeme.space) + lexeme.comma + len(lexeme.text)
    gap = lexeme.gap
    if gap.comments and not gap.breaks:
        width += sum(1 + len(comment.text) for comment in gap.comments)
    return width


def _opens(lexeme: Lexeme) -> bool:
    return lexeme.opens is not None or lexeme.deeper > 0


def _has_blank(gap: Gap) -> bool:
    return gap.newlines > 1 or any(c.newlines > 1 for c in gap.comments)


def _first_leading(before: Lexeme | None, gap: Gap) -> int:
    """Which comment within a line is one on the item behind it, as in `a, /* on b */ b`, and so
    moves into the item's line; -1 for none."""
    if gap.breaks or before is None:
        return -1
    for number, comment in enumerate(gap.comments):
        behind = gap.separated and not comment.before_separator
        if behind or _opens(before) or before.kind == "COMMA":
            return number
    return -1
