"""Where to clip each column of a weight before it is rounded.

In: a weight and the mean squares of what its rows are multiplied by. Out: for each column the share
of its largest magnitude that is kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .product_error import rounded_columns

Array = np.ndarray[Any, Any]

RATIOS = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.6, 0.5)


def clip_ratios(weight: Array, squares: Array, levels: int) -> Array:
    """The ratio of each column that leaves the least squared error of its products.

    Inputs count as independent: an error e of the weight in row i costs squares[i] · e². A column
    whose outlier matters keeps it: the ratio is then 1.
    """
    importance = squares.astype(np.float32)[:, None]
    best = np.full(weight.shape[1], np.inf)
    chosen = np.ones(weight.shape[1])
    for ratio in RATIOS:
        difference = rounded_columns(weight, levels, ratio) - weight
        error = (importance * np.square(difference)).sum(axis=0, dtype=np.float64)
        better = error < best
        best = np.where(better, error, best)
        chosen = np.where(better, ratio, chosen)
    return chosen
