"""Metadata is read without loading the model, and nothing else passes for one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from neuralc.ir.diagnostic import CompileError, ExitStatus
from neuralc.runtime.model_file import read_metadata

METADATA = {"loss": '"mse"', "empty": "", "long": "ü" * 3000}


def test_metadata_is_read_from_bytes_and_from_files(
    model_bytes: Callable[..., bytes], tmp_path: Path
) -> None:
    data = model_bytes(METADATA)
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    for given_model in (data, path):
        found = read_metadata(given_model)
        assert {key: found[key] for key in METADATA} == METADATA


@pytest.mark.parametrize("content", [b"", b"network N {}", b"\x00" * 64, b"PK\x03\x04zip", b"\x08"])
def test_what_is_no_model_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(CompileError, match="E0512"):
        read_metadata(path)


def test_a_truncated_model_is_refused(model_bytes: Callable[..., bytes]) -> None:
    data = model_bytes()
    with pytest.raises(CompileError, match="E0512"):
        read_metadata(data[: len(data) // 2])


def test_missing_files_and_directories_are_surroundings(tmp_path: Path) -> None:
    for path, code in ((tmp_path / "absent.onnx", "E0501"), (tmp_path, "E0502")):
        with pytest.raises(CompileError, match=code) as caught:
            read_metadata(path)
        assert caught.value.status is ExitStatus.SURROUNDINGS


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail_otherwise(data: bytes) -> None:
    """Random bytes are no model: the three fields that every model has are never all there."""
    with pytest.raises(CompileError, match="E0512"):
        read_metadata(data)
