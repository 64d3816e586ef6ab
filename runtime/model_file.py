"""Reads what a model file says about itself, without loading the model.

In: an .onnx file or its bytes. Out: its metadata. A session's options must be known before the
session is made, and the runtime hands out metadata only after; so the top level of the protobuf is
walked here, skipping over the graph. (Layout: `ModelProto` in onnx.proto, protobuf's wire format.)
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from ..ir.diagnostic import CompileError, failure

_IR_VERSION, _GRAPH, _OPSET_IMPORT, _METADATA = 1, 7, 8, 14
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_MAX_ENTRY = 1 << 28
"""Bytes of one metadata entry; a longer one is no metadata but a damaged file."""


def read_metadata(model: Path | bytes) -> dict[str, str]:
    """The model's metadata by key.

    Raises `CompileError` E0501 for a missing file, E0502 for a directory, E0503 for one that cannot
    be read, E0512 for one that is not an ONNX model.
    """
    if isinstance(model, bytes):
        return _read(io.BytesIO(model), len(model), "the model")
    try:
        with model.open("rb") as file:
            return _read(file, model.stat().st_size, str(model))
    except FileNotFoundError:
        raise failure("E0501", f"there is no file `{model}`") from None
    except IsADirectoryError:
        raise failure("E0502", f"`{model}` is a directory, where a model is needed") from None
    except OSError as error:
        raise failure("E0503", f"cannot read `{model}`: {error.strerror or error}") from None


def read_object(metadata: Mapping[str, str], key: str) -> dict[str, Any]:
    """What a metadata entry of ours holds; a foreign or damaged one counts as absent."""
    try:
        value = json.loads(metadata.get(key) or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _read(file: BinaryIO, size: int, name: str) -> dict[str, str]:
    metadata: dict[str, str] = {}
    fields: set[int] = set()
    while (tag := _varint(file)) is not None:
        field, wire = tag >> 3, tag & 7
        fields.add(field)
        if wire == _VARINT:
            if _varint(file) is None:
                raise _not_a_model(name)
        elif wire == _LENGTH:
            length = _varint(file)
            if length is None or file.tell() + length > size:
                raise _not_a_model(name)
            if field == _METADATA and length <= _MAX_ENTRY:
                key, value = _entry(file.read(length), name)
                metadata[key] = value
            else:
                file.seek(length, io.SEEK_CUR)
        elif wire in (_FIXED32, _FIXED64):
            file.seek(4 if wire == _FIXED32 else 8, io.SEEK_CUR)
        else:
            raise _not_a_model(name)
    if not {_IR_VERSION, _GRAPH, _OPSET_IMPORT} <= fields:
        raise _not_a_model(name)
    return metadata


def _entry(data: bytes, name: str) -> tuple[str, str]:
    """One `StringStringEntryProto`: field 1 the key, field 2 the value."""
    parts = {1: "", 2: ""}
    file = io.BytesIO(data)
    while (tag := _varint(file)) is not None:
        length = _varint(file)
        if tag & 7 != _LENGTH or length is None:
            raise _not_a_model(name)
        parts[tag >> 3] = file.read(length).decode("utf-8", "replace")
    return parts[1], parts[2]


def _varint(file: BinaryIO) -> int | None:
    """The next number, seven bits a byte, lowest first; None at the end of the file."""
    value = shift = 0
    while byte := file.read(1):
        value |= (byte[0] & 0x7F) << shift
        if not byte[0] & 0x80:
            return value
        shift += 7
        if shift > 63:
            return None
    return None


def _not_a_model(name: str) -> CompileError:
    return failure(
        "E0512",
        f"`{name}` is not an ONNX model",
        help="compile the program first: neuralc MODEL.neural -o MODEL.onnx",
    )
