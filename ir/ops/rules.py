"""Type rules that ops of several families share.

In: operand types and attributes. Out: result shapes, or an `InferenceError` that names the op, the
operand or axis, and what was wrong.
"""

from __future__ import annotations

from typing import Any

from ..dim import Atom, Dim, Shape, Symbol, SymbolicDim
from ..dtype import DType
from ..spec import InferenceError
from ..type import TensorType

INDEX_DTYPES = (DType.I32, DType.I64)


def require(condition: bool, message: str) -> None:
    """Raises `InferenceError` with the message where the condition does not hold."""
    if not condition:
        raise InferenceError(message)


def require_float(op: str, **operands: TensorType | None) -> None:
    """Every operand that is given has a float element type, and all the same one."""
    first: DType | None = None
    for name, type in operands.items():
        if type is None:
            continue
        if not type.dtype.is_float:
            raise InferenceError(f"{op}: {name} is {type}, but must have a float element type")
        first = first or type.dtype
        if type.dtype is not first:
            raise InferenceError(
                f"{op}: {name} has element type {type.dtype}, the operands before it {first}"
            )


def require_numeric(op: str, **operands: TensorType) -> None:
    for name, type in operands.items():
        if type.dtype is DType.BOOL:
            raise InferenceError(f"{op}: {name} is {type}, but must hold numbers")


def require_bool(op: str, **operands: TensorType | None) -> None:
    for name, type in operands.items():
        if type is not None and type.dtype is not DType.BOOL:
            raise InferenceError(f"{op}: {name} is {type}, but must hold booleans")


def require_same_dtype(op: str, first: TensorType, second: TensorType) -> None:
    if first.dtype is not second.dtype:
        raise InferenceError(f"{op}: element types differ: {first} and {second}")


def require_shape(op: str, name: str, type: TensorType | None, shape: Shape) -> None:
    """An operand that is given has exactly this shape."""
    if type is not None and type.shape != shape:
        raise InferenceError(f"{op}: {name} is {type}, but must have shape {shape_text(shape)}")


def require_rank(op: str, name: str, type: TensorType, rank: int) -> None:
    if type.rank != rank:
        raise InferenceError(f"{op}: {name} is {type}, but must have {rank} axes")


def axis_of(op: str, axis: int, rank: int) -> int:
    """The axis counted from the front; negative ones count from the back."""
    require(-rank <= axis < rank, f"{op}: axis {axis} is not an axis of a tensor of rank {rank}")
    return axis % rank


def distinct_axes(op: str, axes: tuple[int, ...], rank: int) -> tuple[int, ...]:
    """The axes counted from the front; there is at least one and none is named twice."""
    found = tuple(axis_of(op, axis, rank) for axis in axes)
    require(bool(found), f"{op}: no axis is given")
    require(len(set(found)) == len(found), f"{op}: an axis is named twice in {axes}")
    return found


def broadcast(op: str, *shapes: Shape) -> Shape:
    """numpy's broadcasting. A symbolic dimension goes with 1 and with an equal dimension."""
    rank = max(len(shape) for shape in shapes)
    result: list[Dim] = []
    for position in range(rank):
        found: Dim = 1
        for shape in shapes:
            index = position - rank + len(shape)
            dim: Dim = shape[index] if index >= 0 else 1
            if dim == 1 or dim == found:
                continue
            if found != 1:
                given = " and ".join(shape_text(shape) for shape in shapes)
                raise InferenceError(
                    f"{op}: shapes {given} do not broadcast: "
                    f"axis {position - rank} is {found} and {dim}"
                )
            found = dim
        result.append(found)
    return tuple(result)


def require_broadcastable(op: str, name: str, type: TensorType | None, shape: Shape) -> None:
    """An operand that is given broadcasts to the shape without changing it."""
    if type is not None:
        fits = type.rank <= len(shape) and all(
            dim in (1, target) for dim, target in zip(type.shape[::-1], shape[::-1], strict=False)
        )
        if not fits:
            raise InferenceError(
                f"{op}: {name} is {type}, which does not broadcast to {shape_text(shape)}"
            )


def smallest(dim: Dim) -> int | None:
    """A lower bound of the dimension over all sizes of its symbols; None where none is known."""
    if isinstance(dim, int):
        return dim
    total = 0
    for monomial, coefficient in dim.terms:
        value = coefficient
        for atom in monomial:
            bound = _extreme(atom, lowest=coefficient > 0)
            if bound is None:
                return None
            value *= bound
        total += value
    return total


def _extreme(atom: Atom, lowest: bool) -> int | None:
    if isinstance(atom, Symbol):
        return atom.minimum if lowest else atom.maximum
    bound = smallest(atom.dividend) if lowest else smallest(-atom.dividend)
    if bound is None:
        return None
    return (bound if lowest else -bound) // atom.divisor


def is_negative(dim: Dim) -> bool:
    """Whether a dimension is certainly below zero."""
    if isinstance(dim, SymbolicDim):
        bound = smallest(-dim)
        return bound is not None and bound > 0
    return dim < 0


def certainly_exceeds(dim: Dim, limit: Dim) -> bool:
    """Whether `dim > limit` holds for every size of the symbols."""
    difference = smallest(dim - limit)
    return difference is not None and difference > 0


def shape_text(shape: tuple[Any, ...]) -> str:
    return f"[{', '.join(str(dim) for dim in shape)}]"
