"""What an op computes, on numpy arrays.

In: an op, its operands' types and arrays, its attributes with every dimension an int. Out: arrays.
Floats are float64; integers and booleans are exact. A primitive op has its reference formula, a
fused op is decomposed and computed part by part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .emitter import Emitter
from .graph import Graph
from .parameter import Literal
from .spec import spec_of
from .type import TensorType
from .value import Value

Array = np.ndarray[Any, Any]


def compute(
    op: str,
    types: Sequence[TensorType | None],
    arrays: Sequence[Array | None],
    attributes: Mapping[str, Any],
) -> tuple[Array, ...]:
    """The op's results. `types` are the operands', with the arrays' shapes.

    Raises whatever numpy raises where the op cannot be computed, such as `IndexError` for an index
    outside its axis, and `InferenceError` for types that the op cannot take.
    """
    spec = spec_of(op)
    arrays = spec.arrange(arrays)
    complete = spec.complete(attributes)
    if spec.reference is None:
        return _by_parts(op, spec.arrange(types), arrays, complete)
    with np.errstate(all="ignore"):
        results = spec.reference(arrays, complete)
    return results if isinstance(results, tuple) else (results,)


def as_float64(array: Array) -> Array:
    """Floats as float64, anything else as it is."""
    return array.astype(np.float64, copy=False) if array.dtype.kind == "f" else array


def _by_parts(
    op: str,
    types: Sequence[TensorType | None],
    arrays: Sequence[Array | None],
    attributes: Mapping[str, Any],
) -> tuple[Array, ...]:
    graph = Graph(op)
    operands = [
        graph.add_input(f"operand_{index}", type) if type is not None else None
        for index, type in enumerate(types)
    ]
    decompose = spec_of(op).decompose
    assert decompose is not None
    results = decompose(Emitter(graph), operands, attributes)
    results = results if isinstance(results, tuple) else (results,)
    graph.outputs = {str(index): result for index, result in enumerate(results)}
    known: dict[Value, Array] = {
        operand: array
        for operand, array in zip(operands, arrays, strict=True)
        if operand is not None and array is not None
    }
    for value, source in graph.sources():
        assert isinstance(source, Literal), f"{op} is decomposed with a constant not literal"
        known[value] = as_float64(source.array)
    last = {
        operand: position
        for position, node in enumerate(graph.nodes())
        for operand in node.operands
        if operand is not None
    }
    for position, node in enumerate(graph.nodes()):
        given = [None if o is None else known[o] for o in node.operands]
        types = [None if o is None else o.type for o in node.operands]
        found = compute(node.op, types, given, node.attributes)
        known.update(zip(node.results, found, strict=True))
        for operand in node.operands:
            if operand is not None and last[operand] == position and operand not in results:
                known.pop(operand, None)
    return tuple(known[result] for result in results)
