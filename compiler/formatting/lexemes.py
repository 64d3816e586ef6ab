"""The words of a program and where each may begin a line.

In: nothing. Out: `Lexeme`, `Group` and `Comment`, which the concrete syntax fills in and the layout
reads.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment in front of a lexeme."""

    text: str
    newlines: int
    """Line ends between it and what stands before it."""
    column: int
    """Columns in front of it in the source, where it begins a line or is several lines long."""
    before_separator: bool = False
    """Whether a separator that is not printed follows it."""

    @property
    def to_line_end(self) -> bool:
        """Whether it ends with its line, as `#` and `//` do."""
        return not self.text.startswith("/*")


@dataclass(slots=True)
class Gap:
    """What stands between two lexemes in the source: comments and line ends."""

    comments: list[Comment] = field(default_factory=list)
    newlines: int = 0
    """Line ends behind the last comment."""
    separated: bool = False
    """Whether a separator that is not printed stood here."""

    @property
    def breaks(self) -> bool:
        """Whether a comment needs a line end where it stands: one that lasts up to the end of its
        line, is several lines long, or ends a line in the source."""
        if not self.comments:
            return False
        return self.newlines > 0 or any(
            c.to_line_end or "\n" in c.text or (c.newlines > 0 and i > 0)
            for i, c in enumerate(self.comments)
        )


@dataclass(slots=True, eq=False)
class Group:
    """Brackets whose items stand in one line, or each in its own."""

    hard: bool = False
    """Whether each item begins a line whatever its length."""
    rigid: bool = False
    """Whether only a comment breaks it, never its length."""
    broken: bool = False


@dataclass(slots=True, eq=False)
class Lexeme:
    """One word of the program as it is printed, and what may stand before it."""

    text: str
    kind: str
    """Its terminal in the grammar."""
    start: int
    end: int
    line: int
    """Where it begins in the source."""
    space: str = " "
    """What is printed before it within a line."""
    comma: bool = False
    """Whether a comma that is not in the list of lexemes is printed before it within a line."""
    broken_comma: bool = False
    """Whether one is where the lexeme begins a line: it then ends the line before."""
    begins_line: bool = False
    group: Group | None = None
    """Begins a line where this group is broken."""
    opens: Group | None = None
    closes: Group | None = None
    deeper: int = 0
    """By how many levels what follows stands further right, or, where negative, left."""
    tail_of: Lexeme | None = None
    """Where it is the last word of an indented list without brackets: the first word of the list's
    last item."""
    apart: bool = False
    """Whether a blank line stands before it."""
    dropped: bool = False
    gap: Gap = field(default_factory=Gap)
