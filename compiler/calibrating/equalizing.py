"""Factors that even out the columns in front of products.

In: places of a raised graph, what reaches them and the weights behind. Out: for each place where it
lowers the error of its products on the kept rows, factors for the pass `equalize`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...ir.evaluate import evaluate
from .product_error import product_error

if TYPE_CHECKING:
    from ...ir.graph import Graph
    from ...ir.value import Value
    from ...passes.equalize import Place
    from .product_error import Levels
    from .statistics import InputStatistics

Array = np.ndarray[Any, Any]

STRENGTHS = (0.35, 0.5, 0.65, 0.8)
"""How much of the columns' spread goes into the weights: SmoothQuant's alpha, tried in turn."""

WORTH = 0.97
WORTH_A_NORM = 0.8
"""Factors are taken where they leave at most this share of the squared error; where a norm is
written a second time for them they must do more."""


def choose_factors(
    graph: Graph,
    places: Sequence[Place],
    statistics: Mapping[Value, InputStatistics],
    levels: Levels,
) -> dict[str, Array]:
    """Factors by `Place.key`, powers of two, for the places where some lower the error."""
    chosen: dict[str, Array] = {}
    for place in places:
        seen = statistics.get(place.readers[0].x)
        if seen is None or not len(seen.rows):
            continue
        weights = [_content(graph, weight) for each in place.readers for weight in each.weights]
        worth = WORTH_A_NORM if place.shared else WORTH
        best = worth * _error(seen.rows, weights, np.ones(place.columns), place, levels)
        for factors in _candidates(place, seen, weights):
            error = _error(seen.rows, weights, factors, place, levels)
            if error < best:
                best, chosen[place.key] = error, factors
    return chosen


def _content(graph: Graph, weight: Value) -> Array:
    source = graph.source(weight)
    assert source is not None
    return np.asarray(evaluate(source), np.float32)


def _candidates(place: Place, seen: InputStatistics, weights: Sequence[Array]) -> list[Array]:
    """One set of factors for each strength, without those that repeat another or change nothing."""
    columns = _shared(place, seen.largest)
    rows = _shared(place, np.max([np.abs(weight).max(axis=1) for weight in weights], axis=0))
    usable = (columns > 0) & (rows > 0) & np.isfinite(rows)
    if not usable.any():
        return []
    found: list[Array] = []
    for strength in STRENGTHS:
        logs = np.zeros(place.columns)
        spread = strength * np.log2(columns[usable]) - (1 - strength) * np.log2(rows[usable])
        logs[usable] = np.clip(np.round(spread - spread.mean()), -8, 8)
        factors = np.exp2(logs)
        if not (logs == 0).all() and not any((factors == each).all() for each in found):
            found.append(factors)
    return found


def _shared(place: Place, of_rows: Array) -> Array:
    """The largest of the rows that one column is read by."""
    blocks = of_rows.reshape(place.heads, place.repeats, -1)
    return np.asarray(blocks.max(axis=1).reshape(-1), np.float64)


def _error(
    rows: Array, weights: Sequence[Array], factors: Array, place: Place, levels: Levels
) -> float:
    behind = place.for_rows(factors).astype(np.float32)
    scaled = rows / behind
    return sum(product_error(scaled, weight * behind[:, None], levels) for weight in weights)
