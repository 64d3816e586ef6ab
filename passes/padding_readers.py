"""Who reads what stands at padding positions.

In: a graph and a padding mask [B, S]. Out: the values [B, S, …] whose rows at padding positions no
output depends on, and for any other value who reads them.
"""

from __future__ import annotations

from typing import cast

from ..ir.dim import Shape
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.value import Value
from .flatten_rows import NORMS, POINTWISE, PRODUCTS
from .layout import operand_of
from .row_selection import counted_ends

KEY_MASK = 3
"""Which operand of an attention says what keys count."""


def padding_masks(graph: Graph, order: list[Node]) -> list[Value]:
    """The masks bool[B, S] that attentions or poolings leave positions out by, each once."""
    found: dict[Value, None] = {}
    for node in order:
        mask = node.operands[KEY_MASK] if node.op == "attention" else None
        if node.op == "where" and _is_column(node):
            mask = node.operands[0]
        while mask is not None and (before := graph.producer(mask)) and before.op == "reshape":
            mask = operand_of(before)
        if mask is not None and mask.type.rank == 2:
            found[mask] = None
    return list(found)


class PaddingReaders:
    """Who reads the positions at which a mask is false.

    `unread` are the values of nodes that need not be right there, or even be there. The first
    position of each member of the batch counts as if the mask were true there.
    """

    def __init__(self, graph: Graph, mask: Value) -> None:
        self._graph = graph
        self._lead = mask.type.shape
        self._parts = _conjuncts(graph, mask)
        self.unread: set[Value] = set()
        for node in reversed(graph.nodes()):
            for result in node.results:
                self._look_at(result)

    def last_reader(self, value: Value) -> str | None:
        """In words, what in the end reads a value at padding positions; None where nothing does."""
        if value in self.unread:
            return None
        while not self._graph.is_output(value):
            node = self._reader(value)
            if node is None:
                break
            rows = row_operands(node, self._lead) or (0,) * (node.op == "attention")
            if not any(node.operands[index] is value for index in rows):
                place = f" in {node.scope}" if node.scope else ""
                return f"{node.op}{place} reads it"
            value = next(each for each in node.results if each not in self.unread)
        names = [name for name, output in self._graph.outputs.items() if output is value]
        return f"the output {names[0]!r} shows it" if names else None

    def _look_at(self, value: Value) -> None:
        """Keeps the value in `unread` where none of its users reads padding positions."""
        has_rows = value.type.rank >= 3 and value.type.shape[:2] == self._lead
        if has_rows and not self._graph.is_output(value) and self._reader(value) is None:
            self.unread.add(value)

    def _reader(self, value: Value) -> Node | None:
        """The first user that reads the value at padding positions."""
        uses = self._graph.uses(value)
        return next((node for node, index in uses if not self._leaves_out(node, index)), None)

    def _leaves_out(self, node: Node, index: int) -> bool:
        """Whether no output depends on padding rows of an operand through this node."""
        if node.op == "attention" and index in (1, 2):
            return self._covers(node.operands[KEY_MASK])
        if counts_lead(node) or (index == 0 and self._takes_kept_row(node)):
            return True
        if node.op == "where" and index == 1 and _is_column(node):
            return self._covers(node.operands[0])
        rows = (0,) if node.op == "attention" else row_operands(node, self._lead)
        return index in rows and all(result in self.unread for result in node.results)

    def _takes_kept_row(self, node: Node) -> bool:
        """Whether a node takes of each member the first row, or the first or last that counts."""
        if node.op == "slice":
            axis = cast("int", node.attributes["axis"]) % node.result.type.rank
            return axis == 1 and node.attributes["start"] == 0 and node.attributes["stop"] == 1
        if node.op != "take_rows":
            return False
        ends = counted_ends(self._graph, node.operands[1])
        return ends is not None and self._covers(ends)

    def _covers(self, mask: Value | None) -> bool:
        """Whether a mask lets nothing through that the padding mask does not."""
        return mask is not None and self._parts <= _conjuncts(self._graph, mask)


def row_operands(node: Node, lead: Shape) -> tuple[int, ...]:
    """Which operands of a node are read row by row: row (b, s) of its results depends on row (b, s)
    of these and on nothing else that varies with b. Empty for a node that is no such."""
    result = node.results[0].type
    if result.rank < 3 or result.shape[:2] != lead:
        return ()
    if node.op == "gather":
        table, indices = node.operands
        assert table is not None
        assert indices is not None
        plain = node.attributes["axis"] == 0 and table.type.rank == 2
        return (1,) if plain and indices.type.shape == lead else ()
    rows = tuple(
        index
        for index, each in enumerate(node.operands)
        if each is not None and has_rows(each, result.rank, lead)
    )
    if node.op == "reshape":
        x = operand_of(node)
        return (0,) if x.type.rank >= 3 and x.type.shape[:2] == lead else ()
    if node.op in PRODUCTS or node.op in NORMS:
        axis = node.attributes.get("axis", -1)
        return rows if axis in (-1, result.rank - 1) else ()
    if node.op not in POINTWISE:
        return ()
    others = (each for index, each in enumerate(node.operands) if index not in rows)
    fits = all(
        each is not None
        and (each.type.rank <= result.rank - 2 or is_by_position(each, result.rank, lead))
        for each in others
    )
    return rows if fits else ()


def counts_lead(node: Node) -> bool:
    """Whether a node reads of its operand only how large the batch is, or how long a sequence."""
    like = node.operands[0] if node.op == "positions" else None
    return like is not None and cast("int", node.attributes["axis"]) % like.type.rank < 2


def has_rows(value: Value, rank: int, lead: Shape) -> bool:
    """Whether a value of a node of this rank has a row for each of the positions [B, S]."""
    return value.type.rank == rank and value.type.shape[:2] == lead


def is_by_position(value: Value | None, rank: int, lead: Shape) -> bool:
    """Whether a value has a row for each position, the same for the whole batch."""
    if value is None or value.type.rank < 2:
        return False
    shape = value.type.shape
    if value.type.rank == rank:
        return shape[0] == 1 and shape[1] == lead[1]
    return value.type.rank == rank - 1 and shape[0] == lead[1]


def _is_column(node: Node) -> bool:
    """Whether a selection [B, S, …] takes whole rows by a mask [B, S, 1]."""
    mask, then, _ = node.operands
    assert mask is not None
    assert then is not None
    lead = node.result.type.shape[:2]
    return node.result.type.rank == 3 and mask.type.shape == (*lead, 1) and has_rows(then, 3, lead)


def _conjuncts(graph: Graph, mask: Value) -> frozenset[Value]:
    """The masks of as many elements that `logical_and` joins, whatever their shapes."""
    found: set[Value] = set()
    seen: set[Value] = set()
    pending = [mask]
    while pending:
        value = pending.pop()
        if value in seen:
            continue
        seen.add(value)
        node = graph.producer(value)
        if node is not None and node.op == "reshape":
            pending.append(operand_of(node))
        elif (
            node is not None
            and node.op == "logical_and"
            and all(each is not None and each.type == value.type for each in node.operands)
        ):
            pending.extend(each for each in node.operands if each is not None)
        else:
            found.add(value)
    return frozenset(found)
