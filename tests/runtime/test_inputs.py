"""Inputs that do not fit are refused before a kernel sees them, all problems at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from neuralc.ir.diagnostic import CompileError
from neuralc.runtime.inputs import TensorSpec, check_inputs

SPECS = (
    TensorSpec("x", "float32", ("B", "S", 4)),
    TensorSpec("mask", "int64", ("B", "S")),
)
SIZES = {"S": {"minimum": 1, "maximum": 8}}


def arrays(**changed: Any) -> dict[str, np.ndarray]:
    good = {"x": np.zeros((2, 3, 4), np.float32), "mask": np.ones((2, 3), np.int64)}
    return {name: array for name, array in {**good, **changed}.items() if array is not None}


WRONG = [
    ("E0710", "the input 'mask' is missing", arrays(mask=None)),
    ("E0711", "no input 'maks'", arrays(maks=np.ones(1))),
    ("E0712", "'x' has the type float64, the model takes float32", arrays(x=np.zeros((2, 3, 4)))),
    ("E0712", "'mask' has the type float32", arrays(mask=np.ones((2, 3), np.float32))),
    ("E0712", "'mask' has the type uint64", arrays(mask=np.ones((2, 3), np.uint64))),
    ("E0713", "'x' has 2 axes [2, 3], the model takes 3", arrays(x=np.zeros((2, 3), np.float32))),
    ("E0714", "axis 2 of the input 'x' has the size 5", arrays(x=np.zeros((2, 3, 5), np.float32))),
    ("E0715", "axis 0 of the input 'mask' is empty", arrays(mask=np.ones((0, 3), np.int64))),
    ("E0716", "axis 1 of the input 'mask' has the size 2, but axis 1 of the input 'x' has 3",
     arrays(mask=np.ones((2, 2), np.int64))),
    ("E0717", "has the size 9, the model was compiled for 8 at most",
     arrays(x=np.zeros((1, 9, 4), np.float32), mask=np.ones((1, 9), np.int64))),
]  # fmt: skip


@pytest.mark.parametrize(("code", "message", "given"), WRONG)
def test_a_wrong_input_is_named(code: str, message: str, given: dict[str, np.ndarray]) -> None:
    with pytest.raises(CompileError) as caught:
        check_inputs(SPECS, given, SIZES)
    found = [(d.code, d.message) for d in caught.value.diagnostics]
    assert any(c == code and message in m for c, m in found), found


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(CompileError) as caught:
        check_inputs(SPECS, {"y": np.ones(1), "x": np.zeros((2, 3, 5))}, SIZES)
    assert {d.code for d in caught.value.diagnostics} == {"E0710", "E0711", "E0712", "E0714"}


def test_what_fits_is_passed_on_without_a_change_of_values() -> None:
    x = np.arange(48, dtype=np.float32).reshape(2, 4, 6)[:, ::2, :4]
    mask = np.array([[1, 0], [2, -1]], np.int32)
    ready = check_inputs(SPECS, {"x": x, "mask": mask}, SIZES)
    assert ready["x"].flags.c_contiguous
    assert np.array_equal(ready["x"], x)
    assert ready["mask"].dtype == np.int64
    assert np.array_equal(ready["mask"], mask)


def test_scalars_keep_their_rank() -> None:
    ready = check_inputs((TensorSpec("t", "float32", ()),), {"t": np.float32(2.5)})
    assert ready["t"].shape == ()


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([[0, 10]], "the input 'mask' has the id 10 at [0, 1]"),
        ([[3, 1], [-1, -7]], "the input 'mask' has the id -1 at [1, 0] (2 such ids)"),
    ],
)
def test_ids_that_the_table_does_not_have_are_refused(ids: list[list[int]], message: str) -> None:
    given = {"mask": np.array(ids)}
    with pytest.raises(CompileError) as caught:
        check_inputs(SPECS[1:], given, SIZES, {"mask": 10})
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.message) == ("E0722", message)
    assert diagnostic.help == "ids are from 0 to 9"


def test_the_first_and_the_last_id_are_taken() -> None:
    ids = np.array([[0, 9]])
    assert np.array_equal(check_inputs(SPECS[1:], {"mask": ids}, SIZES, {"mask": 10})["mask"], ids)


def test_an_axis_that_is_too_short_for_the_model_is_refused() -> None:
    sizes = {"S": {"minimum": 4, "maximum": 8}}
    with pytest.raises(CompileError) as caught:
        check_inputs(SPECS, arrays(), sizes)
    messages = [d.message for d in caught.value.diagnostics if d.code == "E0717"]
    assert messages[0] == "axis 1 of the input 'x' has the size 3, the model needs 4 at least"
    longer = arrays(x=np.zeros((2, 4, 4), np.float32), mask=np.ones((2, 4), np.int64))
    assert check_inputs(SPECS, longer, sizes)["x"].shape == (2, 4, 4)
