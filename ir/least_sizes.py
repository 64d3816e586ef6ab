"""The shortest sequences that a graph can compute: windows that must fit whole need some length.

In: a graph. Out: for each open axis its least size.
"""

from __future__ import annotations

from .dim import Dim, SymbolicDim, evaluate
from .graph import Graph
from .node import Node

LONGEST_WINDOW = 1 << 16
"""Where the search ends for an axis without a maximum."""


def least_sizes(graph: Graph) -> dict[str, int]:
    """For each symbol of the inputs the least size at which no computed axis is empty: (S - 3)//2
    + 1 needs an S of 3, and to take position 4 an S of 5. Axes of several symbols are products of
    such, and say nothing new."""
    dims: dict[str, dict[SymbolicDim, None]] = {name: {} for name in graph.symbols()}
    for node in graph.nodes():
        for sizes in (*(value.type.shape for value in node.results), _room_of(node)):
            for dim in sizes:
                if isinstance(dim, SymbolicDim):
                    names = {each.name for each in dim.symbols()}
                    if len(names) == 1 and (name := names.pop()) in dims:
                        dims[name][dim] = None
    least: dict[str, int] = {}
    for name, symbol in graph.symbols().items():
        last = symbol.maximum or LONGEST_WINDOW
        size = symbol.minimum
        for dim in dims[name]:
            # No axis shrinks when an input grows, so that each goes on where the last one ended.
            while size < last and evaluate(dim, {name: size}) < 1:
                size += 1
        least[name] = size
    return least


def _room_of(node: Node) -> tuple[Dim, ...]:
    """What must be at least 1 for a slice to lie within its axis."""
    x = node.operands[0] if node.op == "slice" else None
    if x is None:
        return ()
    axis, start, stop = (node.attributes[each] for each in ("axis", "start", "stop"))
    assert isinstance(axis, int)
    assert isinstance(start, int | SymbolicDim)
    assert isinstance(stop, int | SymbolicDim)
    return (start + 1, x.type.shape[axis] - stop + 1)
