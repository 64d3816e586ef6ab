"""How the command lines speak: diagnostics, notes about written files, tables.

In: diagnostics and lines. Out: text on stderr, as the user asked for it (colour, JSON, quiet).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TextIO

from ...ir.diagnostic import Diagnostic, Severity


@dataclass
class Messages:
    """Where a command's messages go. Results themselves go to stdout, never through here."""

    format: str = "text"
    """"text", or "json": one document of all diagnostics, and nothing else."""
    color: str = "auto"
    quiet: bool = False
    debug: bool = False
    sources: dict[str, str] = field(default_factory=dict)
    """Texts by name, for the lines that diagnostics show."""
    collected: list[Diagnostic] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)

    def show(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Prints diagnostics; quiet leaves errors, and remarks, which somebody asked for.
        As JSON they wait for `close`."""
        kept = (Severity.ERROR, Severity.REMARK)
        chosen = [d for d in diagnostics if not self.quiet or d.severity in kept]
        if self.format == "json":
            self.collected.extend(chosen)
        elif chosen:
            from ..messages.render import render

            text = render(chosen, self.sources, color=self.use_color(sys.stderr))
            print(text.rstrip("\n"), file=sys.stderr)

    def line(self, text: str) -> None:
        """One line about what was done."""
        if not self.quiet and self.format == "text":
            print(text, file=sys.stderr)

    def answer(self, name: str, text: str, data: Any) -> None:
        """What an option asked for, quiet or not; in the JSON document `data` under `name`."""
        if self.format == "json":
            self.answers[name] = data
        else:
            print(text, file=sys.stderr)

    def close(self) -> None:
        """Prints what waited for the end."""
        if self.format == "json":
            from ..messages.render import render_json

            print(render_json(self.collected, self.sources, **self.answers), file=sys.stderr)
            self.collected.clear()
            self.answers.clear()

    def use_color(self, stream: TextIO) -> bool:
        """Whether to colour what goes to `stream`: --color, else NO_COLOR, else if a terminal."""
        if self.color != "auto":
            return self.color == "always"
        if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
            return False
        return stream.isatty()
