"""Positions in a sequence, and their sinusoidal encoding.

In: a tensor whose axis is counted. Out: positions, or one vector for each of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtype import DType
from ..spec import AttributeSpec, Operand, OpSpec, define
from ..type import TensorType
from .rules import axis_of, require

Types = tuple[TensorType, ...]


def _infer_positions(operands: Any, attributes: Any) -> Types:
    (like,) = operands
    axis = axis_of("positions", attributes["axis"], like.rank)
    return (TensorType(DType.I64, (like.shape[axis],)),)


def _positions(arrays: Any, attributes: Any) -> Any:
    count = arrays[0].shape[attributes["axis"]]
    return np.arange(count, dtype=np.int64) + attributes["offset"]


define(
    OpSpec(
        "positions",
        (Operand("like"),),
        _infer_positions,
        {"axis": AttributeSpec(int), "offset": AttributeSpec(int, 0)},
        reference=_positions,
        doc="offset, offset + 1, … for as many as `like` is long on the axis; only its shape is "
        "read.",
    )
)


def _infer_sinusoid(operands: Any, attributes: Any) -> Types:
    (positions,) = operands
    width, base = attributes["width"], attributes["base"]
    require(
        positions.dtype in (DType.I32, DType.I64),
        f"sinusoid: positions is {positions}, but must be i32 or i64",
    )
    require(width >= 1, f"sinusoid: width {width} is not positive")
    require(base > 0, f"sinusoid: base {base} is not positive")
    return (TensorType(DType.F32, (*positions.shape, width)),)


def sinusoid_frequencies(width: int, base: float) -> np.ndarray[Any, Any]:
    """What a position is multiplied with for each of the ceil(width / 2) sine and cosine pairs."""
    return np.asarray(base ** (-2.0 * np.arange((width + 1) // 2, dtype=np.float64) / width))


def _sinusoid(arrays: Any, attributes: Any) -> Any:
    positions, width = arrays[0], attributes["width"]
    angles = positions[..., None] * sinusoid_frequencies(width, attributes["base"])
    pairs = np.stack([np.sin(angles), np.cos(angles)], axis=-1)
    return pairs.reshape(*positions.shape, -1)[..., :width]


define(
    OpSpec(
        "sinusoid",
        (Operand("positions"),),
        _infer_sinusoid,
        {"width": AttributeSpec(int), "base": AttributeSpec(float, 10000.0)},
        reference=_sinusoid,
        doc="[p, 2i] = sin(p / base^(2i/width)), [p, 2i+1] = cos of the same; an odd width ends "
        "with a sine. Vaswani et al., Attention Is All You Need (2017), section 3.5.",
    )
)
