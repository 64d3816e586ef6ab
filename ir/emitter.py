"""Adding nodes to a graph with little writing.

In: a graph, the source places and the scope that new nodes belong to. Out: `Emitter`, which the
builder, the decompositions and the passes all write nodes with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .dim import Dim
from .dtype import DType
from .graph import Graph
from .node import Attribute, Node
from .parameter import Literal, ParameterSource
from .span import Span
from .type import TensorType
from .value import Kind, Value


class Emitter:
    """Writes nodes into `graph` under a scope and a set of spans.

    `emit("add", x, y)` returns the one result; `emit.all("split", x, …)` every result.
    """

    def __init__(self, graph: Graph, scope: str = "", spans: tuple[Span, ...] = ()) -> None:
        self.graph = graph
        self.scope = scope
        self.spans = spans

    @classmethod
    def like(cls, graph: Graph, *nodes: Node) -> Emitter:
        """An emitter with the union of the nodes' spans and the scope that they share."""
        spans = dict.fromkeys(span for node in nodes for span in node.spans)
        return cls(graph, shared_scope([node.scope for node in nodes]), tuple(spans))

    def __call__(
        self, op: str, *operands: Value | None, name: str = "", **attributes: Attribute
    ) -> Value:
        return self._node(op, operands, attributes, name).result

    def all(
        self, op: str, *operands: Value | None, name: str = "", **attributes: Attribute
    ) -> tuple[Value, ...]:
        return self._node(op, operands, attributes, name).results

    def constant(self, content: Any, dtype: DType = DType.F32, name: str = "constant") -> Value:
        """A constant of the array-like's shape."""
        array = np.asarray(content, dtype=dtype.numpy)
        shape: tuple[Dim, ...] = tuple(int(size) for size in array.shape)
        source = Literal(TensorType(dtype, shape), array)
        return self.graph.add_source(name, source, Kind.CONSTANT)

    def parameter(self, path: str, source: ParameterSource, kind: Kind = Kind.PARAMETER) -> Value:
        """A weight called by its path, e.g. `encoder[0]/attention/query/kernel`."""
        return self.graph.add_source(path, source, kind)

    @contextmanager
    def inside(self, scope: str, spans: tuple[Span, ...] | None = None) -> Iterator[None]:
        """Within it, nodes belong to `scope` below the present one, and to `spans` if given."""
        before = self.scope, self.spans
        self.scope = f"{self.scope}/{scope}" if self.scope and scope else self.scope or scope
        if spans is not None:
            self.spans = spans
        try:
            yield
        finally:
            self.scope, self.spans = before

    def _node(
        self, op: str, operands: Sequence[Value | None], attributes: dict[str, Attribute], name: str
    ) -> Node:
        names = (name,) if name else ()
        return self.graph.add(
            op, operands, attributes, spans=self.spans, scope=self.scope, names=names
        )


def shared_scope(scopes: Sequence[str]) -> str:
    """The longest scope that all of them lie in."""
    if not scopes:
        return ""
    parts = [scope.split("/") for scope in scopes]
    shared: list[str] = []
    for level in zip(*parts, strict=False):
        if len(set(level)) != 1:
            break
        shared.append(level[0])
    return "/".join(shared)
