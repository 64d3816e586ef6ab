"""Widens hidden layers whose rows would fall on the same lines of the cache.

In: a graph on rows, for a target that runs on a CPU. Out: the same with a few columns of zeros
where the width of a hidden layer is a multiple of a page. See `PadHidden`.
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
from .matching import scalar
from .rewrite import Match, Rewrite

PAGE = 4096
"""Bytes after which addresses meet the same set of a first-level cache: 64 sets of 64 bytes on the
processors of today. Caches with more sets are not hurt by the padding."""
COLUMNS = 16
"""Columns added: one line of 64 bytes, so that every row begins on the next line, still aligned."""
FEWEST_ROWS = 12
"""Rows that the product's kernel reads at once; with fewer there was nothing to gain."""

FINITE_AT_ZERO = frozenset(
    {
        *("neg", "abs", "tanh", "erf", "sigmoid", "relu", "softplus", "softsign", "selu", "mish"),
        *("elu", "leaky_relu", "hard_sigmoid", "gelu", "silu"),
    }
)
"""What turns a column of zeros into a column of one finite number, which weights of zero drop."""
JOINING = frozenset({"add", "sub", "mul", "maximum", "minimum"})


@dataclass(frozen=True)
class PadHiddenMatch(Match):
    hidden: tuple[Node, ...]
    """What makes the hidden layer, producers before users; the products that it begins with too."""
    reason: str | None


@dataclass(frozen=True)
class PadHidden(Rewrite[PadHiddenMatch]):
    """`linear(gelu(linear(%x, %w1, %b1)), %w2, %b2)` with a hidden width of 3072 →
    `linear(gelu(linear(%x, pad(%w1), pad(%b1))), pad(%w2), %b2)` with a hidden width of 3088.

    The added columns of %w1 and %b1 and rows of %w2 are zeros, so the result is the same. A product
    reads a dozen rows at once. With 3072 columns of four bytes, rows lie a multiple of 4096 bytes
    apart, where all of them compete for one set of the first-level cache (eight or twelve lines).
    What that costs, and what 16 more columns do: `benchmarks/hidden_width.py`,
    docs/performance.md.
    """

    name: ClassVar[str] = "pad_hidden"
    fuses: ClassVar[bool] = False
    roots: ClassVar[tuple[str, ...]] = ("linear",)
    target: str = "cpu"

    def match(self, graph: Graph, node: Node) -> PadHiddenMatch | None:
        x, weight = node.operands[:2]
        if self.target == "cuda" or x is None or weight is None or x.type.rank != 2:
            return None
        width = x.type.shape[-1]
        if not isinstance(width, int) or width * x.type.dtype.itemsize % PAGE:
            return None
        walk = _Walk(graph, width)
        reason = walk.to_products(x)
        if not any(each.op == "linear" for each in walk.found):
            return None
        if reason is None and graph.source(weight) is None:
            reason = "the weights behind the hidden layer are computed when the model runs"
        if reason is None and Sizes(graph)(x.type.shape[0]) < FEWEST_ROWS:
            return None
        return PadHiddenMatch((node, *reversed(walk.found)), tuple(walk.found), reason)

    def check(self, graph: Graph, match: PadHiddenMatch) -> str | None:
        return match.reason

    def rewrite(self, graph: Graph, match: PadHiddenMatch, emit: Emitter) -> Sequence[Value]:
        wider: dict[Value, Value] = {}
        for node in match.hidden:
            made = Emitter.like(graph, node)
            if node.op == "linear":
                x, weight, bias = node.operands
                assert weight is not None
                operands: list[Value | None] = [
                    x,
                    made("pad", weight, pads=((0, 0), (0, COLUMNS))),
                    None if bias is None else made("pad", bias, pads=((0, COLUMNS),)),
                ]
            else:
                operands = [wider.get(each, each) if each else None for each in node.operands]
            wider[node.result] = graph.add(
                node.op, operands, node.attributes, spans=node.spans, scope=node.scope
            ).result
        (root, *_) = match.nodes
        hidden, weight, bias = root.operands
        assert hidden is not None
        assert weight is not None
        padded = emit("pad", weight, pads=((0, COLUMNS), (0, 0)))
        return [emit("linear", wider[hidden], padded, bias)]

    def describe(self, match: PadHiddenMatch) -> str:
        width = match.nodes[0].operands[0]
        assert width is not None
        return (
            f"a hidden layer {width.type.shape[-1]} wide gets {COLUMNS} columns of zeros, "
            f"so that its rows fall on different lines of the cache"
        )


class _Walk:
    """Goes from a hidden layer up to the products that it begins with."""

    def __init__(self, graph: Graph, width: int) -> None:
        self._graph = graph
        self._width = width
        self.found: list[Node] = []
        """Producers before users."""

    def to_products(self, value: Value) -> str | None:
        """Collects what makes a value; why it cannot be widened, or None where it can."""
        graph = self._graph
        node = graph.producer(value)
        if node is None or value.type.shape[-1] != self._width:
            return "the hidden layer takes in something of its width that is no product"
        if node.op != "linear" and node.op not in FINITE_AT_ZERO | JOINING:
            return f"{node.op} would have to know of the added columns"
        reason = None
        if node.op == "linear":
            if any(each is not None and graph.source(each) is None for each in node.operands[1:]):
                reason = "the weights of the hidden layer are computed when the model runs"
        else:
            inner = [each for each in node.operands if each is not None]
            reasons = [self.to_products(each) for each in inner if scalar(graph, each) is None]
            reason = next((each for each in reasons if each is not None), None)
        if reason is None and not graph.has_one_use(value):
            reason = "the hidden layer is used elsewhere as well, at its own width"
        self.found.append(node)
        return reason
