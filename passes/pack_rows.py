"""Leaves padding out: what works row by row works on the valid rows of the whole batch only.

In: a graph with padding masks. Out: the same with the rows gathered where such work begins and put
back in their places where something needs them there. See `PackRows`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

from ..ir.dim import Dim, Shape, product, symbol, symbols_of
from ..ir.dtype import DType
from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.value import Value
from .flatten_rows import POINTWISE
from .manager import Pass
from .packing_choice import copied_numbers, stretches, why_nothing_moves, work_of_row
from .padding_readers import counts_lead, is_by_position, padding_masks, row_operands
from .remarks import Remarks

MEASURED = ("cpu", "portable")
WORTH = 800
"""Multiplications that a row must need for each number of it that is copied to pack and unpack. At
1000 a batch without padding takes 1 to 2 % longer, at 200 it takes 10 % longer
(benchmarks/padding.py)."""


@dataclass(frozen=True)
class PackRows(Pass):
    """Moves stretches of row-wise layers onto the rows that a padding mask counts.

    Before, %mask of type bool[B, S]:

        %q, %k, %v = qkv_projection(%x, …)
        %a = attention(%q, %k, %v, %mask) {heads = 8, scale = 0.125}
        %y = add(%x, linear(%a, %w, %b))
        %pooled = reduce_sum(where(%column, %y, 0)) {axes = (1,)}

    After, with P rows that count:

        %rows = nonzero(reshape(%mask)) {count = P}
        %places = …                                   the row of each position, i64[B, S]
        %xs = gather(reshape(%x), %rows)              f32[P, 512]
        %q, %k, %v = qkv_projection(%xs, …)
        %a = attention(gather(%q, %places), gather(%k, %places), gather(%v, %places), %mask)
        %ys = add(%xs, linear(gather(reshape(%a), %rows), %w, %b))
        %pooled = reduce_sum(where(%column, gather(%ys, %places), 0)) {axes = (1,)}

    `padding` is the user's choice: "kept", "packed", or "auto", which packs where batches without
    padding lose little by it. Only rows move that no output depends on where the mask is false:
    outputs that show padding positions show what they showed. A stretch moves where it has a
    product.

    Every member of the batch keeps its first row, valid or not: it may be the one that stands for
    the whole, P is never 0, and a padding position, which has to read some row, has one of its own
    member to read. A row of another member would let infinite numbers through, weight zero or not.
    """

    name: ClassVar[str] = "pack_rows"
    target: str = "cpu"
    padding: str = "auto"

    def run(self, graph: Graph, remarks: Remarks) -> int:
        changes = 0
        if self.padding == "kept":
            return 0
        for mask in padding_masks(graph, graph.nodes()):
            moved = stretches(graph, mask)
            if not moved:
                if (reason := why_nothing_moves(graph, mask)) is not None:
                    remarks.note(self.name, f"padding is computed: {reason}", [])
                continue
            if self.padding == "auto" and (reason := self._loss(graph, moved, mask)):
                remarks.note(self.name, f"padding is computed: {reason}", moved)
                continue
            packed = _Packed(graph, mask)
            for node in moved:
                packed.move(node)
            for node in reversed(moved):
                packed.give_back(node)
            changes += len(moved)
            count = f"{len(moved)} operations leave" if len(moved) > 1 else "one operation leaves"
            remarks.note(self.name, f"{count} the padding out", moved)
        return changes

    def _loss(self, graph: Graph, moved: list[Node], mask: Value) -> str | None:
        """Why packing would cost more than it may where there is no padding; None where it is
        little."""
        if self.target not in MEASURED:
            return f"nobody has measured what leaving it out costs on {self.target}"
        work, copied = work_of_row(moved), copied_numbers(graph, moved, mask)
        if work < WORTH * copied:
            return (
                f"the rows need {work:,} multiplications each, too little for "
                f"copying {copied:,} numbers to leave it out"
            )
        return None


class _Packed:
    """The valid rows of values [B, S, …], as values [P, …]."""

    def __init__(self, graph: Graph, mask: Value) -> None:
        self._graph = graph
        self._mask = mask
        self._lead = mask.type.shape
        self._packed: dict[Value, Value] = {}
        self._rows: Value | None = None
        self._places: Value | None = None
        self._positions: Value | None = None

    def move(self, node: Node) -> None:
        """Computes a node on the valid rows."""
        rank = node.results[0].type.rank
        emit = Emitter.like(self._graph, node)
        rows = row_operands(node, self._lead)
        operands = list(node.operands)
        for index, each in enumerate(node.operands):
            if index in rows:
                operands[index] = self._of(each, emit)
            elif each and node.op in POINTWISE and is_by_position(each, rank, self._lead):
                operands[index] = self._at_positions(each, rank, emit)
        attributes = dict(node.attributes)
        if node.op == "reshape":
            attributes["shape"] = (self._count, *node.result.type.shape[2:])
        elif "axis" in attributes and node.op != "gather":
            attributes["axis"] = -1
        names = [f"{result.name}/valid" for result in node.results]
        made = self._graph.add(
            node.op, operands, attributes, spans=node.spans, scope=node.scope, names=names
        )
        self._packed.update(zip(node.results, made.results, strict=True))

    def give_back(self, node: Node) -> None:
        """Erases what was moved; what still needs its results gets them in their places."""
        for old in node.results:
            for user in filter(counts_lead, self._graph.users(old)):
                axis = cast("int", user.attributes["axis"]) % old.type.rank
                attributes = {**user.attributes, "axis": axis}
                self._graph.update(user, operands=(self._mask,), attributes=attributes)
            if self._graph.uses(old):
                assert self._places is not None
                emit = Emitter.like(self._graph, node)
                self._graph.replace_uses(old, emit("gather", self._packed[old], self._places))
        current = self._graph.producer(node.results[0])
        assert current is not None
        self._graph.erase(current)

    @property
    def _count(self) -> Dim:
        assert self._rows is not None
        return self._rows.type.shape[0]

    def _of(self, value: Value | None, emit: Emitter) -> Value:
        """The valid rows of a value [B, S, …]."""
        assert value is not None
        if value not in self._packed:
            self._number_rows()
            assert self._rows is not None
            flat = emit("reshape", value, shape=_flat(value.type.shape))
            self._packed[value] = emit("gather", flat, self._rows)
        return self._packed[value]

    def _at_positions(self, value: Value, rank: int, emit: Emitter) -> Value:
        """Of a table of positions [S, …] or [1, S, …] the row of each valid row."""
        if value not in self._packed:
            self._number_rows()
            table = emit("reshape", value, shape=value.type.shape[value.type.rank - rank + 1 :])
            self._packed[value] = emit("gather", table, self._positions_of_rows())
        return self._packed[value]

    def _number_rows(self) -> None:
        """Writes which rows are valid, i64[P], and which of them each position reads, i64[B, S]."""
        if self._rows is not None:
            return
        producer = self._graph.producer(self._mask)
        emit = Emitter.like(self._graph, *([producer] if producer else []))
        everything = (product(self._lead),)
        zero, one = (emit.constant(number, DType.I64, name) for number, name in _NUMBERS)
        first = emit("equal", emit("positions", self._mask, axis=1), zero)
        kept = emit("reshape", emit("logical_or", self._mask, first), shape=everything)
        name = _fresh_symbol(self._graph)
        count = symbol(name, origin=f"the rows that {self._mask} counts", within=everything[0])
        self._rows = emit("nonzero", kept, count=count, name="rows")

        # Every member keeps its first row, so that the last kept row before a position is its own.
        counted = emit("cumsum", emit("cast", kept, to=DType.I64), axis=0)
        before = emit("sub", counted, one)
        self._places = emit("reshape", before, shape=self._lead, name="places")

    def _positions_of_rows(self) -> Value:
        if self._positions is None:
            assert self._rows is not None
            producer = self._graph.producer(self._rows)
            assert producer is not None
            emit = Emitter.like(self._graph, producer)
            counted = emit("positions", self._mask, axis=1)
            everywhere = emit("expand", counted, shape=self._lead)
            flat = emit("reshape", everywhere, shape=_flat(self._lead))
            self._positions = emit("gather", flat, self._rows, name="positions_of_rows")
        return self._positions


_NUMBERS = ((0, "zero"), (1, "one"))


def _flat(shape: Shape) -> Shape:
    """A shape [B, S, …] with the first two axes as one."""
    return (product(shape[:2]), *shape[2:])


def _fresh_symbol(graph: Graph) -> str:
    """P, or P1, P2 … where the graph has that symbol."""
    taken = set(graph.symbols())
    for node in graph.nodes():
        for result in node.results:
            taken.update(each.name for each in symbols_of(result.type.shape))
    name, number = "P", 0
    while name in taken:
        number += 1
        name = f"P{number}"
    return name
