"""One session that computes any mixture of float32 and lower precision.

In: a graph before `quantize`, its groups of products and their schemes. Out: the measured error of
mixtures on the calibration data.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...ir.quantization import FP32, ProductScheme, QuantizationPlan
from ...passes.switch_products import EXACT, SWITCHES, SwitchProducts
from .data import CalibrationData, valid_rows
from .output_error import OutputError
from .search import Mixture

if TYPE_CHECKING:
    from ...ir.graph import Graph
    from ...runtime.session import Session
    from .groups import Group
    from .pipeline import Pipeline

Array = np.ndarray[Any, Any]


class Probe:
    """Holds the session; a context, since large models lie in a folder meanwhile."""

    def __init__(
        self,
        pipeline: Pipeline,
        graph: Graph,
        groups: Sequence[Group],
        schemes: Mapping[str, ProductScheme],
        data: CalibrationData,
        masks: Sequence[str],
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="neuralc-")
        self._data, self._masks, self._count = data, masks, len(groups)
        exact = {f"{name}{EXACT}": FP32 for name in schemes}
        plan = QuantizationPlan("fp32", {**schemes, **exact})
        switch = SwitchProducts([group.names for group in groups])
        self._session = pipeline.open_products(graph, Path(self._folder.name), plan, switch)

    def __enter__(self) -> Probe:
        return self

    def __exit__(self, *error: object) -> None:
        self._folder.cleanup()

    def errors(self, mixtures: Sequence[Mixture], rows: int | None = None) -> list[OutputError]:
        """The error of each mixture against float32, over all samples, or over the first that have
        so many `rows`."""
        found = [OutputError() for _ in mixtures]
        data = self._data if rows is None else self._data.head(rows)
        for batch in data.batches():
            exact = self._run(batch, (False,) * self._count)
            for error, mixture in zip(found, mixtures, strict=True):
                add_outputs(error, self._run(batch, mixture), exact, batch, self._masks)
        return found

    def measure(self, mixtures: Sequence[Mixture]) -> list[float]:
        return [error.value for error in self.errors(mixtures)]

    def error_of(self, session: Session) -> OutputError:
        """The error of another session of the same model."""
        error = OutputError()
        for batch in self._data.batches():
            exact = self._run(batch, (False,) * self._count)
            add_outputs(error, session.run(batch), exact, batch, self._masks)
        return error

    def _run(self, batch: Mapping[str, Array], mixture: Mixture) -> dict[str, Array]:
        return self._session.run({**batch, SWITCHES: np.array(mixture, bool)})


def add_outputs(
    error: OutputError,
    actual: Mapping[str, Array],
    exact: Mapping[str, Array],
    batch: Mapping[str, Array],
    masks: Sequence[str],
) -> None:
    """Adds a batch's outputs; what stands where the input was padding does not count."""
    for name, array in exact.items():
        rows = valid_rows(batch, masks, array.shape)
        error.add(name, actual[name][rows], array[rows])
