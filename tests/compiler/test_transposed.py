"""Transposed convolutions beside the convolutions whose adjoints they are."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from on_targets import results

RANDOM = np.random.default_rng(2)
BIAS = 'bias_initializer="random_normal"'
WINDOWS = [
    (window, stride, dilation, padding)
    for window, stride, dilation in itertools.product((1, 2, 3, 4), (1, 2, 3), (1, 2))
    for padding in ("valid", "same")
    if window >= stride and (stride == 1 or dilation == 1)
]


def convolved(x: Any, kernel: Any, stride: int, dilation: int, padding: str) -> Any:
    """A convolution over one axis, [N, S, C] by [w, C, O], padded as TensorFlow does."""
    span = dilation * (len(kernel) - 1) + 1
    count = -(-x.shape[1] // stride) if padding == "same" else (x.shape[1] - span) // stride + 1
    total = max((count - 1) * stride + span - x.shape[1], 0) if padding == "same" else 0
    x = np.pad(x, ((0, 0), (total // 2, total - total // 2), (0, 0)))
    starts = stride * np.arange(count)
    return sum(x[:, starts + dilation * i] @ tap for i, tap in enumerate(kernel))


@pytest.mark.parametrize(("window", "stride", "dilation", "padding"), WINDOWS)
def test_it_is_the_adjoint_of_a_convolution(
    window: int, stride: int, dilation: int, padding: str
) -> None:
    x = RANDOM.standard_normal((2, 5, 3)).astype(np.float32)
    layer = f'Conv1DTranspose(4, {window}, {stride}, "{padding}", dilation_rate={dilation}, {BIAS})'
    found, (kernel, bias) = results(layer, x, "(5, 3)")
    span = dilation * (window - 1) + 1
    size = 5 * stride if padding == "same" else 4 * stride + span
    assert found.shape == (2, size, 4)
    probe = RANDOM.standard_normal(found.shape)
    back = convolved(probe, kernel.astype(np.float64), stride, dilation, padding)
    np.testing.assert_allclose(np.sum((found - bias) * probe), np.sum(x * back), rtol=1e-9)


def test_windows_shorter_than_their_steps_leave_zeros() -> None:
    x = RANDOM.standard_normal((2, 4, 3)).astype(np.float32)
    for padding in ("valid", "same"):
        found, (kernel,) = results(
            f'Conv1DTranspose(2, 1, 3, "{padding}", use_bias=false)', x, "(4, 3)"
        )
        expected = np.zeros((2, 12, 2))
        expected[:, ::3] = x @ kernel[0].T.astype(np.float64)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        ("Conv1DTranspose(4, 3, 2, output_padding=1)", (12, 4)),
        ('Conv1DTranspose(4, 3, 3, padding="same", output_padding=0)', (13, 4)),
        ('Conv1DTranspose(4, 4, 3, padding="same", output_padding=2)', (14, 4)),
    ],
)
def test_sizes_that_are_asked_for(layer: str, shape: tuple[int, ...]) -> None:
    x = RANDOM.standard_normal((2, 5, 3)).astype(np.float32)
    found, _ = results(layer, x, "(5, 3)")
    assert found.shape[1:] == shape


def test_groups_are_layers_side_by_side() -> None:
    x = RANDOM.standard_normal((2, 3, 4, 4)).astype(np.float32)
    found, (kernel, bias) = results(f"Conv2DTranspose(6, 2, 2, groups=2, {BIAS})", x, "(3, 4, 4)")
    expected = np.zeros((2, 6, 8, 6)) + bias
    for i, j, c in np.ndindex(3, 4, 4):
        mine = slice(0, 3) if c < 2 else slice(3, 6)
        block = x[:, i, j, c][:, None, None, None] * kernel[..., c].astype(np.float64)
        expected[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2, mine] += block
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_volumes_and_open_lengths() -> None:
    x = RANDOM.standard_normal((2, 3, 2, 2, 3)).astype(np.float32)
    found, _ = results(
        'Conv3DTranspose(2, 3, (2, 1, 3), "same", activation=relu)', x, "(3, 2, 2, 3)"
    )
    assert found.shape == (2, 6, 2, 6, 2)
    x = x[:, :, 0, 0]
    both = [
        results(f'Conv1DTranspose(2, 3, 2, "same", {BIAS})', x, shape)[0]
        for shape in ("(3, 3)", "(None, 3)")
    ]
    np.testing.assert_array_equal(*both)
