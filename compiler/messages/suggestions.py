"""Near misses: what somebody may have meant by a word that is not known.

In: a word and the words that would have been right. Out: the closest of them, or None.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache


def closest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate nearest to `word`, case and underscores aside, if it is near at all.

    Near is an edit distance (insertion, deletion, substitution, swap of neighbours) of at most a
    third of the word's length, so that short words have no near misses; the first of several
    equally near ones wins.
    """
    return _closest(word, tuple(candidates))


@lru_cache(maxsize=512)
def _closest(word: str, candidates: tuple[str, ...]) -> str | None:
    plain = _plain(word)
    best: str | None = None
    best_distance = len(plain) // 3 + 1
    for candidate in candidates:
        other = _plain(candidate)
        if abs(len(other) - len(plain)) >= best_distance:
            continue
        distance = _distance(plain, other)
        if distance < best_distance:
            best, best_distance = candidate, distance
    return best


def did_you_mean(word: str, candidates: Iterable[str]) -> str | None:
    """The help line for a near miss, or for half a name; None where nothing is near."""
    candidates = tuple(candidates)
    near = closest(word, candidates)
    names = (near,) if near is not None else _longer(word, candidates)
    return f"did you mean {' or '.join(f'`{name}`' for name in names)}?" if names else None


def _longer(word: str, candidates: Iterable[str]) -> tuple[str, ...]:
    """The one to three candidates that the word is the beginning of; of more none is meant."""
    plain = _plain(word)
    found = [name for name in candidates if len(plain) > 3 and _plain(name).startswith(plain)]
    return tuple(found) if len(found) <= 3 else ()


def _plain(word: str) -> str:
    return word.lower().replace("_", "")


def _distance(a: str, b: str) -> int:
    """Damerau's edit distance in its restricted form (optimal string alignment)."""
    before: list[int] = []
    previous = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        current = [i]
        for j, right in enumerate(b, 1):
            cost = min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (left != right))
            if i > 1 and j > 1 and left == b[j - 2] and a[i - 2] == right:
                cost = min(cost, before[j - 2] + 1)
            current.append(cost)
        before, previous = previous, current
    return previous[-1]
