"""Bytes in place of floats: rows of activations and columns of weights, with their scales.

In: activations [..., k] and weights [k, n] as floats. Out: unsigned bytes with a scale per row,
signed bytes with a scale per column, blocks of half bytes. `quantized_linear.py` multiplies them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..dtype import DType
from ..spec import AttributeSpec, Operand, OpSpec, define
from ..type import TensorType
from .rules import require, require_float, require_rank, require_shape

Types = tuple[TensorType, ...]
Array = np.ndarray[Any, Any]

LEAST_SCALE = 2.0**-100
"""The scale of a row of zeros: its reciprocal is a number, and so is 255 times it."""

LEVELS = 127
"""The largest magnitude of a quantized weight."""

PAIR = 127
"""The largest sum of two weights that are multiplied together, before they are rounded.

Processors without the VNNI instructions add two products of a byte in 16 bits: 255 · (w₀ + w₁) must
stay below 2¹⁵, so the sum may be 128, of which rounding may add 1.
"""


def require_zero_point(op: str, zero_point: int) -> None:
    """A byte with room above it."""
    require(
        0 <= zero_point < 255,
        f"{op}: the zero point is {zero_point}, but must lie from 0 to 254",
    )


# ---- activations --------------------------------------------------------------------------


def _infer_rows(operands: Any, attributes: Any) -> Types:
    (x,) = operands
    require_float("quantize_rows", x=x)
    require(x.rank >= 1, f"quantize_rows: x is {x}, but must have an axis")
    require_zero_point("quantize_rows", attributes["zero_point"])
    return TensorType(DType.U8, x.shape), x.with_shape((*x.shape[:-1], 1))


def quantize_rows(x: Array, zero_point: int) -> tuple[Array, Array]:
    """Each row as unsigned bytes around the zero point, and its scale."""
    scale = np.maximum(x.max(-1, keepdims=True) / (255 - zero_point), LEAST_SCALE)
    if zero_point:
        scale = np.maximum(scale, x.min(-1, keepdims=True) / -zero_point)
    return _bytes(x / scale, zero_point), scale


def _bytes(x: Array, zero_point: int) -> Array:
    # What is no number becomes some byte: the row's scale is no number either.
    levels: Array = np.clip(np.nan_to_num(np.rint(x) + zero_point), 0, 255)
    return levels.astype(np.uint8)


define(
    OpSpec(
        "quantize_rows",
        (Operand("x"),),
        _infer_rows,
        {"zero_point": AttributeSpec(int, 128)},
        results=("quantized", "scale"),
        reference=lambda arrays, attributes: quantize_rows(arrays[0], attributes["zero_point"]),
        doc="Rows as bytes: round(x / scale) + zero_point, with the smallest scale of each row "
        "that keeps it within 0 to 255. No row depends on another. With the zero point 0, x must "
        "not be negative: what is becomes 0.",
    )
)


def _infer_static(operands: Any, attributes: Any) -> Types:
    (x,) = operands
    require_float("quantize", x=x)
    require(attributes["scale"] > 0, f"quantize: the scale is {attributes['scale']}, not positive")
    require_zero_point("quantize", attributes["zero_point"])
    return (TensorType(DType.U8, x.shape),)


define(
    OpSpec(
        "quantize",
        (Operand("x"),),
        _infer_static,
        {"scale": AttributeSpec(float), "zero_point": AttributeSpec(int, 128)},
        reference=lambda arrays, attributes: _bytes(
            arrays[0] / np.float64(np.float32(attributes["scale"])), attributes["zero_point"]
        ),
        doc="x as bytes with a scale that is known before the model runs: round(x / scale) + "
        "zero_point, what lies outside 0 to 255 cut off.",
    )
)


# ---- weights ------------------------------------------------------------------------------


def _infer_columns(operands: Any, attributes: Any) -> Types:
    weight, clip = operands
    require_float("quantize_columns", weight=weight, clip=clip)
    require_rank("quantize_columns", "weight", weight, 2)
    require_shape("quantize_columns", "clip", clip, weight.shape[1:])
    return TensorType(DType.I8, weight.shape), weight.with_shape(weight.shape[1:])


def quantize_columns(weight: Array, clip: Array | None = None) -> tuple[Array, Array]:
    """Each column as signed bytes, and its scale.

    `clip` [n] says, per column, which part of its largest magnitude is kept; what lies beyond is
    cut off. Two neighbours in a column, of even and odd row, never add up to more than 128.
    """
    rows, columns = weight.shape
    low, high = weight.min(0, initial=0.0), weight.max(0, initial=0.0)
    magnitude = np.maximum(high, -low)
    if clip is not None:
        magnitude = magnitude * clip
    clipped = clip is not None
    scale = _pair_safe(weight, magnitude, clipped)
    scale = np.where(scale > 0, scale, 1.0).astype(np.float32).astype(np.float64)
    result = np.empty((rows, columns), np.int8)
    for stripe in _stripes(rows, columns):
        levels = _within(weight[stripe], magnitude, clipped) / scale
        np.rint(levels, out=levels)
        result[stripe] = np.clip(levels, -LEVELS, LEVELS, out=levels)
    return result, scale


def _pair_safe(weight: Array, magnitude: Array, clipped: bool) -> Array:
    """The scale at which nothing exceeds `LEVELS`, and no pair of neighbours `PAIR`."""
    scale = magnitude / LEVELS
    for stripe in _stripes(*weight.shape):
        part = _within(weight[stripe], magnitude, clipped)
        second = part[1::2]
        sums = part[0::2][: len(second)] + second
        reach = np.maximum(sums.max(0, initial=0.0), -sums.min(0, initial=0.0))
        scale = np.maximum(scale, reach / PAIR)
    return scale


def _within(part: Array, magnitude: Array, clipped: bool) -> Array:
    return np.clip(part, -magnitude, magnitude) if clipped else part


def _stripes(rows: int, columns: int) -> Iterator[slice]:
    """Pairs of rows that are worked on at once: as many as the processor's cache holds, so that a
    large weight is not in memory several times."""
    count = max(2, _STRIPE // max(columns, 1) // 2 * 2)
    for start in range(0, rows, count):
        yield slice(start, start + count)


_STRIPE = 1 << 16
"""Elements of a stripe."""


define(
    OpSpec(
        "quantize_columns",
        (Operand("weight"), Operand("clip", optional=True)),
        _infer_columns,
        results=("quantized", "scale"),
        reference=lambda arrays, attributes: quantize_columns(*arrays),
        doc="Columns of a weight as signed bytes from -127 to 127 with a scale each, such that two "
        "neighbours in a column, rows 2i and 2i + 1, never add up to more than 128: no processor "
        "overflows on them. `clip` is the part of a column's largest magnitude that is kept.",
    )
)


def _infer_blocks(operands: Any, attributes: Any) -> Types:
    (weight,) = operands
    require_float("quantize_blocks", weight=weight)
    require_rank("quantize_blocks", "weight", weight, 2)
    bits, block = block_attributes("quantize_blocks", attributes)
    rows, columns = weight.shape
    blocks = -(-rows // block)
    return (
        TensorType(DType.U8, (columns, blocks, block * bits // 8)),
        weight.with_shape((columns, blocks)),
    )


def block_attributes(op: str, attributes: Any) -> tuple[int, int]:
    """The bits of a value and the rows of a block."""
    bits, block = attributes["bits"], attributes["block"]
    require(bits in (4, 8), f"{op}: bits is {bits}, but must be 4 or 8")
    power = block >= 16 and block & (block - 1) == 0
    require(power, f"{op}: block is {block}, but must be a power of two, 16 or more")
    return bits, block


def quantize_blocks(weight: Array, bits: int, block: int) -> tuple[Array, Array]:
    """Blocks of `block` rows of each column, with a scale each: [columns, blocks, bytes]."""
    rows, columns = weight.shape
    count = -(-rows // block)
    middle = 1 << (bits - 1)
    packed = np.empty((columns, count, block * bits // 8), np.uint8)
    scales = np.empty((columns, count))
    for index in range(count):
        part = np.zeros((columns, block))
        given = weight[index * block : (index + 1) * block].T
        part[:, : given.shape[1]] = given
        # The end that reaches further gets the level more that signed numbers have.
        high, low = part.max(1), part.min(1)
        furthest = np.where(high > -low, high, low)
        scale = (furthest / -middle).astype(np.float32).astype(np.float64)
        scales[:, index] = scale
        levels = np.rint(part / np.where(scale == 0, 1.0, scale)[:, None]) + middle
        levels = np.clip(levels, 0, 2 * middle - 1).astype(np.uint8)
        packed[:, index] = levels if bits == 8 else levels[:, 0::2] | (levels[:, 1::2] << 4)
    return packed, scales


define(
    OpSpec(
        "quantize_blocks",
        (Operand("weight"),),
        _infer_blocks,
        {"bits": AttributeSpec(int), "block": AttributeSpec(int)},
        results=("quantized", "scale"),
        reference=lambda arrays, attributes: quantize_blocks(
            arrays[0], attributes["bits"], attributes["block"]
        ),
        doc="Columns of a weight in blocks of rows, each with a scale: (value - 2^(bits - 1)) * "
        "scale. Four-bit values stand two in a byte, the first in its lower half.",
    )
)
