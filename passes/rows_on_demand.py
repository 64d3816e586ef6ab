"""Computes the last layers for the positions that are used, not for all.

In: a graph that takes some positions out of a sequence: the first token, the last one's logits.
Out: the same with these positions taken out earlier. See `RowsOnDemand`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.value import Value
from .rewrite import Match, Rewrite
from .row_selection import POSITIONS, RowSelection
from .rows_of_ops import PRODUCTS, obstacle, on_rows, row_operands

_LOOKED_THROUGH = 16
"""How many nodes are looked at for the reason of a near miss."""


@dataclass(frozen=True)
class RowsMatch(Match):
    selection: RowSelection
    x: Value
    """What the rows are taken of."""
    opened: tuple[Value, ...]
    """The first results of the nodes to compute on these rows, users before producers."""
    products: int
    attentions: int
    reason: str | None


@dataclass(frozen=True)
class RowsOnDemand(Rewrite[RowsMatch]):
    """Before, the last layer of a causal stack:

        %q, %k, %v = qkv_projection(%n, …)
        %a = attention(%q, %k, %v) {causal = true, …}
        %y = add(%x, linear(%a, %wo, %bo))
        %last = slice(%y) {axis = 1, start = S - 1, stop = S}

    After:

        %k, %v = kv_projection(%n, …)
        %q = linear(slice(%n) {…}, %wq, %bq)
        %a = attention(%q, %k, %v) {causal = false, …}
        %last = add(slice(%x) {…}, linear(%a, %wo, %bo))

    The rows may also be others for each member of the batch (`take_rows`). A value is computed on
    few rows only where nothing needs it whole. Queries that are not the very last position keep
    from later keys by a mask.
    """

    name: ClassVar[str] = "rows_on_demand"
    fuses: ClassVar[bool] = False
    roots: ClassVar[tuple[str, ...]] = ("slice", "take_rows")

    def match(self, graph: Graph, node: Node) -> RowsMatch | None:
        selection = RowSelection.of(node)
        x = node.operands[0]
        if selection is None or x is None or selection.count == selection.length:
            return None
        reach, reason = _opened(graph, x, selection, strict=True), None
        if not _worth(graph, reach):
            reason = reach.end
            reach = _opened(graph, x, selection, strict=False)
        worth = _worth(graph, reach)
        if not worth:
            return None
        nodes = [each for value in reach.opened if (each := graph.producer(value)) is not None]
        attentions = worth.count("attention")
        products = len(worth) - attentions
        return RowsMatch((node, *nodes), selection, x, reach.opened, products, attentions, reason)

    def check(self, graph: Graph, match: RowsMatch) -> str | None:
        selection = match.selection
        if not selection.saves_enough:
            return (
                f"{selection.count} of {selection.length} positions are used: to compute these "
                "alone would save too little"
            )
        return match.reason

    def rewrite(self, graph: Graph, match: RowsMatch, emit: Emitter) -> Sequence[Value]:
        rows = _Rows(graph, match.selection, emit)
        for value in reversed(match.opened):
            rows.move(value)
        return [rows.of(match.x)]

    def describe(self, match: RowsMatch) -> str:
        count, length = match.selection.count, match.selection.length
        kinds = (("product", match.products), ("attention", match.attentions))
        told = [f"{n} {what}{'s' if n > 1 else ''}" for what, n in kinds if n]
        verb = "are" if match.products + match.attentions > 1 else "is"
        return f"{' and '.join(told)} {verb} computed for {count} of {length} positions"


class _Rows:
    """The wanted rows of each value."""

    def __init__(self, graph: Graph, selection: RowSelection, emit: Emitter) -> None:
        self._graph = graph
        self._selection = selection
        self._emit = emit
        self._rows: dict[Value, Value] = {}

    def move(self, value: Value) -> None:
        """Computes the producer of a value on the rows."""
        # Moving a projection of keys changes the attention that reads them, so it is asked anew.
        node = self._graph.producer(value)
        assert node is not None
        self._rows[value] = on_rows(self._graph, node, self._selection, self.of)

    def of(self, value: Value) -> Value:
        """The rows of a value [B, S, width], taken out once where they are not computed."""
        if value not in self._rows:
            self._rows[value] = self._selection.take(self._emit, value, POSITIONS)
        return self._rows[value]


@dataclass(frozen=True)
class _Reach:
    """How far rows can be asked for."""

    opened: tuple[Value, ...]
    """The first results of the nodes that can be computed on rows, users before producers."""
    end: str | None
    """Why the first of the others cannot."""


def _worth(graph: Graph, reach: _Reach) -> list[str]:
    """The ops that are worth computing on few rows, of those within reach."""
    nodes = [graph.producer(value) for value in reach.opened]
    return [node.op for node in nodes if node is not None and node.op in PRODUCTS]


def _opened(graph: Graph, x: Value, selection: RowSelection, strict: bool) -> _Reach:
    """What can be computed on the rows alone, from `x` upwards.

    A node is opened when the last of its readers has asked for rows. Not `strict`: whatever stands
    against it.
    """
    opened: dict[Value, None] = {}
    asked: dict[Value, int] = {}
    pending = deque([x])
    while pending and (strict or len(opened) < _LOOKED_THROUGH):
        value = pending.popleft()
        asked[value] = asked.get(value, 0) + 1
        numbers = _row_operands(graph, value, selection)
        if numbers is None or value in opened:
            continue
        if strict and _reason(graph, value, asked[value], selection) is not None:
            continue
        opened[value] = None
        node = graph.producer(value)
        assert node is not None
        pending.extend(each for number in numbers if (each := node.operands[number]) is not None)
    reasons = (
        _reason(graph, value, count, selection)
        for value, count in asked.items()
        if value not in opened and _row_operands(graph, value, selection) is not None
    )
    return _Reach(tuple(opened), next((each for each in reasons if each is not None), None))


def _row_operands(graph: Graph, value: Value, selection: RowSelection) -> tuple[int, ...] | None:
    node = graph.producer(value)
    # Of a projection's results the keys and the values are needed whole.
    if node is None or node.results[0] is not value:
        return None
    return row_operands(node, selection)


def _reason(graph: Graph, value: Value, asked: int, selection: RowSelection) -> str | None:
    """Why a value cannot be computed on the rows alone, though its op could be."""
    node = graph.producer(value)
    assert node is not None
    if graph.is_output(value):
        return f"the result of {node.op} is an output, at its full length"
    if asked < len(graph.uses(value)):
        return f"the result of {node.op} is used elsewhere as well, at its full length"
    return obstacle(node, selection)
