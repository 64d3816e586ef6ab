"""Symbols get their sizes.

In: a graph and the shapes of its inputs. Out: the size of each symbol, and attributes and types in
which every dimension is an int.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .diagnostic import CompileError, Diagnostic, Severity
from .dim import Dim, Symbol, SymbolicDim, evaluate
from .graph import Graph
from .type import TensorType


def bind_symbols(graph: Graph, shapes: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """The size of each symbol of the inputs' shapes, given the actual shape of every input.

    Raises `CompileError` with a diagnostic for each axis that does not fit: E0710 a shape is
    missing, E0711 it belongs to no input, E0713 the rank, E0714 a size that must be another, E0715
    an empty axis, E0716 two axes disagree on a symbol, E0717 a size beyond the symbol's bounds.
    """
    problems: list[Diagnostic] = []
    names = [value.name for value in graph.inputs]
    for name in shapes:
        if name not in names:
            problems.append(_wrong("E0711", f"there is no input {name!r}", _known(names)))
    sizes: dict[str, int] = {}
    places: dict[str, str] = {}
    later: list[tuple[str, SymbolicDim, int]] = []
    for value in graph.inputs:
        if value.name not in shapes:
            problems.append(_wrong("E0710", f"the input {value.name!r} is missing", _known(names)))
            continue
        shape = shapes[value.name]
        if len(shape) != value.type.rank:
            message = f"the input {value.name!r} is {value.type} but was given {len(shape)} axes"
            problems.append(_wrong("E0713", message, f"its shape was {list(shape)}"))
            continue
        for axis, (dim, size) in enumerate(zip(value.type.shape, shape, strict=True)):
            place = f"axis {axis} of input {value.name!r}"
            symbol = _single(dim)
            if size == 0 and dim != 0:
                problems.append(_wrong("E0715", f"{place} is empty"))
            elif isinstance(dim, int):
                if size != dim:
                    problems.append(_wrong("E0714", f"{place} is {size}, but must be {dim}"))
            elif symbol is None:
                later.append((place, dim, size))
            elif symbol.name not in sizes:
                sizes[symbol.name], places[symbol.name] = size, place
                problems += _check_bounds(place, symbol, size)
            elif sizes[symbol.name] != size:
                message = f"{place} is {size}, but {places[symbol.name]} is {sizes[symbol.name]}"
                problems.append(_wrong("E0716", message, f"both are {symbol.name!r}"))
    if not problems:
        problems += _check_derived(later, sizes)
    if problems:
        raise CompileError(tuple(problems))
    return sizes


def bind_type(type: TensorType, sizes: Mapping[str, int]) -> TensorType:
    """The type with every dimension an int. Raises `KeyError` for a symbol without a size."""
    return type.with_shape(tuple(evaluate(dim, sizes) for dim in type.shape))


def bind_attributes(attributes: Mapping[str, Any], sizes: Mapping[str, int]) -> dict[str, Any]:
    """The attributes with every dimension an int, also within tuples."""

    def bound(value: Any) -> Any:
        if isinstance(value, SymbolicDim):
            return evaluate(value, sizes)
        return tuple(bound(each) for each in value) if isinstance(value, tuple) else value

    return {name: bound(value) for name, value in attributes.items()}


def _single(dim: Dim) -> Symbol | None:
    """The symbol that a dimension is, where it is nothing but one."""
    if isinstance(dim, SymbolicDim) and len(dim.terms) == 1:
        (monomial, coefficient) = dim.terms[0]
        if coefficient == 1 and len(monomial) == 1 and isinstance(monomial[0], Symbol):
            return monomial[0]
    return None


def _check_bounds(place: str, symbol: Symbol, size: int) -> list[Diagnostic]:
    origin = f" ({symbol.origin})" if symbol.origin else ""
    if size < symbol.minimum:
        message = f"{place} is {size}, but {symbol.name}{origin} is {symbol.minimum} or more"
    elif symbol.maximum is not None and size > symbol.maximum:
        message = f"{place} is {size}, but {symbol.name}{origin} is {symbol.maximum} at most"
    else:
        return []
    return [_wrong("E0717", message)]


def _check_derived(
    derived: list[tuple[str, SymbolicDim, int]], sizes: Mapping[str, int]
) -> list[Diagnostic]:
    problems = []
    for place, dim, size in derived:
        unknown = [each.name for each in dim.symbols() if each.name not in sizes]
        if unknown:
            message = f"{place} is {dim}, and no input's axis is {unknown[0]!r} alone"
            problems.append(_wrong("E0714", message))
        elif evaluate(dim, sizes) != size:
            message = f"{place} is {size}, but must be {dim} = {evaluate(dim, sizes)}"
            problems.append(_wrong("E0714", message))
    return problems


def _known(names: list[str]) -> str:
    return f"the inputs are {', '.join(names)}" if names else "there are no inputs"


def _wrong(code: str, message: str, help: str | None = None) -> Diagnostic:
    return Diagnostic(code, Severity.ERROR, message, help=help)
