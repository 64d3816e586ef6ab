"""Diagnostics as data for editors and other programs.

In: diagnostics, and the source texts by the names that their spans give. Out: JSON-ready values as
docs/diagnostics.md describes them. To the places that a diagnostic knows, lines and columns in code
points, come offsets into the text and the columns in UTF-16 units that editors count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...ir.diagnostic import Diagnostic


def as_data(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str]) -> list[dict[str, Any]]:
    """The diagnostics in their order."""
    lines = {name: _Lines(text) for name, text in sources.items()}
    return [_completed(diagnostic.as_json(), lines) for diagnostic in diagnostics]


class _Lines:
    """A text's lines, and where each begins."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)

    def complete(self, place: dict[str, Any]) -> None:
        for prefix in ("", "end_"):
            line, column = place[f"{prefix}line"], place[f"{prefix}column"]
            before = self.lines[line - 1][: column - 1] if line <= len(self.lines) else ""
            place[f"{prefix}offset"] = self.starts[min(line, len(self.starts)) - 1] + column - 1
            units = len(before.encode("utf-16-le", "surrogatepass")) // 2
            place[f"{prefix}utf16_column"] = units + 1


def _completed(data: dict[str, Any], lines: Mapping[str, _Lines]) -> dict[str, Any]:
    places = [data["span"], *(each["span"] for each in (*data["labels"], *data["fixes"]))]
    for place in places:
        if place is not None and place["file"] in lines:
            lines[place["file"]].complete(place)
    return data
