"""Nodes: what the graph computes.

In: values. Out: `Node`, frozen; only `Graph` puts a changed one in its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .dim import Dim
from .dtype import DType
from .span import Span
from .value import Value

if TYPE_CHECKING:
    from .graph import Graph

Attribute = int | float | bool | str | DType | Dim | None | tuple["Attribute", ...]
"""What an attribute may hold; shapes are tuples of dimensions."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One operation.

    An absent optional operand is None. `spans` are the source places that it stands for (a fused
    node has the union of its parts'), `scope` the layer that it belongs to, e.g.
    `encoder[3]/attention`. `regions` are nested graphs, for ops that loop or branch.
    """

    op: str
    operands: tuple[Value | None, ...]
    results: tuple[Value, ...]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    spans: tuple[Span, ...] = ()
    scope: str = ""
    regions: tuple[Graph, ...] = ()

    @property
    def result(self) -> Value:
        """The one result of a node that has one. Raises `ValueError` otherwise."""
        if len(self.results) != 1:
            raise ValueError(f"{self.op} has {len(self.results)} results")
        return self.results[0]
