"""Ops that sum up, average or pick along axes.

In: a tensor. Out: the tensor without those axes, or with them at length 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtype import DType
from ..spec import AttributeSpec, Operand, OpSpec, define
from ..type import TensorType
from .rules import axis_of, distinct_axes, require

Types = tuple[TensorType, ...]

_ALL = frozenset(DType)
_NUMBERS = _ALL - {DType.BOOL}
_FLOATS = frozenset(dtype for dtype in DType if dtype.is_float)


def _reduction(
    name: str, formula: Callable[..., Any], accepted: frozenset[DType], doc: str
) -> OpSpec:
    def infer(operands: Any, attributes: Any) -> Types:
        (x,) = operands
        require(x.dtype in accepted, f"{name}: cannot take x of element type {x.dtype}")
        axes = distinct_axes(name, attributes["axes"], x.rank)
        if attributes["keepdims"]:
            return (x.with_shape(tuple(1 if i in axes else d for i, d in enumerate(x.shape))),)
        return (x.with_shape(tuple(d for i, d in enumerate(x.shape) if i not in axes)),)

    def reference(arrays: Any, attributes: Any) -> Any:
        (x,) = arrays
        reduced = formula(x, axis=attributes["axes"], keepdims=attributes["keepdims"])
        return np.asarray(reduced, dtype=x.dtype)

    return define(
        OpSpec(
            name,
            (Operand("x"),),
            infer,
            {"axes": AttributeSpec(tuple), "keepdims": AttributeSpec(bool, False)},
            reference=reference,
            doc=doc,
        )
    )


_reduction("reduce_sum", np.sum, _NUMBERS, "The sum along the axes.")
_reduction("reduce_mean", np.mean, _FLOATS, "The mean along the axes.")
_reduction("reduce_max", np.max, _ALL, "The largest element along the axes; of booleans, any.")
_reduction("reduce_min", np.min, _ALL, "The smallest element along the axes; of booleans, all.")


def _infer_cumsum(operands: Any, attributes: Any) -> Types:
    (x,) = operands
    require(x.dtype in _NUMBERS, f"cumsum: cannot take x of element type {x.dtype}")
    axis_of("cumsum", attributes["axis"], x.rank)
    return (x,)


define(
    OpSpec(
        "cumsum",
        (Operand("x"),),
        _infer_cumsum,
        {"axis": AttributeSpec(int)},
        reference=lambda arrays, attributes: np.cumsum(
            arrays[0], axis=attributes["axis"], dtype=arrays[0].dtype
        ),
        doc="The running sum along an axis, each element included in its own.",
    )
)


def _infer_argmax(operands: Any, attributes: Any) -> Types:
    (x,) = operands
    require(x.dtype in _FLOATS | {DType.BOOL}, f"argmax: cannot take x of element type {x.dtype}")
    axis = axis_of("argmax", attributes["axis"], x.rank)
    ones = (1,) if attributes["keepdims"] else ()
    return (TensorType(DType.I64, (*x.shape[:axis], *ones, *x.shape[axis + 1 :])),)


define(
    OpSpec(
        "argmax",
        (Operand("x"),),
        _infer_argmax,
        {"axis": AttributeSpec(int), "keepdims": AttributeSpec(bool, False)},
        reference=lambda arrays, attributes: np.argmax(
            arrays[0], axis=attributes["axis"], keepdims=attributes["keepdims"]
        ),
        doc="The position of the largest element along an axis, the first of equal ones; of "
        "booleans, of the first True, 0 where none is.",
    )
)
