"""Reading safetensors files: what is there, and every way in which a file can be wrong."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from neuralc.ir.diagnostic import CompileError, ExitStatus
from neuralc.ir.dtype import DType
from neuralc.ir.evaluate import evaluate, evaluate_blocks
from neuralc.ir.parameter import Stored
from neuralc.ir.tensor_file import read_blocks, read_header
from neuralc.ir.type import TensorType


def write(file: Path, header: Any, data: bytes = b"", length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    size = len(text) if length is None else length
    file.write_bytes(struct.pack("<Q", size) + text + data)
    return file


def row(dtype: str, shape: list[int], start: int, stop: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two floats of each width, an i64 scalar, two booleans, and an empty tensor."""
    f32 = np.array([[1.5, -2.0]], "<f4").tobytes()
    f64 = np.array([0.1, 1e300], "<f8").tobytes()
    bf16 = struct.pack("<HH", 0x3FC0, 0xC000)
    header = {
        "__metadata__": {"format": "pt"},
        "b": row("BF16", [2], 24, 28),
        "a": row("F32", [1, 2], 0, 8),
        "d": row("F64", [2], 8, 24),
        "i": row("I64", [], 28, 36),
        "t": row("BOOL", [2], 36, 38),
        "none": row("F32", [0, 3], 38, 38),
    }
    data = f32 + f64 + bf16 + struct.pack("<q", -7) + b"\x01\x00"
    return write(tmp_path / "w.safetensors", header, data)


def stored(file: Path, tensor: str, dtype: DType, *shape: int) -> Stored:
    return Stored(TensorType(dtype, shape), str(file), tensor)


def test_the_header_lists_the_tensors_in_their_order(file: Path) -> None:
    header = read_header(file)
    assert list(header) == ["a", "d", "b", "i", "t", "none"]
    assert (header["a"].dtype, header["a"].shape) == (DType.F32, (1, 2))
    assert str(header["b"]) == "bf16[2]"


def test_tensors_are_read_as_the_type_asks(file: Path) -> None:
    assert evaluate(stored(file, "a", DType.F32, 1, 2)).tolist() == [[1.5, -2.0]]
    assert evaluate(stored(file, "b", DType.F32, 2)).tolist() == [1.5, -2.0]
    assert evaluate(stored(file, "b", DType.F16, 2)).dtype == np.float16
    assert evaluate(stored(file, "d", DType.F32, 2)).tolist() == [np.float32(0.1), np.inf]
    assert evaluate(stored(file, "i", DType.I64)).tolist() == -7
    assert evaluate(stored(file, "i", DType.I8)).dtype == np.int8
    assert evaluate(stored(file, "t", DType.BOOL, 2)).tolist() == [True, False]
    assert evaluate(stored(file, "none", DType.F32, 0, 3)).shape == (0, 3)


def test_the_library_that_defines_the_format_agrees(tmp_path: Path) -> None:
    save_file = pytest.importorskip("safetensors.numpy").save_file
    tensors = {f"t{i}": np.random.default_rng(i).standard_normal((i, 3)) for i in range(5)}
    save_file(tensors, tmp_path / "x")
    for name, array in tensors.items():
        assert np.array_equal(
            evaluate(stored(tmp_path / "x", name, DType.F64, *array.shape)), array
        )


def test_large_tensors_come_in_pieces(tmp_path: Path) -> None:
    content = np.arange(1000, dtype="<i4")
    file = write(tmp_path / "x", {"x": row("I32", [10, 100], 0, 4000)}, content.tobytes())
    blocks = list(read_blocks(file, "x", 300))
    assert [len(block) for block in blocks] == [300, 300, 300, 100]
    assert np.array_equal(np.concatenate(blocks), content)
    assert (
        np.concatenate(list(evaluate_blocks(stored(file, "x", DType.I64, 10, 100)))).sum() == 499500
    )


@pytest.mark.parametrize(
    ("tensor", "dtype", "shape"),
    [
        ("a", DType.F32, (2,)),
        ("a", DType.I64, (1, 2)),
        ("i", DType.F32, ()),
        ("t", DType.I64, (2,)),
        ("i", DType.U8, ()),
    ],
)
def test_a_tensor_that_is_not_the_type_is_refused(
    file: Path, tensor: str, dtype: DType, shape: tuple[int, ...]
) -> None:
    with pytest.raises(CompileError, match="E0405") as caught:
        evaluate(stored(file, tensor, dtype, *shape))
    assert repr(tensor) in str(caught.value)
    assert caught.value.status is ExitStatus.WRONG_PROGRAM


def test_a_tensor_that_is_not_there_is_named(file: Path) -> None:
    with pytest.raises(CompileError, match=r"E0404.*'missing'"):
        evaluate(stored(file, "missing", DType.F32, 1))


ONE = {"x": row("F32", [2], 0, 8)}


@pytest.mark.parametrize(
    ("header", "data", "length"),
    [
        (b"", b"", 0),
        (b"{", b"", None),
        (b"[]", b"", None),
        (b"\xff\xfe", b"", None),
        (b"[" * 100000, b"", None),
        (ONE, bytes(8), 1 << 60),
        (ONE, bytes(8), 2),
        (ONE, bytes(7), None),
        (ONE, bytes(9), None),
        ({"x": row("F32", [2], 1, 9)}, bytes(9), None),
        ({"x": row("F32", [2], 0, 8), "y": row("F32", [2], 4, 12)}, bytes(12), None),
        ({"x": row("F32", [3], 0, 8)}, bytes(8), None),
        ({"x": row("F32", [-2], 0, 8)}, bytes(8), None),
        ({"x": row("F32", [True], 0, 4)}, bytes(4), None),
        ({"x": {"dtype": "F32", "shape": [2]}}, bytes(8), None),
        ({"x": {"dtype": "F32", "shape": 2, "data_offsets": [0, 8]}}, bytes(8), None),
        ({"x": {"dtype": "F32", "shape": [2], "data_offsets": [8]}}, bytes(8), None),
        ({"x": 5}, bytes(8), None),
        (b'{"x": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}, "x": 5}', b"a", None),
    ],
)
def test_files_that_contradict_the_format_are_refused(
    tmp_path: Path, header: Any, data: bytes, length: int | None
) -> None:
    file = write(tmp_path / "bad", header, data, length)
    with pytest.raises(CompileError, match="E0402") as caught:
        read_header(file)
    assert caught.value.status is ExitStatus.SURROUNDINGS
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"1234567"])
def test_files_too_short_for_a_header_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(CompileError, match="E0402"):
        read_header(tmp_path / "bad")


def test_element_types_that_neuralc_lacks_are_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "x", {"x": row("F8_E4M3", [2], 0, 2)}, bytes(2))
    with pytest.raises(CompileError, match=r"E0403.*'F8_E4M3'"):
        read_header(file)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(CompileError, match="E0401"):
            read_header(path)


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    file = write(tmp_path / "x", ONE, bytes(8))
    assert list(read_header(file)) == ["x"]
    write(file, {"other": row("F32", [2], 0, 8)}, bytes(8))
    os.utime(file, ns=(1, 1))
    assert list(read_header(file)) == ["other"]


def test_a_file_cut_off_after_its_header_was_read_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "x", ONE, bytes(8))
    blocks = read_blocks(file, "x", 1)
    next(blocks)
    os.truncate(file, file.stat().st_size - 4)
    with pytest.raises(CompileError, match=r"E0402.*ends within"):
        list(blocks)
