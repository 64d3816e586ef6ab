"""Rounding float64 results to an element type.

In: float64 arrays, or exact integers and booleans. Out: arrays in the numpy type that holds the
element type; bf16 values are held as float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .dtype import DType

Array = np.ndarray[Any, Any]

_DROPPED = 52 - 7
"""Mantissa bits that float64 has and bf16 has not."""
_LEAST_NORMAL = 2.0**-126
_SUBNORMAL_STEP = 2.0**-133


def rounded(array: Array, dtype: DType) -> Array:
    """The array with each element rounded once, to nearest, ties to even."""
    if dtype is DType.BF16:
        return _bf16(np.asarray(array, dtype=np.float64))
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(array).astype(dtype.numpy, copy=False)


def _bf16(array: Array) -> Array:
    bits = array.view(np.uint64)
    one, odd = np.uint64(1), np.uint64(1) << np.uint64(_DROPPED)
    tie = (bits >> np.uint64(_DROPPED)) & one
    kept = (bits + (odd >> one) - one + tie) & ~(odd - one)
    with np.errstate(over="ignore", invalid="ignore"):
        # Below the normal numbers bf16 has a fixed step instead of a fixed number of bits.
        small = np.rint(array / _SUBNORMAL_STEP) * _SUBNORMAL_STEP
        result = np.where(np.abs(array) < _LEAST_NORMAL, small, kept.view(np.float64))
        return np.where(np.isnan(array), array, result).astype(np.float32)
