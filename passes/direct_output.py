"""Lets the last product write the model's output itself, instead of a copy of its rows.

In: a graph on rows, for a target that runs on a CPU. Out: the same with no reshape in front of its
outputs. See `DirectOutput`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.value import Value
from .flatten_rows import NORMS, POINTWISE
from .rewrite import Match, Rewrite

QUANTIZED = {"quantized_linear": 2, "dynamic_quantized_linear": 1, "block_quantized_linear": 1}
"""Products whose kernels take any number of axes, and how many operands stand before the weight."""


@dataclass(frozen=True)
class DirectOutput(Rewrite[Match]):
    """`output reshape(linear(%rows, %w, %b))` →
    `output matmul(reshape(pad(%rows) with a column of ones), concat(%w, %b))`; without a bias
    `output matmul(reshape(%rows), %w)`.

    The runtime gives a reshape inside a graph no work, but an output has memory of its own, into
    which it copies. The logits of a language model are 25 MB for 128 positions: with the bias
    written first and the copy, they go through memory four times instead of once. The column of
    ones makes the bias a row of the weights. `output reshape(softmax(%x))` → `output
    softmax(reshape(%x))`, and other layers on rows alike; quantized products take as many axes as
    there are. Figures: docs/optimizations/direct-output.md.
    """

    name: ClassVar[str] = "direct_output"
    roots: ClassVar[tuple[str, ...]] = ("reshape",)
    tells: ClassVar[bool] = False
    target: str = "cpu"

    def match(self, graph: Graph, node: Node) -> Match | None:
        (rows,) = node.operands
        assert rows is not None
        if self.target == "cuda" or not graph.is_output(node.result):
            return None
        shape = node.result.type.shape
        if rows.type.rank != 2 or len(shape) < 3 or shape[-1] != rows.type.shape[-1]:
            return None
        last = graph.producer(rows)
        if last is None or not graph.has_one_use(rows):
            return None
        right = (
            last.op in QUANTIZED or _writes_whole_rows(graph, last) or _is_wide_product(graph, last)
        )
        return Match((node, last)) if right else None

    def rewrite(self, graph: Graph, match: Match, emit: Emitter) -> Sequence[Value]:
        node, last = match.nodes
        lead = node.result.type.shape[:-1]

        def apart(value: Value) -> Value:
            return emit("reshape", value, shape=(*lead, value.type.shape[-1]))

        if last.op in QUANTIZED:
            # What comes before the weight is on rows: the bytes, and their scales.
            before = QUANTIZED[last.op]
            operands = [
                apart(each) if each is not None and place < before else each
                for place, each in enumerate(last.operands)
            ]
            made = graph.add(last.op, operands, last.attributes, spans=last.spans, scope=last.scope)
            return made.results
        if last.op != "linear":
            rank = last.results[0].type.rank
            operands = [
                apart(each) if each is not None and each.type.rank == rank else each
                for each in last.operands
            ]
            made = graph.add(last.op, operands, last.attributes, spans=last.spans, scope=last.scope)
            return made.results[:1]
        rows, weight, bias = last.operands
        assert rows is not None
        assert weight is not None
        if bias is not None:
            rows = emit("pad", rows, pads=((0, 0), (0, 1)), value=1.0)
            row = emit("reshape", bias, shape=(1, *bias.type.shape))
            weight = emit("concat", weight, row, axis=0)
        return [emit("matmul", apart(rows), weight)]


def _writes_whole_rows(graph: Graph, node: Node) -> bool:
    """Whether a node computes on rows what it would on more axes: its last axis stays the last.
    Nobody reads its other results, such as the sum that a norm was taken of."""
    if node.op not in POINTWISE | NORMS or any(
        graph.uses(each) or graph.is_output(each) for each in node.results[1:]
    ):
        return False
    if node.attributes.get("axis", -1) not in (-1, 1):
        return False
    result = node.results[0].type
    return all(
        each is None or each.type.rank <= 1 or each.type.shape == result.shape
        for each in node.operands
    )


def _is_wide_product(graph: Graph, node: Node) -> bool:
    """Whether a product with constant weights writes at least as much as it reads: with narrower
    results the column of ones was not measured to pay."""
    if node.op != "linear":
        return False
    weight, bias = node.operands[1:]
    assert weight is not None
    if any(each is not None and graph.source(each) is None for each in (weight, bias)):
        return False
    rows, columns = weight.type.shape
    return isinstance(rows, int) and isinstance(columns, int) and columns >= rows
