"""Norms and softmax along other axes than the last, and activations with arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from on_targets import results

X = (np.random.default_rng(0).standard_normal((2, 5, 4, 6)) * 3 + 1).astype(np.float32)
V = X.astype(np.float64)
DRAWN = "gamma_initializer=RandomUniform(0.5, 1.5)"
BETA = "beta_initializer=RandomUniform(-0.5, 0.5)"


def normalized(axes: tuple[int, ...], centred: bool = True) -> Any:
    mean = V.mean(axes, keepdims=True) * centred
    return (V - mean) / np.sqrt(((V - mean) ** 2).mean(axes, keepdims=True) + 0.001)


def raised(weight: Any, axes: tuple[int, ...]) -> Any:
    return weight.reshape([V.shape[axis] if axis in axes else 1 for axis in range(4)])


@pytest.mark.parametrize("axes", [(1,), (2,), (3,), (1, 2), (1, 3), (2, 3), (1, 2, 3)])
def test_norms_of_layers(axes: tuple[int, ...]) -> None:
    for written in (axes, tuple(axis - 4 for axis in reversed(axes))):
        axis = str(list(written)) if len(axes) > 1 else written[0]
        layer = f"LayerNormalization(axis={axis}, epsilon=0.001, {DRAWN}, {BETA})"
        found, (gain, bias) = results(layer, X, "(5, 4, 6)")
        assert gain.shape == tuple(V.shape[axis] for axis in axes)
        expected = normalized(axes) * raised(gain, axes) + raised(bias, axes)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    layer = f"RMSNormalization(axis={list(axes)}, epsilon=0.001, {DRAWN})"
    found, (gain,) = results(layer, X, "(5, 4, 6)")
    expected = normalized(axes, centred=False) * raised(gain, axes)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    found, _ = results(f"UnitNormalization({list(axes)})", X, "(5, 4, 6)")
    length = np.sqrt((V**2).sum(axes, keepdims=True))
    np.testing.assert_allclose(found, V / length, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("axis", "groups"), [(1, 5), (2, 2), (-1, 3), (3, -1)])
def test_norms_of_groups(axis: int, groups: int) -> None:
    layer = f"GroupNormalization({groups}, {axis}, 0.001, {DRAWN}, {BETA})"
    found, (gain, bias) = results(layer, X, "(5, 4, 6)")
    first = np.moveaxis(V, axis, 1)
    apart = first.reshape(2, groups if groups > 0 else first.shape[1], -1)
    mean, variance = apart.mean(2, keepdims=True), apart.var(2, keepdims=True)
    rows = ((apart - mean) / np.sqrt(variance + 0.001)).reshape(first.shape)
    expected = np.moveaxis(rows, 1, axis) * raised(gain, (axis % 4,)) + raised(bias, (axis % 4,))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "Softmax(1)": lambda v: np.exp(v) / np.exp(v).sum(1, keepdims=True),
    "Softmax(axis=-2)": lambda v: np.exp(v) / np.exp(v).sum(2, keepdims=True),
    "ReLU(2)": lambda v: np.clip(v, 0, 2),
    "ReLU(2, 0.5)": lambda v: np.minimum(np.where(v < 0, v / 2, v), 2),
    "ReLU(threshold=1)": lambda v: np.where(v < 1, 0, v),
    "ReLU(2, 0.5, 1)": lambda v: np.minimum(np.where(v < 1, (v - 1) / 2, v), 2),
}


@pytest.mark.parametrize("layer", ACTIVATIONS)
def test_activations_with_arguments(layer: str) -> None:
    found, _ = results(layer, X, "(5, 4, 6)")
    np.testing.assert_allclose(found, ACTIVATIONS[layer](V), rtol=1e-9, atol=1e-12)
