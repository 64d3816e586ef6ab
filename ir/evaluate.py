"""The content of constants and weights.

In: a `ParameterSource`. Out: its array, or its elements in blocks, in the source's element type
(bf16 held as float32). Floats are computed in float64 from the values that are stored or drawn, and
rounded once, at the end.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np

from .diagnostic import ExitStatus, failure
from .dtype import DType
from .initializers import seeded_blocks
from .parameter import Computed, Literal, ParameterSource, Seeded, Stored
from .reference import as_float64, compute
from .rounding import rounded
from .tensor_file import read_blocks, read_header

Array = np.ndarray[Any, Any]

BLOCK = 1 << 18
"""Elements of a block: what is made of it next still finds it in the processor's cache, and the C
library takes it from memory that is mapped already. Four times as many cost a third more."""

_MOVES = frozenset({"reshape", "transpose", "expand", "concat", "slice", "split", "gather"})
"""Ops that change no element and so need no float64."""

_EXACT_FILL = (0.0, 1.0)
"""What `pad` may fill with that every type of float holds as it is."""

_ELEMENTWISE = frozenset({"cast", "neg", "abs", "sqrt", "reciprocal", "add", "sub", "mul", "div"})
"""Ops that can be computed block by block."""


def evaluate(source: ParameterSource) -> Array:
    """The whole tensor. It may be a view of a `Literal`'s array: do not write to it.

    Raises `CompileError` for a stored tensor that cannot be read as the type (E0401-E0405), and
    `ValueError` for an unknown initializer.
    """
    if isinstance(source, Literal):
        return source.array
    shape = source.type.static_shape
    if isinstance(source, Computed) and not _streams(source):
        if _only_moves(source):
            return _apply(source, [None if o is None else evaluate(o) for o in source.operands])
        return rounded(_exact(source), source.type.dtype)
    result = np.empty(math.prod(shape), source.type.dtype.numpy)
    start = 0
    for block in evaluate_blocks(source):
        result[start : start + block.size] = block
        start += block.size
    return result.reshape(shape)


def evaluate_blocks(source: ParameterSource) -> Iterator[Array]:
    """The tensor's elements in row-major order, as vectors of `BLOCK` elements or fewer.

    Drawn and stored tensors, and what is computed of such element by element (a cast, a product
    with a scalar) or stacked of them, are never whole in memory.
    """
    if isinstance(source, Seeded):
        yield from seeded_blocks(source, BLOCK)
    elif isinstance(source, Stored):
        yield from _stored_blocks(source)
    elif isinstance(source, Computed) and _streams(source):
        for block in _exact_blocks(source):
            yield rounded(block, source.type.dtype)
    elif isinstance(source, Computed) and _is_stacked(source):
        for operand in source.operands:
            assert operand is not None
            yield from evaluate_blocks(operand)
    else:
        yield from _cut(evaluate(source))


def _cut(array: Array) -> Iterator[Array]:
    flat = array.reshape(-1)
    for start in range(0, flat.size, BLOCK):
        yield flat[start : start + BLOCK]


def _streams(source: Computed) -> bool:
    """Whether each element depends on the operands' elements at its own place and on scalars."""
    shapes = [operand.type.shape for operand in source.operands if operand is not None]
    return source.op in _ELEMENTWISE and all(s in ((), source.type.shape) for s in shapes)


def _only_moves(source: Computed) -> bool:
    """Whether elements are moved and none is computed."""
    return source.op in _MOVES or (source.op == "pad" and source.attributes["value"] in _EXACT_FILL)


def _is_stacked(source: Computed) -> bool:
    """Whether the elements of the operands follow one another."""
    return source.op == "concat" and source.attributes["axis"] in (0, -source.type.rank)


def _exact_blocks(source: ParameterSource) -> Iterator[Array]:
    """The blocks of `_exact`."""
    if not isinstance(source, Computed):
        yield from map(as_float64, evaluate_blocks(source))
    elif not _streams(source):
        yield from _cut(_exact(source))
    else:
        operands = [operand for operand in source.operands if operand is not None]
        count = math.prod(source.type.static_shape)
        streams = [_exact_blocks(o) if o.type.shape else repeat(_exact(o)) for o in operands]
        for start in range(0, count, BLOCK):
            parts: list[Array | None] = [next(stream) for stream in streams]
            size = min(BLOCK, count - start)
            types = [o.type.with_shape((size,) if o.type.shape else ()) for o in operands]
            (block,) = compute(source.op, types, parts, source.attributes)
            yield np.broadcast_to(block, (size,))


def _exact(source: ParameterSource) -> Array:
    """The tensor with floats in float64, computed ones not yet rounded."""
    if isinstance(source, Computed):
        return _apply(source, [None if o is None else _exact(o) for o in source.operands])
    return as_float64(evaluate(source))


def _apply(source: Computed, arrays: list[Array | None]) -> Array:
    types = [None if o is None else o.type for o in source.operands]
    return compute(source.op, types, arrays, source.attributes)[source.index]


def _stored_blocks(source: Stored) -> Iterator[Array]:
    file, wanted = Path(source.file), source.type
    entry = read_header(file).get(source.tensor)
    if entry is not None:
        same_kind = entry.dtype.is_float == wanted.dtype.is_float
        same_kind = same_kind and (entry.dtype is DType.BOOL) == (wanted.dtype is DType.BOOL)
        if entry.shape != wanted.shape or not same_kind:
            raise failure(
                "E0405",
                f"the tensor {source.tensor!r} in {source.file} is {entry}, but {wanted} is needed",
                status=ExitStatus.WRONG_PROGRAM,
            )
    for block in read_blocks(file, source.tensor, BLOCK):
        converted = rounded(block, wanted.dtype)
        if not wanted.dtype.is_float and not np.array_equal(converted, block):
            raise failure(
                "E0405",
                f"the tensor {source.tensor!r} in {source.file} holds numbers that {wanted.dtype} "
                "cannot hold",
                status=ExitStatus.WRONG_PROGRAM,
            )
        yield converted
