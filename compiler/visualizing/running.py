"""The figure of a network as it runs: its kernels, by the layers that they come from.

In: a target graph. Out: a `Column` of frames, one a layer, with a box for each kernel; layers with
the same kernels are folded.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ...ir.graph import Graph
from ...ir.node import Node
from ...ir.value import Value
from ..summarizing.folding import Fold, fold
from .families import FAMILIES, family_of_op
from .figure import Box, Column, Figure, Frame

MANY = 3
"""Repeats within a layer that are drawn as one."""
_NOTHING = frozenset(("reshape",))
"""Ops that the runtime does no work for."""


@dataclass(frozen=True, slots=True)
class _Group:
    """The kernels of one layer, in order."""

    scope: str
    nodes: tuple[Node, ...]

    @property
    def signature(self) -> object:
        kind = self.scope.rpartition("[")[0]
        return kind, tuple(
            (node.op, node.attributes.get("form"), tuple(str(r.type) for r in node.results))
            for node in self.nodes
        )


def running(graph: Graph, layers: Collection[str]) -> Column:
    """The kernels in the order in which they run, each below the layer that it comes from; `layers`
    are the paths of all layers. What stands for parts of two layers is counted to the first."""
    return _Writer(graph, layers).column()


def kernel_count(graph: Graph) -> int:
    """How many kernels run, reshapes aside."""
    return sum(1 for node in graph.nodes() if node.op not in _NOTHING)


class _Writer:
    """Knows which box a value comes from: one of the first group where groups are folded."""

    def __init__(self, graph: Graph, layers: Collection[str]) -> None:
        self.graph = graph
        self.layers = layers
        self.keys: dict[Value, int] = {}

    def column(self) -> Column:
        groups: list[_Group] = []
        for node in self.graph.nodes():
            if node.op in _NOTHING:
                continue
            scope = self._layer(node.scope)
            if groups and scope in (groups[-1].scope, ""):
                groups[-1] = _Group(groups[-1].scope, (*groups[-1].nodes, node))
            else:
                groups.append(_Group(scope, (node,)))
        parts: list[Figure] = []
        for index, value in enumerate(self.graph.inputs):
            self.keys[value] = index
            gives = _shape(value.type.shape)
            parts.append(Box(value.name, "input", FAMILIES["ends"], gives, key=index))
        at = 0
        for each in fold(groups, lambda group: group.signature):
            count = len(each.items)
            for repeat in range(each.times):
                copies = groups[at + repeat * count : at + (repeat + 1) * count]
                for first, copy in zip(each.items, copies, strict=True):
                    self._number(first, copy)
            at += count * each.times
            if count > 1 and each.times > 1:
                inner = tuple(self._frame(group, group, 1) for group in each.items)
                parts.append(Frame("", Column(inner, linked=True), each.times))
            else:
                parts += [self._frame(group, each.last[0], each.times) for group in each.items]
        for name, value in self.graph.outputs.items():
            key = self._fresh()
            self.keys.setdefault(value, key)
            reads = self._source(value)
            gives = _shape(value.type.shape)
            parts.append(Box(name, "output", FAMILIES["ends"], gives, key=key, reads=reads))
        return Column(tuple(parts), linked=True)

    def _layer(self, scope: str) -> str:
        """The innermost layer that a scope lies in; empty where it lies in several."""
        while scope and scope not in self.layers:
            scope = scope.rpartition("/")[0]
        return scope

    def _fresh(self) -> int:
        return max(self.keys.values(), default=-1) + 1

    def _number(self, first: _Group, copy: _Group) -> None:
        """A kernel of a copy is shown by the kernel of the first group in its place."""
        for shown, node in zip(first.nodes, copy.nodes, strict=True):
            key = self.keys.get(shown.results[0])
            key = self._fresh() if key is None else key
            for result in node.results:
                self.keys[result] = key
        if first is not copy:
            return
        at = 0
        for step in self._steps(first):
            count = len(step.items)
            for index in range(count * step.times):
                shown_by = self.keys[step.items[index % count].results[0]]
                for result in first.nodes[at + index].results:
                    self.keys[result] = shown_by
            at += count * step.times

    def _steps(self, group: _Group) -> list[Fold[Node]]:
        """The kernels of a layer, with what repeats three times or more as one, such as attention
        in blocks of queries."""
        found = fold(group.nodes, lambda node: (node.op, node.attributes.get("form")))
        steps: list[Fold[Node]] = []
        for each in found:
            if len(each.items) > 1 and each.times >= MANY:
                steps.append(each)
                continue
            at = group.nodes.index(each.items[0])
            alone = group.nodes[at : at + len(each.items) * each.times]
            steps += [Fold((node,), 1, (node,)) for node in alone]
        return steps

    def _source(self, value: Value | None) -> tuple[int, ...]:
        """The box that a value comes from, through reshapes; none for weights."""
        while value is not None and value not in self.keys:
            node = self.graph.producer(value)
            if node is None or node.op not in _NOTHING:
                return ()
            value = node.operands[0]
        return (self.keys[value],) if value is not None else ()

    def _frame(self, group: _Group, last: _Group, times: int) -> Figure:
        alone = len(group.nodes) == 1 and times == 1
        if alone:
            return self._box(group.nodes[0], alone)
        parts: list[Figure] = []
        for step in self._steps(group):
            boxes = tuple(self._box(node, alone) for node in step.items)
            if step.times == 1:
                parts += boxes
            else:
                parts.append(Frame("", Column(boxes, linked=True), step.times))
        name = group.scope or "for several layers"
        if last.scope != group.scope:
            name = f"{group.scope} … {last.scope[last.scope.rfind('[') :]}"
        chain = Column(tuple(parts), linked=True)
        return Frame(name, chain, times, False, group.scope, _places(group.nodes))

    def _box(self, node: Node, alone: bool) -> Box:
        form = node.attributes.get("form")
        title = node.op if form in (None, node.op) else f"{node.op} · {form}"
        facts = {
            "kernel": node.op,
            **({"form": str(form)} if form else {}),
            "layer": node.scope or "several",
            "gives": str(node.results[0].type),
            "places": ", ".join(f"line {span.line}" for span in node.spans[:6]) or "none",
        }
        layer = self._layer(node.scope)
        within = node.scope if alone or not layer else node.scope[len(layer) + 1 :]
        own = self.keys[node.results[0]]
        reads = tuple(
            key for operand in node.operands for key in self._source(operand) if key != own
        )
        gives = _shape(node.results[0].type.shape)
        family = family_of_op(node.op)
        return Box(title, within, family, gives, 1, node.scope, _places((node,)), facts, own, reads)


def _places(nodes: Sequence[Node]) -> tuple[str, ...]:
    found = {f"{span.line}:{span.column}": None for node in nodes for span in node.spans}
    return tuple(found)[:40]


def _shape(dims: Sequence[object]) -> str:
    return f"({', '.join(str(dim) for dim in dims)})"
