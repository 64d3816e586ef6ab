"""Whether one contender is faster than another.

In: times by round. Out: how many times as fast, with bounds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RESAMPLES = 2000


def times_as_fast(
    base: Sequence[float], other: Sequence[float], certainty: float = 0.99
) -> tuple[float, float, float]:
    """The median over the rounds of `base / other`, and its bootstrap interval.

    Rounds are drawn with replacement, both contenders of a round together. Of few rounds the
    interval reaches to the extremes; it is the same for the same times.
    """
    ratios = np.asarray(base) / np.asarray(other)
    draws = np.random.default_rng(0).integers(0, len(ratios), (RESAMPLES, len(ratios)))
    medians = np.median(ratios[draws], axis=1)
    tail = (1 - certainty) / 2
    low, high = np.quantile(medians, [tail, 1 - tail])
    return float(np.median(ratios)), float(low), float(high)
