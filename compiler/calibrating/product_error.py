"""How far a quantized product is from the exact one, on some rows: a quick model of the kernels.

In: rows, a weight, and how finely they are rounded. Out: the relative squared error. Only choices
between ways to round rest on it; what a model errs in the end is measured on the model itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Levels:
    """The largest whole numbers that weights and activations are rounded to; 0: not rounded."""

    weights: int
    activations: int
    whole_tensor: bool = False
    """One scale for all rows of the activations instead of one each."""


def rounded_columns(weight: Array, levels: int, ratios: Array | float = 1.0) -> Array:
    """The weight as its columns' scales leave it; `ratios` of the largest magnitudes are kept."""
    scales = np.abs(weight).max(axis=0) * ratios / levels
    scales = np.where(scales > 0, scales, 1.0).astype(weight.dtype)
    return np.asarray(np.clip(np.round(weight / scales), -levels, levels) * scales)


def rounded_rows(rows: Array, levels: int, whole_tensor: bool = False) -> Array:
    """Activations as their scales leave them."""
    largest = np.abs(rows).max() if whole_tensor else np.abs(rows).max(axis=1, keepdims=True)
    scales = np.where(largest > 0, largest / levels, 1.0).astype(rows.dtype)
    return np.asarray(np.round(rows / scales) * scales)


def product_error(rows: Array, weight: Array, levels: Levels) -> float:
    """The squared error of rows @ weight over the squares of the exact product."""
    exact = rows @ weight
    x = rounded_rows(rows, levels.activations, levels.whole_tensor) if levels.activations else rows
    w = rounded_columns(weight, levels.weights) if levels.weights else weight
    squares = float(np.square(exact, dtype=np.float64).sum())
    return float(np.square(x @ w - exact, dtype=np.float64).sum()) / (squares or 1.0)
