"""The content of tensors as the bytes that files hold.

In: parameter sources. Out: little-endian bytes in row-major order, in pieces.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..ir.dtype import DType
from ..ir.evaluate import evaluate_blocks
from ..ir.parameter import ParameterSource
from .onnx_program import nbytes
from .wire import Chunk


def raw_blocks(source: ParameterSource) -> Iterator[Chunk]:
    """A tensor's content, row by row, little endian, in pieces.

    Raises `ValueError` where the evaluator gives fewer or more bytes than the type says.
    """
    total = 0
    for block in evaluate_blocks(source):
        array = np.ascontiguousarray(block)
        if source.type.dtype is DType.BF16:
            array = bfloat16_bits(array)
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        total += little.nbytes
        yield little.reshape(-1).view(np.uint8).data if little.size else b""
    if total != nbytes(source):
        raise ValueError(f"{source.type} has {nbytes(source)} bytes, its content {total}")


def bfloat16_bits(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """float32 as bfloat16, rounded to nearest even, in uint16; NaN stays NaN."""
    bits = np.ascontiguousarray(array, dtype=np.float32).view(np.uint32)
    rounded = (bits + (0x7FFF + ((bits >> 16) & 1)).astype(np.uint32)) >> 16
    quiet = (bits >> 16) | 0x40
    return np.where(np.isnan(array), quiet, rounded).astype(np.uint16)
