"""Reading tensors from safetensors files, a piece at a time.

In: a file. Out: its table of tensors, and the elements of one tensor in blocks. The format: eight
bytes that hold the length of a JSON header, the header (name to element type, shape and place), the
elements in row-major order, little endian.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from .diagnostic import CompileError, ExitStatus, failure
from .dtype import DType

Array = np.ndarray[Any, Any]

HEADER_LIMIT = 100_000_000
"""Bytes that a header may have, as in the format's own reader."""

_DTYPES = {
    "BOOL": DType.BOOL, "I8": DType.I8, "U8": DType.U8, "I32": DType.I32, "I64": DType.I64,
    "F16": DType.F16, "BF16": DType.BF16, "F32": DType.F32, "F64": DType.F64,
}  # fmt: skip
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """A tensor of a file: what it holds and at which bytes of the file it lies."""

    dtype: DType
    shape: tuple[int, ...]
    start: int
    stop: int

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


def read_header(file: Path) -> Mapping[str, TensorEntry]:
    """The tensors of a file by name, in the order of their places.

    Raises `CompileError` with status 3: E0401 where the file cannot be read, E0402 where it is no
    safetensors file or contradicts itself, E0403 for an element type that neuralc does not have.
    """
    try:
        state = os.stat(file)
        return _header(str(file), state.st_size, state.st_mtime_ns)
    except OSError as error:
        raise _unreadable(file, error) from error


def read_blocks(file: Path, tensor: str, size: int = _BLOCK) -> Iterator[Array]:
    """The elements of a tensor in row-major order, `size` at a time; bf16 becomes float32.

    Raises `CompileError` as `read_header` does, and E0404 where the file has no such tensor.
    """
    entries = read_header(file)
    if tensor not in entries:
        raise failure("E0404", f"{file} has no tensor {tensor!r}")
    entry = entries[tensor]
    stored = np.dtype("<u2") if entry.dtype is DType.BF16 else entry.dtype.numpy.newbyteorder("<")
    total = math.prod(entry.shape)
    try:
        with open(file, "rb") as stream:
            stream.seek(entry.start)
            for start in range(0, total, size):
                count = min(size, total - start)
                block = np.fromfile(stream, stored, count)
                if len(block) != count:
                    raise _damaged(file, f"it ends within the tensor {tensor!r}")
                if entry.dtype is DType.BF16:
                    block = (block.astype(np.uint32) << 16).view(np.float32)
                yield block.astype(entry.dtype.numpy, copy=False)
    except OSError as error:
        raise _unreadable(file, error) from error


# ---- the header ---------------------------------------------------------------------------


@lru_cache(maxsize=16)
def _header(file: str, size: int, modified: int) -> Mapping[str, TensorEntry]:
    with open(file, "rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if size < 8 or length > min(size - 8, HEADER_LIMIT):
            raise _damaged(file, "its first eight bytes are not the length of a header")
        text = stream.read(length)
    try:
        table = json.loads(text.decode("utf-8"), object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError) as error:
        raise _damaged(file, f"its header is not JSON: {error}") from error
    if not isinstance(table, dict):
        raise _damaged(file, "its header is not a JSON object")
    table.pop("__metadata__", None)
    entries = {name: _entry(file, name, row, 8 + length) for name, row in table.items()}
    ordered = dict(sorted(entries.items(), key=lambda each: (each[1].start, each[1].stop, each[0])))
    place = 8 + length
    for name, entry in ordered.items():
        if entry.start != place:
            raise _damaged(file, f"the tensor {name!r} does not begin where the one before it ends")
        place = entry.stop
    if place != size:
        raise _damaged(file, f"its tensors end at byte {place}, the file at byte {size}")
    return ordered


def _entry(file: str, name: str, row: Any, base: int) -> TensorEntry:
    try:
        dtype, shape, (start, stop) = row["dtype"], row["shape"], row["data_offsets"]
    except (TypeError, KeyError, ValueError):
        raise _damaged(file, f"the tensor {name!r} lacks a type, a shape or a place") from None
    numbers = [start, stop, *shape] if isinstance(shape, list) else [None]
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise _damaged(file, f"the shape or the place of the tensor {name!r} is not numbers")
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        known = ", ".join(_DTYPES)
        message = f"the tensor {name!r} in {file} has the element type {dtype!r}"
        raise failure("E0403", message, help=f"neuralc reads {known}")
    entry = TensorEntry(_DTYPES[dtype], tuple(shape), base + start, base + stop)
    if stop - start != math.prod(shape) * entry.dtype.itemsize:
        raise _damaged(file, f"the tensor {name!r}, {entry}, has {stop - start} bytes")
    return entry


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a name occurs twice")
    return table


def _unreadable(file: Path | str, error: OSError) -> CompileError:
    return failure("E0401", f"cannot read {file}: {error.strerror or error}")


def _damaged(file: Path | str, reason: str) -> CompileError:
    return failure(
        "E0402", f"{file} is not a safetensors file: {reason}", status=ExitStatus.SURROUNDINGS
    )
