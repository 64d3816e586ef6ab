"""Removes what no output needs.

In: a graph. Out: the graph without dead nodes, constants and weights; its inputs stay, since they
are the model's interface.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..ir.graph import Graph
from .manager import Pass
from .remarks import Remarks


@dataclass(frozen=True)
class DeadCode(Pass):
    """`%a = tanh(%x); %b = exp(%x); output %a` → `%a = tanh(%x); output %a`."""

    name: ClassVar[str] = "dead_code"

    def run(self, graph: Graph, remarks: Remarks) -> int:
        before = _size(graph)
        graph.erase_dead()
        return before - _size(graph)


def _size(graph: Graph) -> int:
    return len(graph) + sum(1 for _ in graph.sources())
