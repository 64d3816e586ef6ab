"""What reaches the products of a model: sizes of each input column, and some rows of each input.

In: values of a graph and calibration data. Out: `InputStatistics` of each, measured in ONNX Runtime
at float32, batch by batch.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .data import CalibrationData, valid_rows

if TYPE_CHECKING:
    from ...ir.graph import Graph
    from ...ir.value import Value
    from ...runtime.session import Session

Array = np.ndarray[Any, Any]
TAP = "neuralc.tap."
KEPT_ROWS = 256
"""Rows of each input that are kept to try roundings on."""

Open = Callable[["Graph", Path], "Session"]
"""Opens a graph at float32, its files in a folder."""


@dataclass(frozen=True)
class InputStatistics:
    """Of one tensor [rows, columns] over all calibration rows that are no padding."""

    low: Array
    high: Array
    """The least and the largest of each column."""
    squares: Array
    """The mean square of each column."""
    rows: Array
    """Some of the rows, evenly taken."""
    count: int
    """How many rows there were."""

    @property
    def largest(self) -> Array:
        """The largest magnitude of each column."""
        return np.maximum(self.high, -self.low)


class _Collector:
    """Gathers the statistics of one tensor."""

    def __init__(self, columns: int, kept: int) -> None:
        self._low = np.zeros(columns)
        self._high = np.zeros(columns)
        self._squares = np.zeros(columns)
        self._rows: list[Array] = []
        self._kept = kept
        self._count = 0

    def add(self, rows: Array) -> None:
        # A row that overflowed says nothing about the others.
        rows = rows[np.isfinite(rows).all(axis=1)]
        if not len(rows):
            return
        self._low = np.minimum(self._low, rows.min(axis=0))
        self._high = np.maximum(self._high, rows.max(axis=0))
        self._squares += np.square(rows, dtype=np.float64).sum(axis=0)
        self._count += len(rows)
        chosen = np.linspace(0, len(rows) - 1, min(self._kept, len(rows))).astype(int)
        self._rows.append(rows[chosen])

    def result(self) -> InputStatistics:
        columns = len(self._low)
        rows = np.concatenate(self._rows) if self._rows else np.zeros((0, columns), np.float32)
        squares = self._squares / max(self._count, 1)
        return InputStatistics(self._low, self._high, squares, rows, self._count)


def collect(
    graph: Graph,
    values: Iterable[Value],
    data: CalibrationData,
    masks: Sequence[str],
    open_fp32: Open,
) -> dict[Value, InputStatistics]:
    """The statistics of `values` of `graph`, which is not changed; what is no tensor of rows is
    left out."""
    tapped = graph.copy()
    columns = {v: v.type.shape[-1] for v in values if v.type.rank >= 2 and v.type.dtype.is_float}
    taps = {f"{TAP}{number}": value for number, value in enumerate(columns)}
    tapped.outputs.update(taps)
    batches = list(data.batches())
    kept = max(1, -(-KEPT_ROWS // len(batches)))
    collectors = {
        name: _Collector(size, kept)
        for name, value in taps.items()
        if isinstance(size := columns[value], int)
    }
    if not collectors:
        return {}
    with tempfile.TemporaryDirectory(prefix="neuralc-") as folder:
        session = open_fp32(tapped, Path(folder))
        for batch in batches:
            _add(session.run(batch, list(collectors)), collectors, batch, masks)
    return {taps[name]: each.result() for name, each in collectors.items()}


def _add(
    results: Mapping[str, Array],
    collectors: Mapping[str, _Collector],
    batch: Mapping[str, Array],
    masks: Sequence[str],
) -> None:
    for name, array in results.items():
        collectors[name].add(array[valid_rows(batch, masks, array.shape)])
