"""Which groups of products stay in float32, so that the error keeps below a limit.

In: each group's error alone and its gain, and a way to measure mixtures. Out: the mixture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Mixture = tuple[bool, ...]
"""For each group whether it is in lower precision."""
Measure = Callable[[Sequence[Mixture]], list[float]]

GIVEN_BACK = 8
"""So many groups are tried again once the limit holds."""


def by_harm(errors: Sequence[float], gains: Sequence[float]) -> list[int]:
    """The groups, first the one whose squared error is largest for each microsecond gained.

    Errors of groups are nearly independent, so that their squares add up.
    """

    def harm(index: int) -> float:
        return errors[index] ** 2 / max(gains[index], 1e-9)

    return sorted(range(len(errors)), key=lambda index: (-harm(index), index))


def choose(
    errors: Sequence[float], gains: Sequence[float], measure: Measure, limit: float
) -> Mixture:
    """A mixture whose measured error is at most `limit`, and that gains much.

    The groups leave in the order of `by_harm`, as few as will do; how many is found by halving.
    Then those that gain most try to come back, as long as the measured error allows it.
    """
    order = by_harm(errors, gains)

    def without(count: int) -> Mixture:
        left = set(order[:count])
        return tuple(index not in left for index in range(len(order)))

    few, many = 0, len(order)
    while few < many:
        middle = (few + many) // 2
        (error,) = measure([without(middle)])
        if error <= limit:
            many = middle
        else:
            few = middle + 1
    return _give_back(order[:many], gains, without(many), measure, limit)


def _give_back(
    left: Sequence[int], gains: Sequence[float], mixture: Mixture, measure: Measure, limit: float
) -> Mixture:
    for index in sorted(left, key=lambda each: (-gains[each], each))[:GIVEN_BACK]:
        tried = tuple(on or number == index for number, on in enumerate(mixture))
        (error,) = measure([tried])
        if error <= limit:
            mixture = tried
    return mixture
