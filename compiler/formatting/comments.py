"""Comments, each in front of the word that follows it.

In: a text and its lexemes. Out: the lexemes that are printed, with the comments and line ends in
front of each in its `gap`, and one more at the end of the text that holds what is left.
"""

from __future__ import annotations

import re
from dataclasses import replace

from .lexemes import Comment, Gap, Lexeme

_COMMENT = re.compile(r"(?:#|//)[^\n]*|/\*[^*]*\*+(?:[^/*][^*]*\*+)*/")


def with_comments(text: str, lexemes: list[Lexeme]) -> list[Lexeme]:
    """The lexemes without dropped ones; a comment at a separator that is dropped stays on the side
    of it on which it stood, and a comma is printed before a comment that ends its line."""
    end = Lexeme("", "END", len(text), len(text), 0, begins_line=True)
    kept: list[Lexeme] = []
    pending = Gap()
    position = 0
    for lexeme in [*lexemes, end]:
        pending = _joined(pending, _scan(text, position, lexeme.start))
        position = lexeme.end
        if lexeme.dropped:
            comments = [replace(c, before_separator=True) for c in pending.comments]
            pending = Gap(comments, pending.newlines, separated=True)
        elif lexeme.kind == "COMMA" and pending.breaks:
            kept.append(lexeme)
        else:
            lexeme.gap, pending = pending, Gap()
            kept.append(lexeme)
    return kept


def columns(blank: str) -> int:
    """How far right a line begins whose first characters are `blank`; a tab counts up to the next
    multiple of eight."""
    return len(blank.expandtabs(8))


def moved(comment: str, column: int, before: int) -> list[str]:
    """The lines of a comment that stood at column `before` and is to stand at `column`: the lines
    behind the first move with it."""
    first, *rest = comment.split("\n")
    rest = [line.expandtabs(8).rstrip() for line in rest]
    common = min((len(r) - len(r.lstrip()) for r in rest if r), default=0)
    indentation = " " * max(0, column + common - before)
    lines = [first.rstrip() if rest else first]
    return lines + [indentation + line[common:] if line else "" for line in rest]


def _scan(text: str, start: int, end: int) -> Gap:
    between = text[start:end]
    if not between or between.isspace():
        return Gap(newlines=between.count("\n"))
    comments: list[Comment] = []
    position = 0
    for match in _COMMENT.finditer(between):
        newlines = between.count("\n", position, match.start())
        column = 0
        if newlines or "\n" in match[0]:
            # Not for every comment: a long line may hold many.
            offset = start + match.start()
            column = columns(text[text.rfind("\n", 0, offset) + 1 : offset])
        comments.append(Comment(match[0].rstrip(), newlines, column))
        position = match.end()
    return Gap(comments, between.count("\n", position))


def _joined(first: Gap, second: Gap) -> Gap:
    """Both, without what stood between them: it may have had a line of its own, which leaves no
    blank line."""
    separated = first.separated or second.separated
    if not second.comments:
        return Gap(first.comments, max(first.newlines, second.newlines), separated)
    head, *tail = second.comments
    head = replace(head, newlines=max(head.newlines, first.newlines))
    return Gap([*first.comments, head, *tail], second.newlines, separated)
