"""Takes out what only training does.

In: a graph that tells the whole truth. Out: one for inference: dropout and noise are gone, batch
normalization uses its stored statistics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..ir.graph import Graph
from .manager import Pass
from .remarks import Remarks
from .rewrite import Worklist, substitute


@dataclass(frozen=True)
class ForInference(Pass):
    """`%y = dropout(%x)` → `%x`; `batch_norm{training=True}` → `batch_norm{training=False}`."""

    name: ClassVar[str] = "for_inference"

    def run(self, graph: Graph, remarks: Remarks) -> int:
        changes = 0
        for node in Worklist(graph, ("dropout", "gaussian_noise", "batch_norm")):
            if node.op != "batch_norm":
                (x,) = node.operands
                assert x is not None
                substitute(graph, node, [x])
            elif node.attributes["training"]:
                graph.update(node, attributes={**node.attributes, "training": False})
            else:
                continue
            changes += 1
        return changes
