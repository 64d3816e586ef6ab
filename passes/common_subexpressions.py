"""Computes equal things once.

In: a graph. Out: the graph with nodes of the same op, operands and attributes made one, and
constants and weights of the same content made one.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..ir.graph import Graph
from ..ir.node import Attribute, Node
from ..ir.parameter import Computed, Literal, ParameterSource
from ..ir.span import Span
from ..ir.value import Value
from .manager import Pass
from .remarks import Remarks

COMMUTATIVE = frozenset(
    {"add", "mul", "maximum", "minimum", "equal", "not_equal", "logical_and", "logical_or"}
)
"""Ops whose two operands may change places without a bit of the result changing."""

RANDOM = frozenset({"dropout", "gaussian_noise"})
"""Two of them are two draws in training, so they are never equal."""

_LARGEST_COMPARED = 1 << 16
"""Literals of more bytes are only equal to themselves: hashing them costs more than it saves."""


@dataclass(frozen=True)
class CommonSubexpressions(Pass):
    """`%a = exp(%x); %b = exp(%x); add(%a, %b)` → `%a = exp(%x); add(%a, %a)`."""

    name: ClassVar[str] = "common_subexpressions"

    def run(self, graph: Graph, remarks: Remarks) -> int:
        return _merge_sources(graph) + _merge_nodes(graph)


def _merge_sources(graph: Graph) -> int:
    numbering = _Numbering()
    first: dict[Hashable, Value] = {}
    changes = 0
    for value, source in graph.sources():
        kept = first.setdefault((value.kind, numbering.of(source)), value)
        if kept is not value and graph.uses(value):
            graph.replace_uses(value, kept)
            changes += 1
    return changes


def _merge_nodes(graph: Graph) -> int:
    first: dict[Hashable, Node] = {}
    # Collected and put in place once at the end: a mask that all layers share has as many places.
    spans: dict[Value, dict[Span, None]] = {}
    changes = 0
    # Values, since merging one node puts new node objects in the place of its users.
    for root in [node.results[0] for node in graph.nodes()]:
        node = graph.producer(root)
        assert node is not None
        if node.op in RANDOM or node.regions or "." in node.op:
            continue
        kept = first.setdefault(_node_key(node), node)
        if kept is node:
            continue
        for old, new in zip(node.results, kept.results, strict=True):
            graph.replace_uses(old, new)
        graph.erase(node)
        spans.setdefault(kept.results[0], dict.fromkeys(kept.spans)).update(
            dict.fromkeys(node.spans)
        )
        changes += 1
    for root, places in spans.items():
        merged = graph.producer(root)
        if merged is not None and merged.spans != tuple(places):
            graph.update(merged, spans=tuple(places))
    return changes


class _Numbering:
    """A number for every content: equal ones for equal sources, found without comparing trees."""

    def __init__(self) -> None:
        self._by_identity: dict[int, int] = {}
        self._by_content: dict[Hashable, int] = {}

    def of(self, source: ParameterSource | None) -> int:
        number = self._by_identity.get(id(source))
        if number is None:
            number = self._by_content.setdefault(self._content(source), len(self._by_content))
            self._by_identity[id(source)] = number
        return number

    def _content(self, source: ParameterSource | None) -> Hashable:
        if isinstance(source, Literal):
            small = source.array.nbytes <= _LARGEST_COMPARED
            return (source.type, source.array.tobytes()) if small else id(source)
        if isinstance(source, Computed):
            operands = tuple(self.of(operand) for operand in source.operands)
            key = _attributes_key(source.attributes)
            return source.type, source.op, key, operands, source.index
        return source


def _node_key(node: Node) -> Hashable:
    operands = [0 if operand is None else id(operand) for operand in node.operands]
    if node.op in COMMUTATIVE:
        operands.sort()
    return node.op, tuple(operands), _attributes_key(node.attributes)


def _attributes_key(attributes: Mapping[str, Attribute]) -> Hashable:
    return tuple(sorted((name, _attribute_key(value)) for name, value in attributes.items()))


def _attribute_key(value: Attribute) -> str:
    """A text that differs wherever two attributes do, so 0.0 and -0.0, 1 and True are two."""
    if isinstance(value, tuple):
        return f"({', '.join(_attribute_key(each) for each in value)})"
    return f"{type(value).__name__} {value}"
