"""Rewrites: pattern, check, rewrite, and the worklist that drives them.

In: a graph and a subclass's three functions. Out: the changed graph, with a remark for each rewrite
that fired, and for each that nearly did the reason why not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Attribute, Node
from ..ir.value import Value
from .manager import Pass
from .remarks import Remarks


@dataclass(frozen=True)
class Match:
    """What a pattern found. `nodes` are the nodes that the new ones stand for.

    Subclasses add what the check and the rewrite need.
    """

    nodes: tuple[Node, ...]


M = TypeVar("M", bound=Match)


@dataclass(frozen=True)
class Rewrite(Pass, Generic[M]):
    """A pass that replaces a pattern wherever it occurs.

    `match` is loose: it finds what somebody may take for the pattern. `check` is strict: it gives
    the reason why this occurrence must stay, in words for the user, or None. `rewrite` then may
    not fail.
    """

    roots: ClassVar[tuple[str, ...]]
    """The ops that a match starts from."""
    tells: ClassVar[bool] = True
    """Whether its rewrites are worth remarks."""
    fuses: ClassVar[bool] = True
    """Whether it makes one node of several; remarks speak of other rewrites as changes."""

    def match(self, graph: Graph, node: Node) -> M | None:
        raise NotImplementedError

    def check(self, graph: Graph, match: M) -> str | None:
        """The reason to decline; None where the rewrite is right."""
        return None

    def rewrite(self, graph: Graph, match: M, emit: Emitter) -> Sequence[Value]:
        """Adds the new nodes; the values that take the place of the root's results."""
        raise NotImplementedError

    def describe(self, match: M) -> str:
        """What the rewrite did, for its remark."""
        return self.name

    def run(self, graph: Graph, remarks: Remarks) -> int:
        worklist = Worklist(graph, self.roots)
        # A root is tried again after its surroundings changed; only the last answer is told.
        declined: dict[Value, tuple[str, tuple[Node, ...]]] = {}
        changes = 0
        for node in worklist:
            match = self.match(graph, node)
            declined.pop(node.results[0], None)
            if match is None:
                continue
            reason = self.check(graph, match)
            if reason is not None:
                declined[node.results[0]] = reason, match.nodes
                continue
            emit = _Recorder(Emitter.like(graph, *match.nodes))
            results = self.rewrite(graph, match, emit)
            if self.tells:
                tell = remarks.fused if self.fuses else remarks.changed
                tell(self.name, self.describe(match), match.nodes)
            substitute(graph, node, results)
            emit.erase_unused()
            for result in results:
                worklist.push_around(result)
            changes += 1
        for root, (reason, nodes) in declined.items():
            if graph.producer(root) is not None:
                tell = remarks.missed if self.fuses else remarks.kept
                tell(self.name, reason, nodes)
        return changes


class _Recorder(Emitter):
    """An emitter that can take back what turned out not to be needed."""

    def __init__(self, emit: Emitter) -> None:
        super().__init__(emit.graph, emit.scope, emit.spans)
        self._made: list[Value] = []

    def _node(
        self, op: str, operands: Sequence[Value | None], attributes: dict[str, Attribute], name: str
    ) -> Node:
        node = super()._node(op, operands, attributes, name)
        self._made.append(node.results[0])
        return node

    def erase_unused(self) -> None:
        for value in reversed(self._made):
            erase_unused(self.graph, value)


class Worklist:
    """The nodes of some ops in the graph's order; changed surroundings come again at the end.

    It holds values, since a node object is replaced whenever one of its operands is.
    """

    def __init__(self, graph: Graph, ops: Iterable[str] = ()) -> None:
        self._graph = graph
        self._ops = frozenset(ops)
        self._queue: deque[Value] = deque()
        self._waiting: set[Value] = set()
        nodes = graph.nodes()
        # Every rewrite makes progress, so none needs more visits than this; a faulty one that
        # undoes itself must end in an error, not in a compiler that hangs.
        self._visits_left = 1000 + 100 * len(nodes)
        for node in nodes:
            self.push(node)

    def push(self, node: Node | None) -> None:
        if node is None or (self._ops and node.op not in self._ops):
            return
        key = node.results[0]
        if key not in self._waiting:
            self._waiting.add(key)
            self._queue.append(key)

    def push_around(self, value: Value) -> None:
        """A new value: its producer and its readers are worth another look.

        What only dead nodes read may be gone by now.
        """
        if value not in self._graph:
            return
        self.push(self._graph.producer(value))
        for user in self._graph.users(value):
            self.push(user)

    def __iter__(self) -> Worklist:
        return self

    def __next__(self) -> Node:
        while self._queue:
            key = self._queue.popleft()
            self._waiting.discard(key)
            node = self._graph.producer(key)
            if node is not None:
                self._visits_left -= 1
                if self._visits_left < 0:
                    raise RuntimeError("a rewrite does not come to an end")
                return node
        raise StopIteration


def substitute(graph: Graph, node: Node, results: Sequence[Value]) -> None:
    """Readers of the node's results take `results`; whatever nothing needs any more is erased."""
    for old, new in zip(node.results, results, strict=True):
        graph.replace_uses(old, new)
    erase_unused(graph, node.results[0])


def erase_unused(graph: Graph, value: Value) -> None:
    """Erases the producer of `value` if nothing reads its results, and then what only it read."""
    pending = [value]
    while pending:
        node = graph.producer(pending.pop())
        if node is None or any(is_used(graph, result) for result in node.results):
            continue
        graph.erase(node)
        pending.extend(operand for operand in node.operands if operand is not None)


def is_used(graph: Graph, value: Value) -> bool:
    """Whether a node or an output reads the value."""
    return bool(graph.uses(value)) or graph.is_output(value)
