"""How far a model's outputs are from those at float32.

In: outputs and what they should be, batch by batch. Out: one number, the error relative to the
outputs' spread.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class OutputError:
    """Pools what is added; `value` is the largest over the outputs of

        the root of the mean squared difference / the standard deviation of the exact values

    both over all samples and elements that are no padding. An output that is the same number
    everywhere is measured against its magnitude. What is not finite must be so in both; otherwise
    the error is infinite.
    """

    def __init__(self) -> None:
        self._pools: dict[str, _Pool] = {}

    def add(self, name: str, actual: Array, exact: Array) -> None:
        """Two arrays of one shape, of the output `name`."""
        self._pools.setdefault(name, _Pool()).add(actual, exact)

    @property
    def value(self) -> float:
        return max((pool.error for pool in self._pools.values()), default=0.0)

    @property
    def maximum(self) -> float:
        """The largest single difference, relative to the spread of its output."""
        return max((pool.maximum for pool in self._pools.values()), default=0.0)

    def by_output(self) -> Mapping[str, float]:
        return {name: pool.error for name, pool in self._pools.items()}


class _Pool:
    """One output over all batches."""

    def __init__(self) -> None:
        self._squares = self._largest = 0.0
        self._sum = self._sum_of_squares = 0.0
        self._count = 0
        self._differs = False

    def add(self, actual: Array, exact: Array) -> None:
        actual, exact = actual.astype(np.float64), exact.astype(np.float64)
        finite = np.isfinite(exact)
        if not np.array_equal(actual[~finite], exact[~finite], equal_nan=True):
            self._differs = True
        exact = exact[finite]
        difference = np.abs(actual[finite] - exact)
        if not np.isfinite(difference).all():
            self._differs = True
        elif difference.size:
            self._squares += float(np.square(difference).sum())
            self._largest = max(self._largest, float(difference.max()))
        self._sum += float(exact.sum())
        self._sum_of_squares += float(np.square(exact).sum())
        self._count += exact.size

    @property
    def _spread(self) -> float:
        if not self._count:
            return 0.0
        mean = self._sum / self._count
        variance = self._sum_of_squares / self._count - mean * mean
        # What is left of a constant by rounding is no spread.
        return float(variance**0.5) if variance > 1e-12 * mean * mean else abs(mean)

    @property
    def error(self) -> float:
        return self._relative((self._squares / max(self._count, 1)) ** 0.5)

    @property
    def maximum(self) -> float:
        return self._relative(self._largest)

    def _relative(self, error: float) -> float:
        if self._differs:
            return float("inf")
        if error == 0:
            return 0.0
        return error / self._spread if self._spread else float("inf")
