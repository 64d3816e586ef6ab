"""Whether two graphs are the same.

In: two graphs. Out: the first difference between them, or none. Values correspond by their names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .graph import Graph
from .node import Node
from .type import TensorType
from .value import Value


def equal(a: Graph, b: Graph, *, locations: bool = True) -> bool:
    """Whether the graphs agree in all that they say; scopes and spans only with `locations`."""
    return difference(a, b, locations=locations) is None


def difference(a: Graph, b: Graph, *, locations: bool = True) -> str | None:
    """The first difference in words, for a test's message; None where the graphs are equal."""
    parts: list[tuple[str, Any, Any]] = [
        ("name", a.name, b.name),
        ("metadata", list(a.metadata.items()), list(b.metadata.items())),
        ("inputs", _values(a.inputs), _values(b.inputs)),
        ("outputs", _outputs(a), _outputs(b)),
    ]
    for what, left, right in parts:
        if left != right:
            return f"{what}: {left} and {right}"
    sources = [[(_value(value), source) for value, source in g.sources()] for g in (a, b)]
    if [value for value, _ in sources[0]] != [value for value, _ in sources[1]]:
        return "constants and weights differ in name, type, kind or order"
    for (value, left), (_, right) in zip(*sources, strict=True):
        if left != right:
            return f"content of %{value[0]}: {left} and {right}"
    nodes, others = a.nodes(), b.nodes()
    if len(nodes) != len(others):
        return f"{len(nodes)} nodes and {len(others)}"
    for node, other in zip(nodes, others, strict=True):
        found = _node_difference(node, other, locations)
        if found is not None:
            return f"{', '.join(map(str, node.results))} = {node.op}(…): {found}"
    return None


def _node_difference(a: Node, b: Node, locations: bool) -> str | None:
    parts: list[tuple[str, Any, Any]] = [
        ("op", a.op, b.op),
        ("operands", _values(a.operands), _values(b.operands)),
        ("results", _values(a.results), _values(b.results)),
    ]
    if locations:
        parts += [("scope", a.scope, b.scope), ("spans", a.spans, b.spans)]
    for what, left, right in parts:
        if left != right:
            return f"{what}: {left} and {right}"
    if not same_attributes(a.attributes, b.attributes):
        return f"attributes: {dict(a.attributes)} and {dict(b.attributes)}"
    if len(a.regions) != len(b.regions):
        return f"{len(a.regions)} regions and {len(b.regions)}"
    for region, other in zip(a.regions, b.regions, strict=True):
        found = difference(region, other, locations=locations)
        if found is not None:
            return f"region {region.name}: {found}"
    return None


def same_attributes(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Whether the attributes agree in value and type: 1, 1.0 and True differ, NaN is NaN."""
    return a.keys() == b.keys() and all(_same(a[name], b[name]) for name in a)


def _same(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    return repr(a) == repr(b) if isinstance(a, float) else bool(a == b)


def _value(value: Value) -> tuple[str, TensorType, str]:
    return value.name, value.type, value.kind.value


def _values(values: Sequence[Value | None]) -> list[tuple[str, TensorType, str] | None]:
    return [None if value is None else _value(value) for value in values]


def _outputs(graph: Graph) -> list[tuple[str, str]]:
    return [(name, value.name) for name, value in graph.outputs.items()]
