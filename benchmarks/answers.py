"""How far one contender's answers lie from another's.

In: two .npy files of the same shape; they may be larger than memory. Out: a `Difference`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
ROWS = 128
"""Read at a time."""
VECTOR = 16
"""From this width on, an answer's last axis is a vector whose direction means something."""


@dataclass(frozen=True)
class Difference:
    """All are 0 for equal answers, but the cosines and the ranking, which are 1."""

    largest: float
    """The largest between two numbers, as a part of the largest number in ours."""
    largest_over_spread: float
    """The same as a part of the standard deviation of ours."""
    rms_over_spread: float
    """The root of the mean square, as a part of the standard deviation of ours."""
    cosine: float
    """Between the answers: the least of all vectors', or of all numbers as one vector."""
    mean_cosine: float
    ranking: float | None = None
    """Spearman's correlation of all pairs' similarities, where answers are unit vectors."""


def compare(theirs: Path, ours: Path, ranked: bool = False) -> Difference | None:
    """None where the shapes differ. Numbers that are not finite give a difference of NaN."""
    answer, reference = (np.load(path, mmap_mode="r") for path in (theirs, ours))
    if answer.shape != reference.shape:
        return None
    wide = reference.ndim > 1 and reference.shape[-1] >= VECTOR
    width = reference.shape[-1] if wide else reference.size
    answer, reference = answer.reshape(-1, width), reference.reshape(-1, width)
    largest = top = total = squares = error = 0.0
    cosine, cosines = 1.0, 0.0
    for start in range(0, len(reference), ROWS):
        mine = np.asarray(reference[start : start + ROWS], np.float64)
        other = np.asarray(answer[start : start + ROWS], np.float64)
        gap = other - mine
        # `maximum` lets a NaN through, `max` may not.
        largest = float(np.maximum(largest, np.abs(gap).max()))
        top = max(top, float(np.abs(mine).max()))
        total += float(mine.sum())
        squares += float((mine**2).sum())
        error += float((gap**2).sum())
        norms = np.linalg.norm(mine, axis=1) * np.linalg.norm(other, axis=1)
        each = (mine * other).sum(1) / norms
        cosine = float(np.minimum(cosine, each.min()))
        cosines += float(each.sum())
    count = reference.size
    spread = float(np.sqrt(max(squares / count - (total / count) ** 2, 0.0)))
    ranking = spearman(similarities(answer), similarities(reference)) if ranked else None
    rms = float(np.sqrt(error / count))
    mean = cosines / len(reference)
    return Difference(largest / top, largest / spread, rms / spread, cosine, mean, ranking)


def similarities(vectors: Array) -> Array:
    """The dot products of all pairs, each pair once."""
    first, second = np.triu_indices(len(vectors), 1)
    wide = np.asarray(vectors, np.float64)
    return (wide @ wide.T)[first, second]


def spearman(first: Array, second: Array) -> float:
    """The correlation of the places in order; 1 where both order alike."""
    places = [
        np.argsort(np.argsort(each, kind="stable"), kind="stable") for each in (first, second)
    ]
    return float(np.corrcoef(places[0], places[1])[0, 1])
