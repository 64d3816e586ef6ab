"""The parts of calibration, each alone: errors, choices, clipping, scales, data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from neuralc.compiler.calibrating.clipping import clip_ratios
from neuralc.compiler.calibrating.data import CalibrationData, valid_rows
from neuralc.compiler.calibrating.output_error import OutputError
from neuralc.compiler.calibrating.product_error import Levels, product_error, rounded_columns
from neuralc.compiler.calibrating.scales import static_scale
from neuralc.compiler.calibrating.search import Mixture, by_harm, choose
from neuralc.compiler.calibrating.statistics import InputStatistics

RANDOM = np.random.default_rng(0)


# ---- errors -------------------------------------------------------------------------------


def test_an_error_is_relative_to_the_spread_and_the_worst_output_counts() -> None:
    exact = RANDOM.standard_normal((50, 4)) * 10 + 100
    error = OutputError()
    for rows in (slice(0, 20), slice(20, 50)):
        error.add("a", exact[rows] + 0.5, exact[rows])
        error.add("b", exact[rows], exact[rows])
    assert error.value == pytest.approx(0.5 / exact.std(), rel=1e-6)
    assert error.maximum == pytest.approx(0.5 / exact.std(), rel=1e-6)
    assert error.by_output()["b"] == 0


def test_a_constant_output_is_measured_by_its_magnitude() -> None:
    error = OutputError()
    error.add("a", np.full(9, 2.02), np.full(9, 2.0))
    assert error.value == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("actual", "exact", "fits"),
    [
        ([np.inf, 1, 2], [np.inf, 1, 2], True),
        ([np.nan, 1, 2], [np.nan, 1, 2], True),
        ([np.inf, 1, 2], [-np.inf, 1, 2], False),
        ([0.0, 1, 2], [np.inf, 1, 2], False),
        ([np.nan, 1, 2], [0.0, 1, 2], False),
    ],
    ids=str,
)
def test_what_is_not_finite_must_be_so_in_both(actual: list, exact: list, fits: bool) -> None:
    error = OutputError()
    error.add("a", np.array(actual), np.array(exact))
    assert error.value == (0.0 if fits else np.inf)


def test_zeros_that_err_have_no_spread_to_err_within() -> None:
    error = OutputError()
    error.add("a", np.ones(3), np.zeros(3))
    assert error.value == np.inf


# ---- which products stay exact ------------------------------------------------------------


def adding_up(errors: Sequence[float]):
    """Independent errors, and how often they were measured."""
    asked: list[Mixture] = []

    def measure(mixtures: Sequence[Mixture]) -> list[float]:
        asked.extend(mixtures)
        return [
            sum(e * e for e, on in zip(errors, each, strict=True) if on) ** 0.5 for each in mixtures
        ]

    return measure, asked


def test_the_groups_that_cost_most_for_what_they_gain_leave_first() -> None:
    assert by_harm([1.0, 2.0, 2.0, 0.1], [1.0, 1.0, 8.0, 1.0]) == [1, 0, 2, 3]


def test_as_few_groups_leave_as_the_limit_needs() -> None:
    errors, gains = [0.3, 0.1, 0.2, 0.05, 0.4], [1.0] * 5
    measure, asked = adding_up(errors)
    assert choose(errors, gains, measure, 0.25) == (False, True, True, True, False)
    assert len(asked) < 9
    for limit in (0.0, 0.05, 0.11, 0.31, 1.0):
        mixture = choose(errors, gains, measure, limit)
        assert measure([mixture])[0] <= limit
    assert choose(errors, gains, measure, 0.0) == (False,) * 5
    assert choose(errors, gains, measure, 1.0) == (True,) * 5


def test_a_group_comes_back_where_the_limit_has_room_for_it() -> None:
    """By harm 0 and 1 leave; without 1, which does the most harm, there is room for 0 again."""
    errors, gains = [0.2, 0.5, 0.1], [1.0, 1.0, 1.0]

    def measure(mixtures: Sequence[Mixture]) -> list[float]:
        # 0 and 2 make each other's error good again.
        return [0.5 * m[1] + 0.2 * (m[0] and not m[2]) + 0.3 * (m[2] and m[1]) for m in mixtures]

    assert choose(errors, gains, measure, 0.1) == (True, False, True)


def test_errors_that_do_not_add_up_still_end_below_the_limit() -> None:
    def measure(mixtures: Sequence[Mixture]) -> list[float]:
        return [1.0 if any(each) else 0.0 for each in mixtures]

    assert choose([0.1, 0.1], [1.0, 1.0], measure, 0.5) == (False, False)


# ---- clipping, scales ---------------------------------------------------------------------


def test_an_outlier_that_hardly_counts_is_clipped_and_one_that_counts_is_not() -> None:
    weight = RANDOM.uniform(-1, 1, (256, 2)).astype(np.float32)
    weight[0] = 2.0
    squares = np.ones(256)
    squares[0] = 1e-4
    rare = clip_ratios(weight, squares, 7)
    assert (rare < 1).all()
    error = [
        float((squares[:, None] * np.square(rounded_columns(weight, 7, each) - weight)).sum())
        for each in (rare, 1.0)
    ]
    assert error[0] < error[1]
    squares[0] = 1e4
    assert (clip_ratios(weight, squares, 7) == 1).all()


def test_columns_of_zeros_stay_zeros() -> None:
    assert (rounded_columns(np.zeros((4, 2), np.float32), 127) == 0).all()
    assert (clip_ratios(np.zeros((4, 2), np.float32), np.ones(4), 127) == 1).all()
    assert product_error(np.zeros((3, 4)), np.zeros((4, 2)), Levels(127, 127)) == 0


def seen(rows: np.ndarray) -> InputStatistics:
    zeros = np.zeros(rows.shape[1])
    low, high = np.minimum(rows.min(0), zeros), np.maximum(rows.max(0), zeros)
    return InputStatistics(low, high, np.square(rows).mean(0), rows, len(rows))


def test_a_static_scale_covers_the_range_and_keeps_zero() -> None:
    rows = RANDOM.uniform(-1, 3, (64, 16)).astype(np.float32)
    found = static_scale(seen(rows))
    assert found is not None
    scale, zero_point = found
    levels = np.clip(np.rint(rows / scale) + zero_point, 0, 255)
    assert np.abs((levels - zero_point) * scale - rows).max() < 0.2
    assert scale == np.float32(scale)
    positive = static_scale(seen(np.abs(rows)))
    assert positive is not None
    assert positive[1] == 0
    assert static_scale(seen(np.zeros((4, 3), np.float32))) is None


def test_a_static_scale_gives_a_lone_outlier_up() -> None:
    rows = RANDOM.uniform(0, 1, (8192, 64)).astype(np.float32)
    whole = static_scale(seen(rows))
    rows[0, 0] = 1.5
    clipped = static_scale(seen(rows))
    assert whole is not None
    assert clipped is not None
    assert clipped[0] < 1.5 / 255


# ---- data ---------------------------------------------------------------------------------


def test_batches_hold_every_sample_once_and_few_at_a_time() -> None:
    data = CalibrationData({"x": np.arange(70 * 300).reshape(70, 300)}, "x.npz")
    batches = [batch["x"] for batch in data.batches()]
    assert np.array_equal(np.concatenate(batches), data.arrays["x"])
    assert max(batch.size for batch in batches) <= 2048
    assert data.head(1000).samples == 3
    assert data.head(1).samples == 1


def test_a_digest_tells_data_apart() -> None:
    x = np.zeros((2, 3), np.float32)
    digests = {
        CalibrationData(arrays, "x.npz").digest
        for arrays in ({"x": x}, {"y": x}, {"x": x + 1}, {"x": x.astype(np.float64)})
    }
    assert len(digests) == 4
    assert CalibrationData({"x": x}, "y.npz").digest in digests


def test_padded_rows_do_not_count() -> None:
    mask = np.array([[1, 1, 0], [1, 0, 0]])
    batch = {"mask": mask}
    assert valid_rows(batch, ["mask"], (2, 3, 8)).tolist() == (mask == 1).tolist()
    assert valid_rows(batch, ["mask"], (6, 8)).tolist() == [True, True, False, True, False, False]
    assert valid_rows(batch, ["mask"], (2, 8)).all()
    assert valid_rows({}, [], (2, 3, 8)).shape == (2, 3)
