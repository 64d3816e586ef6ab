"""The inputs that lower precision is tuned and judged on.

In: an .npz file of arrays named like the inputs, or nothing. Out: `CalibrationData`, checked
like the inputs of `neural run`, and cut into batches.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...ir.diagnostic import CompileError, Diagnostic, ExitStatus, Severity, failure
from ..verifying.samples import InputRole, sample

if TYPE_CHECKING:
    from ...ir.graph import Graph
    from ...runtime.session import Session

Array = np.ndarray[Any, Any]
Arrays = dict[str, Array]

SYNTHETIC_SAMPLES = 8
SYNTHETIC_LENGTH = 64
"""An open axis of synthetic inputs has this size, or its maximum where that is smaller."""

ROWS_AT_ONCE = 2048
"""Rows (samples times positions) of a batch: what all taps hold at once stays bounded."""


@dataclass(frozen=True)
class CalibrationData:
    """Arrays by input; their first axis counts the samples."""

    arrays: Arrays
    origin: str
    """The file's name, or `synthetic`."""

    @property
    def samples(self) -> int:
        return len(next(iter(self.arrays.values())))

    @property
    def digest(self) -> str:
        """The hash of the content, by which a compilation can be repeated."""
        hash = hashlib.sha256()
        for name, array in sorted(self.arrays.items()):
            hash.update(f"{name} {array.dtype} {array.shape}".encode())
            hash.update(np.ascontiguousarray(array).tobytes())
        return hash.hexdigest()[:16]

    def head(self, rows: int) -> CalibrationData:
        """The first samples, as many as have so many rows together, and one at least."""
        count = max(1, rows // self._positions)
        return replace(self, arrays={name: array[:count] for name, array in self.arrays.items()})

    def batches(self) -> Iterator[Arrays]:
        """The samples in their order, a few at once."""
        step = max(1, min(32, ROWS_AT_ONCE // self._positions))
        for start in range(0, self.samples, step):
            yield {name: array[start : start + step] for name, array in self.arrays.items()}

    @property
    def _positions(self) -> int:
        return max((a.shape[1] for a in self.arrays.values() if a.ndim > 1), default=1)


def valid_rows(batch: Mapping[str, Array], masks: Sequence[str], shape: Sequence[int]) -> Array:
    """Which rows of a tensor [samples, positions, columns] or [samples · positions, columns] are no
    padding, as booleans over all axes but the last; `masks` are the inputs that say it."""
    lead = tuple(shape[:-1])
    for name in masks:
        mask = batch[name]
        if mask.ndim == 2 and lead in (mask.shape, (mask.size,)):
            return np.asarray(mask.reshape(lead) != 0)
    return np.ones(lead, bool)


def read_calibration(path: Path, session: Session) -> CalibrationData:
    """The arrays of a file, as inputs of the model that `session` runs.

    Raises `CompileError` E0501, E0503, E0718 for a file that is none, E0710-E0717 and E0722 for
    arrays that the model cannot take, E0740 for numbers that are not finite or inputs whose first
    axis is not that of the samples.
    """
    from ...runtime.inputs import check_inputs
    from ..cli.arrays import read_arrays

    arrays = read_arrays(path, [spec.name for spec in session.inputs])
    ready = check_inputs(session.inputs, arrays, session.sizes, session.rows)
    wrong = [_not_finite(name, array) for name, array in ready.items()]
    problems = tuple(each for each in wrong if each is not None)
    if problems:
        raise CompileError(problems)
    if len({array.shape[:1] for array in ready.values()}) != 1:
        raise failure(
            "E0740",
            f"the arrays in `{path}` differ in their first axis, which counts the samples",
            status=ExitStatus.WRONG_PROGRAM,
        )
    return CalibrationData(ready, path.name)


def _not_finite(name: str, array: Array) -> Diagnostic | None:
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return None
    place = np.argwhere(~np.isfinite(array))[0].tolist()
    message = f"the calibration input {name!r} has {array[tuple(place)]} at {place}"
    return Diagnostic("E0740", Severity.ERROR, message, help="calibrate on numbers that occur")


def synthetic(graph: Graph, roles: Sequence[InputRole]) -> CalibrationData:
    """Inputs of the right kinds and no meaning: ids and normal floats drawn at random, nothing
    padded. They show gross errors; what a layer really sees, only real samples show."""
    from ...ir.least_sizes import least_sizes

    least = least_sizes(graph)
    batch = {role.shape[0] for role in roles if role.shape}
    sizes = {
        name: SYNTHETIC_SAMPLES
        if name in batch
        else max(least[name], min(SYNTHETIC_LENGTH, symbol.maximum or SYNTHETIC_LENGTH))
        for name, symbol in graph.symbols().items()
    }
    return CalibrationData(sample(roles, sizes, seed=0), "synthetic")
