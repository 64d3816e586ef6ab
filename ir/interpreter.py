"""The oracle: runs a graph in float64.

In: a graph, arrays for its inputs, optionally other weights. Out: its outputs. Slow and simple; a
value is dropped once its last reader has run, so that deep models fit into memory.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, cast

import numpy as np

from .binding import bind_attributes, bind_symbols, bind_type
from .diagnostic import CompileError, Diagnostic, ExitStatus, Severity
from .dim import Dim, symbols_of
from .dtype import DType
from .evaluate import evaluate
from .graph import Graph
from .node import Node
from .reference import as_float64, compute
from .rounding import rounded
from .spec import spec_of
from .value import Value

__all__ = ["bind_attributes", "bind_symbols", "interpret"]

Array = np.ndarray[Any, Any]


def interpret(
    graph: Graph,
    inputs: Mapping[str, Array],
    parameters: Callable[[Value], Array] | None = None,
    keep: Collection[str] = (),
) -> dict[str, Array]:
    """The graph's outputs by name, and the values called in `keep` by theirs.

    Floats are float64 throughout, from inputs and weights that are rounded to their element types
    first; integers and booleans are exact. `parameters` gives the content of constants and weights
    instead of their sources.

    Raises `CompileError`: E0710-E0717 for inputs that do not fit (binding.py; E0712 the element
    type), E0731 where an op cannot take the numbers that reach it, E0732 for an op that is not
    neuralc's own. Raises `ValueError` for names in `keep` that no value has.
    """
    sizes = bind_symbols(graph, {name: np.shape(array) for name, array in inputs.items()})
    given = {value: _checked(value, np.asarray(inputs[value.name])) for value in graph.inputs}
    wanted = _wanted(graph, keep)
    nodes = _needed(graph, wanted)
    last: dict[Value, int] = {}
    for position, node in enumerate(nodes):
        last.update((operand, position) for operand in node.operands if operand is not None)

    def content(value: Value) -> Array:
        if value not in known:
            source = graph.source(value)
            assert source is not None, f"{value} is neither computed nor given"
            stored = parameters(value) if parameters is not None else evaluate(source)
            known[value] = as_float64(np.asarray(stored))
        return known[value]

    known: dict[Value, Array] = dict(given)
    results: dict[str, Array] = {}
    for position, node in enumerate(nodes):
        arrays = [None if o is None else content(o) for o in node.operands]
        known.update(zip(node.results, _run(node, arrays, sizes), strict=True))
        for value in dict.fromkeys((*node.operands, *node.results)):
            if value is not None and last.get(value, -1) <= position and value not in wanted:
                del known[value]
    for value, names in wanted.items():
        results.update((name, content(value)) for name in names)
    order = [*graph.outputs, *keep]
    return {name: results[name] for name in order}


def _needed(graph: Graph, wanted: Collection[Value]) -> list[Node]:
    """The nodes that the wanted values depend on, in order."""
    live = set(wanted)
    found = []
    for node in reversed(graph.nodes()):
        if any(result in live for result in node.results):
            live.update(operand for operand in node.operands if operand is not None)
            found.append(node)
    return found[::-1]


def _wanted(graph: Graph, keep: Collection[str]) -> dict[Value, list[str]]:
    """The values to be returned, each with the names it is returned under."""
    wanted: dict[Value, list[str]] = {}
    for name, value in graph.outputs.items():
        wanted.setdefault(value, []).append(name)
    if keep:
        named = {value.name: value for value in graph.inputs}
        named.update((value.name, value) for value, _ in graph.sources())
        named.update((value.name, value) for node in graph.nodes() for value in node.results)
        for name in keep:
            if name not in named:
                raise ValueError(f"graph {graph.name!r} has no value {name!r}")
            if graph.outputs.get(name, named[name]) is not named[name]:
                raise ValueError(f"{name!r} is the name of a value and of another output")
            wanted.setdefault(named[name], []).append(name)
    return wanted


def _checked(value: Value, array: Array) -> Array:
    """An input as the model sees it: rounded to its element type, then float64."""
    dtype = value.type.dtype
    kinds = "f" if dtype.is_float else "b" if dtype is DType.BOOL else "iu"
    fits = array.dtype.kind in kinds
    if fits and kinds == "iu" and array.size:
        limits = np.iinfo(dtype.numpy)
        fits = limits.min <= int(array.min()) and int(array.max()) <= limits.max
    if not fits:
        message = f"the input {value.name!r} is {value.type} and was given as {array.dtype}"
        raise CompileError((Diagnostic("E0712", Severity.ERROR, message),))
    return as_float64(rounded(array, dtype))


def _run(node: Node, arrays: list[Array | None], sizes: dict[str, int]) -> tuple[Array, ...]:
    if "." in node.op:
        raise _fault(node, "E0732", f"the op {node.op} is not one of neuralc's own")
    types = [None if o is None else bind_type(o.type, sizes) for o in node.operands]
    try:
        results = compute(node.op, types, arrays, bind_attributes(node.attributes, sizes))
    except (IndexError, ValueError, ZeroDivisionError) as error:
        raise _fault(node, "E0731", f"{node.op} cannot be computed: {error}") from error
    if counted := spec_of(node.op).counts:
        (symbol,) = symbols_of((cast("Dim", node.attributes[counted]),))
        sizes[symbol.name] = results[0].shape[0]
    for value, array in zip(node.results, results, strict=True):
        expected = bind_type(value.type, sizes)
        if array.shape != expected.shape:
            message = f"{node.op} gave the shape {list(array.shape)} where {expected} is due"
            raise _fault(node, "E0731", message)
    return results


def _fault(node: Node, code: str, message: str) -> CompileError:
    scope = f" (in {node.scope})" if node.scope else ""
    span = node.spans[0] if node.spans else None
    return CompileError(
        (Diagnostic(code, Severity.ERROR, message + scope, span),), ExitStatus.WRONG_PROGRAM
    )
