"""Depthwise convolutions, and layers that add, cut off or repeat positions, beside numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from neuralc.compiler.driver import compile
from neuralc.ir.diagnostic import CompileError
from on_targets import results

X = np.random.default_rng(0).standard_normal((2, 5, 7, 3)).astype(np.float32)


MOVES = {
    "ZeroPadding2D()": np.pad(X, ((0, 0), (1, 1), (1, 1), (0, 0))),
    "ZeroPadding2D((2, 1))": np.pad(X, ((0, 0), (2, 2), (1, 1), (0, 0))),
    "ZeroPadding2D(((0, 2), (1, 3)))": np.pad(X, ((0, 0), (0, 2), (1, 3), (0, 0))),
    "ZeroPadding2D(0)": X,
    "Cropping2D()": X,
    "Cropping2D(1)": X[:, 1:-1, 1:-1],
    "Cropping2D(((0, 2), (1, 3)))": X[:, 0:3, 1:4],
    "UpSampling2D()": X.repeat(2, 1).repeat(2, 2),
    "UpSampling2D((1, 3))": X.repeat(3, 2),
}


@pytest.mark.parametrize("layer", MOVES)
def test_images(layer: str) -> None:
    found, _ = results(layer, X, "(5, 7, 3)")
    np.testing.assert_array_equal(found, MOVES[layer])


def test_lines_between_pixels() -> None:
    found, _ = results('UpSampling2D((2, 3), interpolation="bilinear")', X, "(5, 7, 3)")
    expected = X.astype(np.float64)
    for axis, scale in ((1, 2), (2, 3)):
        size = X.shape[axis]
        centres = (np.arange(size * scale) + 0.5) / scale - 0.5
        expected = np.apply_along_axis(
            lambda line, at, size=size: np.interp(at, np.arange(size), line),
            axis,
            expected,
            centres,
        )
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", ["(7, 3)", "(None, 3)"])
def test_sequences_of_fixed_and_open_length(shape: str) -> None:
    x = X[:, 0]
    layers = "ZeroPadding1D((0, 2)) UpSampling1D(3) Cropping1D((1, 2))"
    found, _ = results(layers, x, shape)
    expected = np.pad(x, ((0, 0), (0, 2), (0, 0))).repeat(3, 1)[:, 1:-2]
    np.testing.assert_array_equal(found, expected)


def test_volumes() -> None:
    x = X[:, :, :, None].repeat(4, 3)
    found, _ = results("ZeroPadding3D(1) Cropping3D(((0, 2), (1, 1), (2, 1)))", x, "(5, 7, 4, 3)")
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (1, 1), (0, 0)))
    np.testing.assert_array_equal(found, padded[:, 0:-2, 1:-1, 2:-1])
    found, _ = results("UpSampling3D((1, 2, 3))", x, "(5, 7, 4, 3)")
    np.testing.assert_array_equal(found, x.repeat(2, 2).repeat(3, 3))


def test_a_vector_becomes_a_sequence() -> None:
    found, _ = results("RepeatVector(4)", X[:, 0, 0], "(3,)")
    np.testing.assert_array_equal(found, X[:, :1, 0].repeat(4, 1))


def each_channel(x: Any, kernel: Any) -> Any:
    """Windows without padding, stride 1: [N, H, W, C] by [h, w, C, M] gives [N, H', W', C·M]."""
    seen = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(1, 2))
    y = np.einsum("nhwcij,ijcm->nhwcm", seen, kernel)
    return y.reshape(*y.shape[:3], -1)


def test_depthwise_convolutions_keep_channels_apart() -> None:
    layer = 'DepthwiseConv2D((2, 3), 1, "valid", 2, bias_initializer="random_normal")'
    found, (kernel, bias) = results(layer, X, "(5, 7, 3)")
    np.testing.assert_allclose(found, each_channel(X.astype(float), kernel) + bias, rtol=1e-12)


def test_separable_convolutions_mix_them_behind() -> None:
    layer = (
        "SeparableConv2D(4, 3, depth_multiplier=2, activation=relu, "
        'bias_initializer="random_normal")'
    )
    found, (each, mix, bias) = results(layer, X, "(5, 7, 3)")
    mixed = each_channel(X.astype(float), each) @ mix[0, 0] + bias
    np.testing.assert_allclose(found, np.maximum(mixed, 0), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("layer", "code"),
    [
        ("Cropping2D(((2, 3), (0, 0)))", "E0304"),
        ("ZeroPadding2D((1, 2, 3))", "E0206"),
        ("ZeroPadding2D(-1)", "E0206"),
        ("Cropping2D(1.5)", "E0206"),
        ("ZeroPadding2D(((1, 2), (1, true)))", "E0206"),
        ("DepthwiseConv2D(9)", "E0304"),
        ('UpSampling2D(interpolation="bicubic")', "E0212"),
    ],
)
def test_what_cannot_be_is_an_error(layer: str, code: str) -> None:
    with pytest.raises(CompileError) as caught:
        compile(f"network N {{ input: (5, 7, 3) layers: {layer} }}")
    assert [each.code for each in caught.value.diagnostics if each.code[0] == "E"] == [code]


def test_group_norms_never_count_padding() -> None:
    norm = "GroupNormalization(2)"
    with pytest.raises(CompileError, match="padding"):
        compile(f"network N {{ input: (5,) layers: Embedding(9, 4, mask_zero=true) {norm} }}")
    compile(f"network N {{ input: (5,) layers: Embedding(9, 4) {norm} }}", lint=False)


@pytest.mark.parametrize("groups", [1, 2, -1])
def test_group_norms_normalize_each_member_by_groups(groups: int) -> None:
    x = X.repeat(2, 3)[..., :6] * 3 + 1
    found, _ = results(f"GroupNormalization({groups}, epsilon=0.001)", x, "(5, 7, 6)")
    apart = x.astype(float).reshape(2, 35, 6 if groups == -1 else groups, -1)
    mean, variance = apart.mean((1, 3), keepdims=True), apart.var((1, 3), keepdims=True)
    expected = ((apart - mean) / np.sqrt(variance + 0.001)).reshape(x.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
