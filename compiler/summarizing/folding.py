"""Folding repeats: a chain of equal layers as one of them and a count.

In: a sequence of anything with signatures. Out: `Fold` values, each a group and how many times it
stands in a row.

    A B B B C D C D E   →   A, 3 × (B), 2 × (C D), E
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

LONGEST = 12
"""Items of a group that repeats."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fold(Generic[T]):
    """`items` are the first group; `last` the last one, to tell where the row ends."""

    items: tuple[T, ...]
    times: int
    last: tuple[T, ...]


def fold(items: Sequence[T], signature: Callable[[T], object]) -> list[Fold[T]]:
    """Groups that repeat, at each place the one that folds the most away."""
    signs = [signature(item) for item in items]
    folds: list[Fold[T]] = []
    at = 0
    while at < len(items):
        length, times = _best(signs, at)
        end = at + length * times
        folds.append(Fold(tuple(items[at : at + length]), times, tuple(items[end - length : end])))
        at = end
    return folds


def _best(signs: Sequence[object], at: int) -> tuple[int, int]:
    """Length and count of the repeat that starts here and folds the most items away."""
    best = 1, 1
    saved = 0
    for length in range(1, min(LONGEST, (len(signs) - at) // 2) + 1):
        times = 1
        group = signs[at : at + length]
        while signs[at + length * times : at + length * (times + 1)] == group:
            times += 1
        if length * (times - 1) > saved:
            best, saved = (length, times), length * (times - 1)
    return best
