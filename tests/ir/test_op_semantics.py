"""What the references promise beyond their formulas: masks, overflow, numbers out of range."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from neuralc.ir.dtype import DType
from neuralc.ir.reference import compute
from neuralc.ir.type import TensorType

RANDOM = np.random.default_rng(11)
DTYPES = {"f": DType.F32, "b": DType.BOOL, "i": DType.I64}
MASK = np.array([[True, False, True, True], [False] * 4, [True] * 4])


def run(op: str, *arrays: Any, **attributes: Any) -> np.ndarray:
    types = [None if a is None else TensorType(DTYPES[a.dtype.kind], a.shape) for a in arrays]
    return compute(op, types, list(arrays), attributes)[0]


@pytest.mark.parametrize("poison", [np.inf, -np.inf, np.nan, 1e300])
def test_what_the_mask_forbids_never_has_influence(poison: float) -> None:
    x = RANDOM.standard_normal((3, 4))
    poisoned = np.where(MASK, x, poison)
    clean = run("masked_softmax", x, MASK)
    assert np.array_equal(run("masked_softmax", poisoned, MASK), clean)
    assert np.all(clean[~MASK] == 0)
    assert np.all(clean[1] == 0)


def test_a_query_that_sees_nothing_gets_zeros() -> None:
    q, k, v = (RANDOM.standard_normal((2, length, 8)) for length in (3, 5, 5))
    keys = np.array([[True, True, False, True, False], [False] * 5])
    out = run("attention", q, k, v, keys, None, None, heads=4, scale=0.5)
    assert np.all(out[1] == 0)
    assert np.all(out[0] != 0)


def test_softmax_does_not_overflow() -> None:
    assert run("softmax", np.array([1e4, 1e4])).tolist() == [0.5, 0.5]


def test_sigmoid_does_not_overflow() -> None:
    assert run("sigmoid", np.array([-1e4, 0.0, 1e4])).tolist() == [0.0, 0.5, 1.0]


def test_an_index_outside_the_axis_is_an_error() -> None:
    with pytest.raises(IndexError):
        run("gather", np.ones((4, 2)), np.array([4]))


def test_casts_to_narrower_floats_do_not_round() -> None:
    assert run("cast", np.array([0.1]), to=DType.F16).tolist() == [0.1]


def test_padding_never_wins_a_max_pool() -> None:
    x = np.full((1, 1, 2, 2), -5.0)
    found = run("max_pool", x, kernel=(2, 2), strides=(1, 1), pads=((1, 1), (1, 1)))
    assert np.all(found == -5.0)


def test_scale_constants_are_rounded_to_the_element_type() -> None:
    scores = np.array([[1.0, 0.0]])
    found = run("scaled_masked_softmax", scores, None, None, scale=0.1)
    scale = float(np.float32(0.1))
    assert found[0, 0] / found[0, 1] == pytest.approx(np.exp(scale), rel=1e-14)
