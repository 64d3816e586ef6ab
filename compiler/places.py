"""Source places in compiled files: without what lies above the project on this machine.

In: a graph. Out: one whose spans name the source by a relative path, so that the same source gives
the same file whoever compiles it.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..ir.graph import Graph


def with_relative_places(graph: Graph, name: str) -> Graph:
    """The graph itself where the source was given by a relative path; else one whose spans name it
    relative to the working directory, or by its last part where it lies elsewhere."""
    if not os.path.isabs(name):
        return graph
    shown = relative_name(name)
    changed = graph.copy()
    for node in changed.nodes():
        spans = tuple(replace(s, file=shown) if s.file == name else s for s in node.spans)
        if spans != node.spans:
            changed.update(changed.producer(node.results[0]) or node, spans=spans)
    return changed


def relative_name(name: str) -> str:
    """An absolute path as it is stored."""
    path, here = Path(name), Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else path.name
