"""Copies what products read onto rows that do not compete for the cache.

In: a graph whose projections are products on rows, for a target that runs on a CPU. Out: the same
with a few columns of zeros where the rows lie a multiple of a page apart. See `PadOperands`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.value import Value
from .form_choice import Sizes
from .pad_hidden import COLUMNS, FEWEST_ROWS, PAGE
from .rewrite import Match, Rewrite

FEWEST_COLUMNS = 512
"""Columns of all products that read a value, from which what they gain is more than the copy."""


@dataclass(frozen=True)
class PadOperands(Rewrite[Match]):
    """`linear(%x, %w, %b)` with %x of type f32[R, 1024] →
    `linear(pad(%x), pad(%w), %b)` with 1040 columns and rows, the added ones zeros.

    What `PadHidden` does at no cost for hidden layers, for values as wide as the model: they come
    from norms and attentions, which cannot compute with added columns, so they are copied. The
    products that read one value share the copy. Figures: docs/optimizations/hidden-width.md.
    """

    name: ClassVar[str] = "pad_operands"
    fuses: ClassVar[bool] = False
    roots: ClassVar[tuple[str, ...]] = ("linear",)
    target: str = "cpu"

    def match(self, graph: Graph, node: Node) -> Match | None:
        x, weight = node.operands[:2]
        if self.target == "cuda" or x is None or weight is None or x.type.rank != 2:
            return None
        rows, width = x.type.shape
        if not isinstance(width, int) or width * x.type.dtype.itemsize % PAGE:
            return None
        if not _is_constant(graph, weight) or Sizes(graph)(rows) < FEWEST_ROWS:
            return None
        return Match((node,)) if _columns(graph, x) >= FEWEST_COLUMNS else None

    def rewrite(self, graph: Graph, match: Match, emit: Emitter) -> Sequence[Value]:
        (node,) = match.nodes
        x, weight, bias = node.operands
        assert x is not None
        assert weight is not None
        wider = _padded(graph, x) or emit("pad", x, pads=((0, 0), (0, COLUMNS)))
        taller = emit("pad", weight, pads=((0, COLUMNS), (0, 0)))
        form = node.attributes["form"]
        return [emit("linear", wider, taller, bias, form=form)]

    def describe(self, match: Match) -> str:
        x = match.nodes[0].operands[0]
        assert x is not None
        return (
            f"what a product reads, {x.type.shape[-1]} wide, gets {COLUMNS} columns of zeros, "
            f"so that its rows fall on different lines of the cache"
        )


def _is_constant(graph: Graph, weight: Value) -> bool:
    """Whether a weight is known, be it behind the padding that `PadHidden` gave it."""
    before = graph.producer(weight)
    if before is not None and before.op == "pad" and before.operands[0] is not None:
        weight = before.operands[0]
    return graph.source(weight) is not None


def _padded(graph: Graph, x: Value) -> Value | None:
    """The copy that another product reads already."""
    for user in graph.users(x):
        if user.op == "pad" and user.attributes["pads"] == ((0, 0), (0, COLUMNS)):
            return user.result
    return None


def _columns(graph: Graph, x: Value) -> int:
    """How many columns all products that read `x`, or its copy, have together."""
    copy = _padded(graph, x)
    users = [*graph.users(x), *(graph.users(copy) if copy is not None else ())]
    widths = [user.result.type.shape[-1] for user in users if user.op == "linear"]
    return sum(width for width in widths if isinstance(width, int))
