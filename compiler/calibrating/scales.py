"""Scales of activations that are known before the model runs.

In: what reaches a product. Out: the scale and zero point of its bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .statistics import InputStatistics

KEPT = (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)
"""How much of the range is kept is tried in turn: what lies beyond is cut off."""


def static_scale(seen: InputStatistics) -> tuple[float, int] | None:
    """The (scale, zero point) with the least squared error on the kept rows; None where nothing
    was seen but zeros. A range holds 0, so that padding stays exact."""
    low, high = float(seen.low.min(initial=0)), float(seen.high.max(initial=0))
    if not high > low or not len(seen.rows):
        return None
    best: tuple[float, float, int] | None = None
    for kept in KEPT:
        # The kernel and numpy must mean the same number.
        scale = float(np.float32((high - low) * kept / 255))
        if scale <= 0:
            continue
        zero_point = int(np.clip(np.rint(-low * kept / scale), 0, 254))
        levels = np.clip(np.rint(seen.rows / scale) + zero_point, 0, 255) - zero_point
        error = float(np.square(levels * scale - seen.rows, dtype=np.float64).sum())
        if best is None or error < best[0]:
            best = error, scale, zero_point
    return None if best is None else best[1:]
