"""Arrays in files: what `neural run` and `neural debug` read and write.

In: paths. Out: arrays by name, or .npy and .npz files. Nothing in a file is ever executed.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np

from ...ir.diagnostic import CompileError, ExitStatus, failure
from ..output import write_file

Array = np.ndarray[Any, Any]


def read_inputs(given: Sequence[str], names: Sequence[str]) -> dict[str, Array]:
    """Arrays from `NAME=FILE` texts; a model of one input needs no name, an .npz file of several
    arrays gives them by their own. Raises `CompileError` E0501, E0503, E0510, E0718.
    """
    arrays: dict[str, Array] = {}
    for text in given:
        name, equals, path = text.partition("=")
        if equals:
            arrays[name] = _single(Path(path), name)
        else:
            arrays.update(read_arrays(Path(text), names, "--input"))
    return arrays


def read_arrays(path: Path, names: Sequence[str], option: str = "") -> dict[str, Array]:
    """The arrays of one file by the names of inputs. Raises `CompileError` as `read_inputs` does;
    `option` is the one that named the file."""
    content = _load(path)
    if isinstance(content, dict):
        return content
    if len(names) == 1:
        return {names[0]: content}
    raise failure(
        "E0510",
        f"{option} {path}: the model has several inputs".lstrip(),
        status=ExitStatus.USAGE,
        help=f"{_WAYS.get(option, 'give an .npz file')}; the names are {', '.join(names)}",
    )


_WAYS = {"--input": "write NAME=FILE"}


def write_outputs(path: Path, arrays: Mapping[str, Array]) -> None:
    """Writes one array as .npy, or any number of them as .npz; they can be computed again, so
    nobody waits for the disk. Raises `CompileError`."""
    data = io.BytesIO()
    if path.suffix == ".npy" and len(arrays) == 1:
        np.save(data, next(iter(arrays.values())), allow_pickle=False)
    elif path.suffix == ".npz":
        np.savez(data, allow_pickle=False, **arrays)
    else:
        raise failure(
            "E0510",
            f"--output {path}: outputs are written as .npz, a single one also as .npy",
            status=ExitStatus.USAGE,
        )
    write_file(path, data.getvalue(), durable=False)


def _single(path: Path, name: str) -> Array:
    content = _load(path)
    if not isinstance(content, dict):
        return content
    if name in content or len(content) == 1:
        return content[name] if name in content else next(iter(content.values()))
    raise _damaged(path, f"it holds {', '.join(content)}, and none is called {name!r}")


def _load(path: Path) -> Array | dict[str, Array]:
    try:
        with path.open("rb") as file:
            if file.read(4) == b"PK\x03\x04":
                return _archive(path, file)
            file.seek(0)
            return _array(path, file, path.stat().st_size)
    except FileNotFoundError:
        raise failure("E0501", f"there is no file `{path}`") from None
    except (CompileError, MemoryError):
        raise
    except OSError as error:
        raise failure("E0503", f"cannot read `{path}`: {error.strerror or error}") from None
    except Exception as error:
        # zlib, zipfile, tokenize and numpy each have errors of their own for damaged content.
        raise _damaged(path, str(error).splitlines()[0] if str(error) else "damaged") from None


def _archive(path: Path, file: BinaryIO) -> dict[str, Array]:
    import zipfile

    arrays: dict[str, Array] = {}
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            if member.filename.endswith(".npy"):
                with archive.open(member) as content:
                    name = member.filename.removesuffix(".npy")
                    arrays[name] = _array(path, content, member.file_size)
    if not arrays:
        raise _damaged(path, "it is an archive without arrays")
    return arrays


def _array(path: Path, file: IO[bytes], size: int) -> Array:
    """The array of a .npy file. Its header is not believed: a few bytes can promise terabytes."""
    if not file.read(6) == np.lib.format.MAGIC_PREFIX:
        raise _damaged(path, "it does not start like one")
    file.seek(0)
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, _, dtype = np.lib.format.read_array_header_2_0(file)
    else:
        raise _damaged(path, f"its format has the version {version}")
    promised = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or (not dtype.hasobject and promised > size):
        raise _damaged(path, f"its header promises {list(shape)}, and the file holds less")
    file.seek(0)
    content: Array = np.lib.format.read_array(file, allow_pickle=False)
    return content


def _damaged(path: Path, why: str) -> CompileError:
    return failure("E0718", f"`{path}` is no .npy or .npz file of numbers: {why}")
