"""Writes sums and means along the positions as products with a row of ones.

In: a graph for a target whose reductions are slow along an axis that is not the last. Out: the same
with products in their place. See `ReduceAsProduct`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..ir.dim import Dim
from ..ir.dtype import DType
from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.value import Value
from .rewrite import Match, Rewrite


@dataclass(frozen=True)
class ReduceAsProduct(Rewrite[Match]):
    """`reduce_mean(%x) {axes = (1,)}` with %x of type f32[B, 128, 2048] →
    `reshape(matmul(%row, %x)) {shape = (B, 2048)}` with %row f32[1, 128] full of 1/128.

    ONNX Runtime's reductions on the CPU go down one column after another; its product reads whole
    rows. docs/measurements.md has the figures. For a sum the row is full of ones. Where the length
    is open the row is made when the model runs.
    """

    name: ClassVar[str] = "reduce_as_product"
    roots: ClassVar[tuple[str, ...]] = ("reduce_mean", "reduce_sum")
    tells: ClassVar[bool] = False
    target: str = "cpu"

    def match(self, graph: Graph, node: Node) -> Match | None:
        x = node.operands[0]
        assert x is not None
        rank = x.type.rank
        slow = (
            self.target != "cuda"
            and rank >= 3
            and node.attributes["axes"] in ((rank - 2,), (-2,))
            and x.type.dtype is DType.F32
            and x.type.shape[-2] != 1
        )
        return Match((node,)) if slow else None

    def rewrite(self, graph: Graph, match: Match, emit: Emitter) -> Sequence[Value]:
        (node,) = match.nodes
        x = node.operands[0]
        assert x is not None
        row = _row(emit, x.type.shape[-2], is_mean=node.op == "reduce_mean")
        result = emit("matmul", row, x)
        if node.attributes["keepdims"]:
            return [result]
        return [emit("reshape", result, shape=node.result.type.shape)]


def _row(emit: Emitter, length: Dim, is_mean: bool) -> Value:
    """The row [1, length] that a sum or a mean multiplies with."""
    if isinstance(length, int):
        entry = 1.0 / length if is_mean else 1.0
        return emit.constant(np.full((1, length), entry), name="row")
    ones = emit("expand", emit.constant([[1.0]], name="one"), shape=(1, length))
    if not is_mean:
        return ones
    return emit("div", ones, emit("reduce_sum", ones, axes=(1,), keepdims=True))
