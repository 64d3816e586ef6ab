"""Writing a graph's weights as a safetensors file, one tensor at a time.

In: the weights' sources by name. Out: a file in which they follow in the order given; the same
sources give the same bytes. Until it is complete, what was there before stays.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ...ir.dtype import DType
from ...ir.evaluate import evaluate_blocks
from ...ir.parameter import ParameterSource
from ..output import cannot_write

_NAMES = {
    DType.BOOL: "BOOL", DType.I8: "I8", DType.U8: "U8", DType.I32: "I32", DType.I64: "I64",
    DType.F16: "F16", DType.BF16: "BF16", DType.F32: "F32", DType.F64: "F64",
}  # fmt: skip


def write_tensors(tensors: Mapping[str, ParameterSource], path: Path) -> None:
    """Writes the tensors to `path`; at most one block of a stored or drawn one is in memory.

    Raises `CompileError` E0504 where writing fails, and whatever evaluating a source raises; the
    file that `path` was is then untouched.
    """
    # A link is followed, so that it stays one and its target is replaced.
    target = path.resolve()
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_header(tensors))
                for source in tensors.values():
                    _write_elements(source, file)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(_permissions(target))
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise cannot_write(path, error) from error


def _header(tensors: Mapping[str, ParameterSource]) -> bytes:
    table: dict[str, object] = {}
    start = 0
    for name, source in tensors.items():
        shape = source.type.static_shape
        stop = start + int(np.prod(shape, dtype=np.int64)) * source.type.dtype.itemsize
        dtype = _NAMES[source.type.dtype]
        table[name] = {"dtype": dtype, "shape": shape, "data_offsets": (start, stop)}
        start = stop
    text = json.dumps(table, separators=(",", ":"), ensure_ascii=False).encode()
    # Blanks fill it up, so that the elements begin at a multiple of eight bytes.
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _write_elements(source: ParameterSource, file: BinaryIO) -> None:
    dtype = source.type.dtype
    for block in evaluate_blocks(source):
        if dtype is DType.BF16:
            # Held as float32, whose upper half it is.
            block = (block.view(np.uint32) >> 16).astype(np.uint16)
        file.write(np.ascontiguousarray(block, block.dtype.newbyteorder("<")).data)


def _permissions(target: Path) -> int:
    """Those of the file that is replaced, or those that a new file gets."""
    if target.exists():
        return target.stat().st_mode & 0o7777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
