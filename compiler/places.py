"""Source places in compiled files: without what is above the program on this machine.

In: a graph. Out: one whose spans name the source by its file's name alone, so that the same source
gives the same file whoever compiles it, wherever it lies and from whatever directory.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..ir.graph import Graph


def with_portable_places(graph: Graph, name: str) -> Graph:
    """The graph with the last part of the path `name` where its spans have all of it."""
    shown = os.path.basename(name)
    if shown == name:
        return graph
    changed = graph.copy()
    for node in changed.nodes():
        spans = tuple(replace(s, file=shown) if s.file == name else s for s in node.spans)
        if spans != node.spans:
            changed.update(changed.producer(node.results[0]) or node, spans=spans)
    return changed
