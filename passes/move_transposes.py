"""Moves transposes out of chains of convolutions.

In: a graph whose layers have channels last and whose convolutions have them first, with transposes
around each. Out: the same with what stands between convolutions in their order of axes. See
`MoveTransposes`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..ir.dim import Dim, largest
from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.value import Value
from .axis_order import is_flexible, moved_operands, rank_of, reordered
from .layout import moves_only_ones, operand_of, permutation_of, reshaped, transposed
from .manager import Pass
from .remarks import Remarks
from .rewrite import erase_unused, substitute
from .turn_kernels import takes_any_order

CHANNELS_FIRST = frozenset({"conv", "conv_transpose", "max_pool", "average_pool"})
"""Ops that want their channels right behind the batch."""

OPEN = 64
"""The length that an axis without a bound is taken to have."""

Order = tuple[int, ...]


@dataclass(frozen=True)
class MoveTransposes(Pass):
    """Before, %x of type f32[B, 8, 32, 32]:

        %c = conv(%x, %w1)
        %last = transpose(%c) {permutation = (0, 2, 3, 1)}
        %y = relu(add(%last, %gain))
        %first = transpose(%y) {permutation = (0, 3, 1, 2)}
        %z = conv(%first, %w2)

    After:

        %c = conv(%x, %w1)
        %y = relu(add(%c, reshape(%gain) {shape = (1, 8, 1, 1)}))
        %z = conv(%y, %w2)

    A region is what ops that take any order of axes (`axis_order.py`) make together, connected by
    values. Its order becomes that of a convolution or pooling beside it where then fewer elements
    are transposed at its borders. Weights are turned when the file is written; a transpose that
    only moves axes of length 1 is a reshape and counts nothing.
    """

    name: ClassVar[str] = "move_transposes"

    def run(self, graph: Graph, remarks: Remarks) -> int:
        changes = 0
        while moved := self._sweep(graph, remarks):
            changes += moved
        return changes

    def _sweep(self, graph: Graph, remarks: Remarks) -> int:
        """Each move takes elements away from the transposes, so that sweeps come to an end."""
        if not any(node.op in CHANNELS_FIRST for node in graph.nodes()):
            return 0
        moved = 0
        for roots in _regions(graph):
            region = _Region(graph, roots)
            order = region.best_order()
            if order is not None:
                count = len(roots)
                ops = f"{count} op computes" if count == 1 else f"{count} ops compute"
                message = f"{ops} in the order of axes of the convolutions beside"
                remarks.changed(self.name, message, region.nodes)
                region.move(order)
                moved += 1
        return moved


def _regions(graph: Graph) -> list[list[Value]]:
    """The first results of flexible nodes that are connected, in the graph's order.

    Connected are a node and those that read its results, and the readers of one transpose.
    """
    flexible = [node for node in graph.nodes() if is_flexible(node) and rank_of(node) >= 3]
    group: dict[Value, Value] = {}

    def find(value: Value) -> Value:
        while group.setdefault(value, value) is not value:
            group[value] = group[group[value]]
            value = group[value]
        return value

    made = {
        result: node.results[0]
        for node in flexible
        for result in node.results
        if result.type.rank == rank_of(node)
    }
    for node in flexible:
        rank = rank_of(node)
        for operand in moved_operands(node):
            producer = graph.producer(operand)
            shared = operand in made or (producer is not None and producer.op == "transpose")
            if shared and operand.type.rank == rank:
                group[find(made.get(operand, operand))] = find(node.results[0])
    regions: dict[Value, list[Value]] = {}
    for node in flexible:
        regions.setdefault(find(node.results[0]), []).append(node.results[0])
    return list(regions.values())


class _Region:
    """Connected flexible nodes, by their first results."""

    def __init__(self, graph: Graph, roots: Sequence[Value]) -> None:
        self._graph = graph
        self._roots = roots
        self._rank = rank_of(self.nodes[0])
        self._inside = set(roots)

    @property
    def nodes(self) -> list[Node]:
        """The nodes as they are now: changing an operand makes a new node."""
        return [self._node(root) for root in self._roots]

    def _node(self, root: Value) -> Node:
        node = self._graph.producer(root)
        assert node is not None
        return node

    def best_order(self) -> Order | None:
        """The order in which the fewest elements are transposed; None where that is the present."""
        found: Order | None = None
        least = 0
        for order in self._orders():
            change = self._change(order)
            if change is not None and change < least:
                found, least = order, change
        return found

    def _orders(self) -> Iterator[Order]:
        """The orders of the convolutions and poolings that a transpose divides from the region."""
        seen: set[Order] = set()
        for node in self._transposes():
            permutation = permutation_of(node)
            before = self._graph.producer(operand_of(node))
            order = None
            if before is not None and before.op in CHANNELS_FIRST:
                order = _inverse(permutation)
            elif any(user.op in CHANNELS_FIRST for user in self._graph.users(node.result)):
                order = permutation
            if order is not None and order not in seen:
                seen.add(order)
                yield order

    def _transposes(self) -> Iterator[Node]:
        """The transposes at the region's borders."""
        for value in self._entering():
            producer = self._graph.producer(value)
            if producer is not None and producer.op == "transpose":
                yield producer
        for node in self.nodes:
            for result in node.results:
                for user in self._graph.users(result):
                    if user.op == "transpose":
                        yield user

    def _entering(self) -> list[Value]:
        """What the region reads from outside with all axes, weights apart; each once."""
        found: dict[Value, None] = {}
        for node in self.nodes:
            for operand in moved_operands(node):
                if self._is_outside(operand) and operand.type.rank == self._rank:
                    found[operand] = None
        return list(found)

    def _is_outside(self, value: Value) -> bool:
        producer = self._graph.producer(value)
        if producer is None:
            return self._graph.source(value) is None
        return producer.results[0] not in self._inside

    def _change(self, order: Order) -> int | None:
        """How many more elements the new order transposes; None where it cannot be."""
        change = 0
        for node in self.nodes:
            there = reordered(node, order)
            if there is None:
                return None
            for operand in moved_operands(node):
                if operand.type.rank != self._rank and self._graph.source(operand) is None:
                    change += _weight(_raised(operand.type.shape, self._rank), order)
            if there.moves:
                change += sum(self._leaving(result, order) for result in node.results)
        return change + sum(self._at_entrance(value, order) for value in self._entering())

    def _at_entrance(self, value: Value, order: Order) -> int:
        graph = self._graph
        producer = graph.producer(value)
        ours = all(user.results[0] in self._inside for user in graph.users(value))
        ours = ours and not graph.is_output(value)
        if producer is not None and producer.op == "transpose":
            before = permutation_of(producer)
            x = operand_of(producer)
            gone = _weight(x.type.shape, before) if ours else 0
            return _weight(x.type.shape, [before[axis] for axis in order]) - gone
        return 0 if self._turned(value, order) else _weight(value.type.shape, order)

    def _turned(self, value: Value, order: Order) -> Value | None:
        """A transpose of the value to the order that is there anyway."""
        for user in self._graph.users(value):
            if user.op == "transpose" and permutation_of(user) == order:
                return user.result
        return None

    def _leaving(self, value: Value, order: Order) -> int:
        graph = self._graph
        back = _inverse(order)
        shape = [value.type.shape[axis] for axis in order]
        outside = [user for user in graph.users(value) if user.results[0] not in self._inside]
        change = 0
        for user in outside:
            if user.op == "transpose":
                onward = [back[axis] for axis in permutation_of(user)]
                change += _weight(shape, onward) - _weight(value.type.shape, permutation_of(user))
        wanted = [u for u in outside if u.op != "transpose" and not takes_any_order(graph, u)]
        if graph.is_output(value) or wanted:
            change += _weight(shape, back)
        return change

    # ---- moving ---------------------------------------------------------------------------

    def move(self, order: Order) -> None:
        """Computes the region in the order; what is outside gets the old one back."""
        graph = self._graph
        entering = self._entering()
        made: dict[Value, Value] = {}
        for root in self._roots:
            node = self._node(root)
            there = reordered(node, order)
            assert there is not None
            emit = Emitter(graph, node.scope, node.spans)
            moved = moved_operands(node)
            operands = [
                self._in_order(each, order, made, emit) if each in moved else each
                for each in node.operands
            ]
            names = [result.name for result in node.results]
            new = graph.add(
                node.op,
                operands,
                there.attributes,
                spans=node.spans,
                scope=node.scope,
                names=names,
            )
            if there.moves:
                made.update(zip(node.results, new.results, strict=True))
            else:
                graph.replace_uses(node.result, new.result)
        for root in reversed(self._roots):
            node = self._node(root)
            for old in node.results:
                if old in made:
                    self._give_back(node, old, made[old], order)
            graph.erase(node)
        for value in entering:
            erase_unused(graph, value)

    def _in_order(
        self, value: Value | None, order: Order, made: dict[Value, Value], emit: Emitter
    ) -> Value | None:
        if value is None or value.type.numel == 1:
            return value
        if value in made:
            return made[value]
        turned = self._turned(value, order)
        if turned is not None:
            return turned
        shape = _raised(value.type.shape, len(order))
        if moves_only_ones(shape, order):
            return reshaped(emit, value, [shape[axis] for axis in order])
        return transposed(emit, reshaped(emit, value, shape), order)

    def _give_back(self, node: Node, old: Value, new: Value, order: Order) -> None:
        graph = self._graph
        if not graph.uses(old) and not graph.is_output(old):
            return
        emit = Emitter(graph, node.scope, node.spans)
        back = transposed(emit, new, _inverse(order))
        onward = [user.result for user in graph.users(old) if user.op == "transpose"]
        graph.replace_uses(old, back)
        for value in onward:
            turn = graph.producer(value)
            assert turn is not None
            emit = Emitter(graph, turn.scope, turn.spans)
            substitute(graph, turn, [transposed(emit, back, permutation_of(turn))])
        erase_unused(graph, back)


def _inverse(order: Sequence[int]) -> Order:
    return tuple(sorted(range(len(order)), key=order.__getitem__))


def _raised(shape: Sequence[Dim], rank: int) -> tuple[Dim, ...]:
    return (*(1,) * (rank - len(shape)), *shape)


def _weight(shape: Sequence[Dim], order: Sequence[int]) -> int:
    """How many elements a transpose moves; none where only axes of length 1 change places."""
    if moves_only_ones(shape, order):
        return 0
    count = 1
    for dim in shape:
        size = largest(dim)
        count *= OPEN if size is None else max(size, 1)
    return count
