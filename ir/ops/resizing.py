"""More elements between those that are there.

In: a float tensor. Out: one whose axes are whole multiples as long.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..spec import AttributeSpec, Operand, OpSpec, define
from ..type import TensorType
from .rules import require, require_float

MODES = ("nearest", "linear")


def _infer(operands: Any, attributes: Any) -> tuple[TensorType, ...]:
    (x,) = operands
    require_float("resize", x=x)
    scales, mode = attributes["scales"], attributes["mode"]
    require(
        len(scales) == x.rank and all(type(each) is int and each >= 1 for each in scales),
        f"resize: scales {scales} are not a whole number for each of the axes of {x}",
    )
    require(mode in MODES, f"resize: mode is {mode!r}, but must be one of {', '.join(MODES)}")
    return (x.with_shape(tuple(dim * scale for dim, scale in zip(x.shape, scales, strict=True))),)


def _resize(arrays: Any, attributes: Any) -> Any:
    (x,) = arrays
    for axis, scale in enumerate(attributes["scales"]):
        if scale == 1:
            continue
        if attributes["mode"] == "nearest":
            x = np.repeat(x, scale, axis)
            continue
        last = x.shape[axis] - 1
        places = np.clip((np.arange((last + 1) * scale) + 0.5) / scale - 0.5, 0, last)
        below = np.floor(places).astype(np.int64)
        share = (places - below).reshape([-1] + [1] * (x.ndim - 1 - axis))
        above = np.take(x, np.minimum(below + 1, last), axis)
        x = np.take(x, below, axis) * (1 - share) + above * share
    return x


define(
    OpSpec(
        "resize",
        (Operand("x"),),
        _infer,
        {"scales": AttributeSpec(tuple), "mode": AttributeSpec(str, "nearest")},
        reference=_resize,
        doc="Each axis `scales` times as long. nearest: each element repeated; linear: on straight "
        "lines between the elements' centres, the outermost elements beyond them.",
    )
)
