"""The content of constants and weights.

In: a `ParameterSource`. Out: its array, or its elements in blocks, in the source's element type
(bf16 held as float32). Floats are computed in float64 from the values that are stored or drawn, and
rounded once, at the end.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
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

BLOCK = 1 << 20
"""Elements of a block."""

_MOVES = frozenset({"reshape", "transpose", "expand", "concat", "slice", "split", "gather"})
"""Ops that change no element and so need no float64."""


def evaluate(source: ParameterSource) -> Array:
    """The whole tensor. It may be a view of a `Literal`'s array: do not write to it.

    Raises `CompileError` for a stored tensor that cannot be read as the type (E0401-E0405), and
    `ValueError` for an unknown initializer.
    """
    if isinstance(source, Literal):
        return source.array
    shape = source.type.static_shape
    if isinstance(source, Computed):
        if source.op in _MOVES:
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

    Drawn and stored tensors are never whole in memory.
    """
    if isinstance(source, Seeded):
        yield from seeded_blocks(source, BLOCK)
    elif isinstance(source, Stored):
        yield from _stored_blocks(source)
    else:
        flat = evaluate(source).reshape(-1)
        for start in range(0, flat.size, BLOCK):
            yield flat[start : start + BLOCK]


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
