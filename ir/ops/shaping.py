"""Ops that move elements and change none.

In: tensors. Out: the same elements in another shape, order or selection.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dim import Dim, SymbolicDim, largest, product
from ..dtype import DType
from ..spec import AttributeSpec, InferenceError, Operand, OpSpec, define
from ..type import TensorType
from .rules import (
    INDEX_DTYPES,
    axis_of,
    certainly_exceeds,
    is_negative,
    require,
    require_bool,
    require_broadcastable,
    require_rank,
    require_same_dtype,
    shape_text,
)

Types = tuple[TensorType, ...]


# ---- reshape, transpose, expand -----------------------------------------------------------


def _infer_reshape(operands: Any, attributes: Any) -> Types:
    (x,) = operands
    shape = attributes["shape"]
    require(
        not any(is_negative(dim) for dim in shape),
        f"reshape: {shape_text(shape)} has a negative dimension",
    )
    before, after = product(x.shape), product(shape)
    if before != after:
        raise InferenceError(f"reshape: {x} has {before} elements, {shape_text(shape)} has {after}")
    return (x.with_shape(shape),)


define(
    OpSpec(
        "reshape",
        (Operand("x"),),
        _infer_reshape,
        {"shape": AttributeSpec(tuple)},
        reference=lambda arrays, attributes: np.reshape(arrays[0], attributes["shape"]),
        doc="The elements in row-major order, in another shape of as many elements.",
    )
)


def _infer_transpose(operands: Any, attributes: Any) -> Types:
    (x,) = operands
    permutation = attributes["permutation"]
    require(
        sorted(permutation) == list(range(x.rank)),
        f"transpose: {permutation} is not an order of the {x.rank} axes of {x}",
    )
    return (x.with_shape(tuple(x.shape[axis] for axis in permutation)),)


define(
    OpSpec(
        "transpose",
        (Operand("x"),),
        _infer_transpose,
        {"permutation": AttributeSpec(tuple)},
        reference=lambda arrays, attributes: np.transpose(arrays[0], attributes["permutation"]),
        doc="The axes in another order: axis i of the result is axis permutation[i] of x.",
    )
)


def _infer_expand(operands: Any, attributes: Any) -> Types:
    (x,) = operands
    require_broadcastable("expand", "x", x, attributes["shape"])
    return (x.with_shape(attributes["shape"]),)


define(
    OpSpec(
        "expand",
        (Operand("x"),),
        _infer_expand,
        {"shape": AttributeSpec(tuple)},
        reference=lambda arrays, attributes: np.broadcast_to(arrays[0], attributes["shape"]),
        doc="x repeated along axes of length 1, and along new leading axes, up to the shape.",
    )
)


# ---- concat, split, slice, pad ------------------------------------------------------------


def _infer_concat(operands: Any, attributes: Any) -> Types:
    first = operands[0]
    axis = axis_of("concat", attributes["axis"], first.rank)
    for x in operands[1:]:
        require_same_dtype("concat", first, x)
        agrees = x.rank == first.rank and all(
            a == b for i, (a, b) in enumerate(zip(x.shape, first.shape, strict=True)) if i != axis
        )
        require(agrees, f"concat: {first} and {x} differ beside axis {axis}")
    length: Dim = sum((x.shape[axis] for x in operands[1:]), first.shape[axis])
    return (first.with_shape((*first.shape[:axis], length, *first.shape[axis + 1 :])),)


define(
    OpSpec(
        "concat",
        (Operand("xs", variadic=True),),
        _infer_concat,
        {"axis": AttributeSpec(int)},
        reference=lambda arrays, attributes: np.concatenate(list(arrays), attributes["axis"]),
        doc="The operands one behind the other along an axis; their other axes agree.",
    )
)


def _infer_split(operands: Any, attributes: Any) -> Types:
    (x,) = operands
    axis = axis_of("split", attributes["axis"], x.rank)
    sizes = attributes["sizes"]
    require(
        bool(sizes) and min(sizes) >= 0 and sum(sizes) == x.shape[axis],
        f"split: sizes {sizes} do not add up to {x.shape[axis]}, axis {axis} of {x}",
    )
    return tuple(x.with_shape((*x.shape[:axis], n, *x.shape[axis + 1 :])) for n in sizes)


def _split(arrays: Any, attributes: Any) -> tuple[Any, ...]:
    ends = np.cumsum(attributes["sizes"])[:-1]
    return tuple(np.split(arrays[0], ends, attributes["axis"]))


define(
    OpSpec(
        "split",
        (Operand("x"),),
        _infer_split,
        {"axis": AttributeSpec(int), "sizes": AttributeSpec(tuple)},
        results=("results…",),
        reference=_split,
        doc="x cut along an axis into pieces of the given sizes, one result a piece.",
    )
)


def _infer_slice(operands: Any, attributes: Any) -> Types:
    (x,) = operands
    axis = axis_of("slice", attributes["axis"], x.rank)
    start, stop, step = attributes["start"], attributes["stop"], attributes["step"]
    length = x.shape[axis]
    require(step >= 1, f"slice: step {step} is not positive")
    most = largest(stop)
    beyond = isinstance(length, int) and most is not None and most > length
    require(
        not (is_negative(start) or certainly_exceeds(start, stop) or beyond)
        and not certainly_exceeds(stop, length),
        f"slice: {start}..{stop} does not lie within axis {axis} of {x}",
    )
    count = (stop - start + (step - 1)) // step
    return (x.with_shape((*x.shape[:axis], count, *x.shape[axis + 1 :])),)


def _slice(arrays: Any, attributes: Any) -> Any:
    (x,) = arrays
    index = [slice(None)] * x.ndim
    index[attributes["axis"]] = slice(attributes["start"], attributes["stop"], attributes["step"])
    return x[tuple(index)]


define(
    OpSpec(
        "slice",
        (Operand("x"),),
        _infer_slice,
        {
            "axis": AttributeSpec(int),
            "start": AttributeSpec(Dim),
            "stop": AttributeSpec(Dim),
            "step": AttributeSpec(int, 1),
        },
        reference=_slice,
        doc="Every step-th element along an axis from start up to, not including, stop. Both count "
        "from the front and lie within the axis; they may be symbolic.",
    )
)


def _infer_reverse(operands: Any, attributes: Any) -> Types:
    (x,) = operands
    axis_of("reverse", attributes["axis"], x.rank)
    return (x,)


define(
    OpSpec(
        "reverse",
        (Operand("x"),),
        _infer_reverse,
        {"axis": AttributeSpec(int)},
        reference=lambda arrays, attributes: np.flip(arrays[0], attributes["axis"]),
        doc="x with an axis in the opposite order.",
    )
)


def _infer_pad(operands: Any, attributes: Any) -> Types:
    (x,) = operands
    pads = attributes["pads"]
    require(
        len(pads) == x.rank and all(len(pair) == 2 and min(pair) >= 0 for pair in pads),
        f"pad: {pads} is not a pair (before, after) of counts for each of the axes of {x}",
    )
    widened = [dim + before + after for dim, (before, after) in zip(x.shape, pads, strict=True)]
    return (x.with_shape(tuple(widened)),)


define(
    OpSpec(
        "pad",
        (Operand("x"),),
        _infer_pad,
        {"pads": AttributeSpec(tuple), "value": AttributeSpec(float, 0.0)},
        reference=lambda arrays, attributes: np.pad(
            arrays[0], attributes["pads"], constant_values=attributes["value"]
        ),
        doc="x with (before, after) elements of `value` added on each axis.",
    )
)


# ---- gather -------------------------------------------------------------------------------


def _infer_gather(operands: Any, attributes: Any) -> Types:
    data, indices = operands
    axis = axis_of("gather", attributes["axis"], data.rank)
    require(indices.dtype in INDEX_DTYPES, f"gather: indices are {indices}, but must be i32 or i64")
    shape = (*data.shape[:axis], *indices.shape, *data.shape[axis + 1 :])
    return (data.with_shape(shape),)


define(
    OpSpec(
        "gather",
        (Operand("data"), Operand("indices")),
        _infer_gather,
        {"axis": AttributeSpec(int, 0)},
        reference=lambda arrays, attributes: np.take(arrays[0], arrays[1], attributes["axis"]),
        doc="The slices of data along an axis that the indices name: rows of a table for axis 0. "
        "Negative indices count from the end; one outside the axis is an error.",
    )
)


# ---- take_rows ----------------------------------------------------------------------------


def _infer_take_rows(operands: Any, attributes: Any) -> Types:
    x, index = operands
    require(x.rank >= 2, f"take_rows: x is {x}, but must have a batch and positions")
    require(
        index.dtype is DType.I64 and index.rank == 2,
        f"take_rows: index is {index}, but must be i64 [batch, rows]",
    )
    require(
        index.shape[0] == x.shape[0],
        f"take_rows: x {x} and index {index} differ in their batch",
    )
    return (x.with_shape((*index.shape, *x.shape[2:])),)


define(
    OpSpec(
        "take_rows",
        (Operand("x"), Operand("index")),
        _infer_take_rows,
        reference=lambda arrays, attributes: np.stack(
            [rows[wanted] for rows, wanted in zip(arrays[0], arrays[1], strict=True)]
        ),
        doc="Of each member of the batch the rows that its own index names: x [B, S, …] and index "
        "[B, K] give [B, K, …]. Negative indices count from the end; one outside the axis is an "
        "error.",
    )
)


# ---- nonzero ------------------------------------------------------------------------------


def _infer_nonzero(operands: Any, attributes: Any) -> Types:
    (mask,) = operands
    count = attributes["count"]
    require_bool("nonzero", mask=mask)
    require_rank("nonzero", "mask", mask, 1)
    symbols = list(count.symbols()) if isinstance(count, SymbolicDim) else []
    require(
        len(symbols) == 1 and str(count) == symbols[0].name,
        f"nonzero: count is {count}, but must be a symbol",
    )
    require(
        symbols[0].within == mask.shape[0],
        f"nonzero: {count} is within {symbols[0].within}, but must be within {mask.shape[0]}",
    )
    return (TensorType(DType.I64, (count,)),)


define(
    OpSpec(
        "nonzero",
        (Operand("mask"),),
        _infer_nonzero,
        {"count": AttributeSpec(Dim)},
        reference=lambda arrays, attributes: np.flatnonzero(arrays[0]),
        counts="count",
        doc="Where the mask is true, in ascending order. `count` is the symbol that stands for how "
        "many places that are: only the data says it.",
    )
)
