"""`--dump-ir`: the graph after each pass that changed it, and what changed.

In: graphs, as the pass manager hands them over. Out: numbered files in a directory: `00-built.ir`,
`03-fold_constants.ir` and, beside each but the first, the unified difference to the one before.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ..output import write_file

if TYPE_CHECKING:
    from ...ir.graph import Graph


_LONG_TEXT = re.compile(r'"([\w+/=]{40})[\w+/=]{40,}"')
"""The numbers of a constant, which tell nobody what a pass did; the graphs have all of them."""


class IrDump:
    """An observer of pipelines; the numbers go on from one pipeline to the next."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.written = 0
        self._number = 0
        self._name = ""
        self._text: str | None = None

    def before_first(self, graph: Graph) -> None:
        if self._text is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            for old in [
                *self.folder.glob("[0-9][0-9]-*.ir"),
                *self.folder.glob("[0-9][0-9]-*.diff"),
            ]:
                old.unlink()
            self._write("00-built", self._print(graph))

    def after_pass(self, index: int, name: str, graph: Graph, changes: int) -> None:
        self._number += 1
        if changes == 0:
            return
        text = self._print(graph)
        if text == self._text:
            return
        self._write(f"{self._number:02}-{name}", text)

    def _write(self, name: str, text: str) -> None:
        write_file(self.folder / f"{name}.ir", text)
        self.written += 1
        if self._text is not None:
            lines = difflib.unified_diff(
                self._text.splitlines(), text.splitlines(), self._name, name, lineterm="", n=2
            )
            short = (_LONG_TEXT.sub(r'"\1…"', line) for line in lines)
            write_file(self.folder / f"{name}.diff", "\n".join(short) + "\n")
        self._name, self._text = name, text

    @staticmethod
    def _print(graph: Graph) -> str:
        from ...ir.text import print_graph

        return print_graph(graph)
