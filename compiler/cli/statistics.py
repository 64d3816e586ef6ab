"""A tensor in a few numbers, for tables.

In: an array. Out: `Statistics`. What is not finite is counted and left out of the rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Statistics:
    minimum: float
    maximum: float
    mean: float
    deviation: float
    """Standard deviation of all elements."""
    zeros: float
    """The share of elements that are exactly zero, 0 to 1."""
    not_finite: int

    def as_json(self) -> dict[str, Any]:
        """JSON-ready; it has no NaN, and says null for that."""
        figures = {
            "min": self.minimum,
            "max": self.maximum,
            "mean": self.mean,
            "std": self.deviation,
        }
        return {
            **{name: None if math.isnan(each) else each for name, each in figures.items()},
            "zeros": self.zeros,
            "not_finite": self.not_finite,
        }


def statistics_of(array: np.ndarray[Any, Any]) -> Statistics:
    """The statistics, computed in float64; NaN for an array without finite elements."""
    values = np.asarray(array, dtype=np.float64)
    finite = values[np.isfinite(values)]
    missing = int(values.size - finite.size)
    if not finite.size:
        nan = float("nan")
        return Statistics(nan, nan, nan, nan, 0.0, missing)
    return Statistics(
        float(finite.min()),
        float(finite.max()),
        float(finite.mean()),
        float(finite.std()),
        float(np.count_nonzero(finite == 0) / finite.size),
        missing,
    )
