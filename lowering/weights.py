"""Models on disk and in memory: structure and weights, streamed one tensor at a time.

In: an `OnnxProgram`. Out: one `.onnx` file, or one with a `.weights` file beside it; or bytes.

After any failure what was there before stands whole: files are written under other names beside
their places, brought to the disk, and renamed, the data before the graph that names it. The name
of a data file holds the hash of its content, so that an old graph never meets new data.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import IO

import onnx

from ..ir.diagnostic import failure
from ..ir.parameter import ParameterSource
from .onnx_program import ONNX_TYPES, OnnxProgram, nbytes
from .pending_files import PendingFiles, outdated
from .tensor_bytes import raw_blocks
from .wire import Chunk, ModelStream

EXTERNAL = ("auto", "always", "never")
"""Where weights go: beside the model when they are large, beside it, in it."""

INLINE_LIMIT = 64 * 1000 * 1000
"""Bytes of weights up to which `auto` keeps them in the model's own file."""

SMALL = 1024
"""Tensors of fewer bytes stay in the graph in any case: shapes must be readable there."""

ALIGNMENT = 4096
"""Bytes at whose multiples tensors begin in a data file, so that pages of it can be mapped."""

PROTOBUF_LIMIT = (1 << 31) - 1
"""Bytes that a protobuf message can have."""


def save(program: OnnxProgram, path: Path, *, external: str = "auto") -> list[Path]:
    """Writes the model to `path`; the files written, the model first.

    Weights lie in the model's file or, `always` or from `INLINE_LIMIT` bytes on, in a file
    `<stem>.<hash>.weights` beside it. Data files that only the model replaced here named are
    removed.

    Raises `ValueError` for another word than those, `CompileError` E0603 where one file would have
    to hold more than 2 GB, E0604 where the files cannot be written. Whatever is raised, the old
    files are untouched.
    """
    if external not in EXTERNAL:
        raise ValueError(f"external is {external!r}, not one of {EXTERNAL}")
    outside = external == "always" or (external == "auto" and program.weight_bytes > INLINE_LIMIT)
    outside = outside and any(nbytes(source) >= SMALL for _, source in program.initializers)
    written = PendingFiles(path)
    try:
        if outside:
            data, hash = written.temporary(), hashlib.sha256()
            offsets = _write_data(program, data, hash)
            weights = path.with_name(f"{path.stem}.{hash.hexdigest()[:12]}.weights")
            stream = _stream(program, weights.name, offsets)
        else:
            weights, offsets = None, {}
            stream = _stream(program, "", {})
        graph = written.temporary()
        for chunk in stream.chunks(_contents(program, offsets)):
            graph.write(chunk)
        old = outdated(path, weights)
        if weights is not None:
            written.place(data, weights)
        written.place(graph, path)
    except OSError as error:
        written.undo()
        reason = error.strerror or str(error)
        raise failure("E0604", f"cannot write {str(path)!r}: {reason}") from error
    except BaseException:
        written.undo()
        raise
    for file in old:
        with contextlib.suppress(OSError):
            file.unlink()
    return [path] if weights is None else [path, weights]


def to_bytes(program: OnnxProgram) -> bytes:
    """The model with its weights, in memory. Raises `CompileError` E0603 above 2 GB."""
    stream = _stream(program, "", {})
    result = bytearray(stream.nbytes)
    place = 0
    for chunk in stream.chunks(_contents(program, {})):
        result[place : place + len(chunk)] = chunk
        place += len(chunk)
    return bytes(result)


def tensor_header(name: str, source: ParameterSource) -> onnx.TensorProto:
    """The tensor without content."""
    dims = source.type.static_shape
    return onnx.TensorProto(name=name, dims=dims, data_type=ONNX_TYPES[source.type.dtype])


def _stream(program: OnnxProgram, location: str, offsets: dict[str, int]) -> ModelStream:
    tensors: list[tuple[onnx.TensorProto, int | None]] = []
    for name, source in program.initializers:
        header = tensor_header(name, source)
        if name not in offsets:
            tensors.append((header, nbytes(source)))
            continue
        header.data_location = onnx.TensorProto.EXTERNAL
        entries = {"location": location, "offset": offsets[name], "length": nbytes(source)}
        for key, value in entries.items():
            entry = header.external_data.add()
            entry.key, entry.value = key, str(value)
        tensors.append((header, None))
    stream = ModelStream(program.model, tensors)
    if stream.nbytes > PROTOBUF_LIMIT:
        raise failure(
            "E0603",
            f"the model takes {stream.nbytes / 1e9:.2f} GB, a single file can have 2.15 GB",
            help="let the weights go into a file of their own: --external",
        )
    return stream


def _contents(program: OnnxProgram, offsets: dict[str, int]) -> Iterator[Iterator[Chunk]]:
    for name, source in program.initializers:
        yield iter(()) if name in offsets else raw_blocks(source)


def _write_data(program: OnnxProgram, file: IO[bytes], hash: hashlib._Hash) -> dict[str, int]:
    """Writes the large tensors one behind the other; where each begins."""
    offsets: dict[str, int] = {}
    place = 0
    for name, source in program.initializers:
        if nbytes(source) < SMALL:
            continue
        padding = bytes(-place % ALIGNMENT)
        offsets[name] = place + len(padding)
        for chunk in chain((padding,), raw_blocks(source)):
            file.write(chunk)
            hash.update(chunk)
        place = offsets[name] + nbytes(source)
    return offsets
