"""Tables on standard output: drawn by rich on a terminal, plain columns elsewhere.

In: a title, column names and rows of text. Out: printed text.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Literal

from .messages import Messages


def print_table(
    messages: Messages,
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    numeric: Sequence[str] = (),
) -> None:
    """Prints the table; columns named in `numeric` are aligned to the right."""
    if sys.stdout.isatty() and messages.use_color(sys.stdout):
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(title=title, title_justify="left", header_style="bold")
        for column in columns:
            # Folded, for a name that is cut off is no name.
            justify: Literal["left", "right"] = "right" if column in numeric else "left"
            table.add_column(column, justify=justify, overflow="fold")
        for row in rows:
            # Text keeps rich from reading the brackets of `encoder[0]` as markup.
            table.add_row(*(Text(cell) for cell in row))
        Console().print(table)
        return
    lines = [title, *plain_lines(columns, rows, numeric), ""]
    sys.stdout.write("\n".join(lines) + "\n")


def plain_lines(
    columns: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[str] = ()
) -> list[str]:
    """The table as lines of aligned columns."""
    table = [tuple(columns), *map(tuple, rows)]
    widths = [max(len(row[index]) for row in table) for index in range(len(columns))]
    lines = []
    for row in table:
        cells = [
            cell.rjust(width) if name in numeric else cell.ljust(width)
            for cell, width, name in zip(row, widths, columns, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return lines
