"""Places in a source text: what every AST node, IR node and diagnostic carries.

In: nothing. Out: `Span`, a half-open range of characters with 1-based lines and columns.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """The characters of `file` from (line, column) up to, not including, (end_line, end_column).

    Lines and columns count from 1, columns in Unicode code points.
    """

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of `other`, in the same file."""
        return Span(self.file, self.line, self.column, other.end_line, other.end_column)
