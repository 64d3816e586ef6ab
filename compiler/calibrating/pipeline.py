"""The passes of a compilation that is being calibrated, stopped where measuring begins.

In: a compilation. Out: graphs before products are quantized, and sessions of what becomes of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...ir.quantization import QuantizationPlan
from ...passes.forms_pipeline import forms_passes
from ...passes.manager import Pass, run_pipeline
from ...passes.quantize import Quantize
from ..metadata import input_entries
from ..program_session import open_program

if TYPE_CHECKING:
    import numpy as np

    from ...ir.graph import Graph
    from ...runtime.session import Session
    from ..driver import Compilation

FLOAT32 = QuantizationPlan()
Factors = Mapping[str, "np.ndarray[Any, Any]"]


class Pipeline:
    """The way from the raised graph to sessions, in two halves that meet before `quantize`."""

    def __init__(self, compilation: Compilation) -> None:
        self._compilation = compilation
        self.target = compilation.target
        self.raised = compilation.graph

    def products_graph(self, factors: Factors) -> Graph:
        """The graph in its forms, equalized by `factors`: its products are what plans speak of."""
        passes = self._passes(QuantizationPlan(factors=factors))
        return run_pipeline(self.raised, passes[: _where(passes)]).graph

    def open_products(
        self, graph: Graph, folder: Path, plan: QuantizationPlan = FLOAT32, *before: Pass
    ) -> Session:
        """A session of such a graph under a plan, after more passes `before` it is obeyed."""
        passes = self._passes(plan)
        return self._open(graph, [*before, *passes[_where(passes) :]], folder)

    def open_raised(self, graph: Graph, folder: Path) -> Session:
        """A session of a raised graph at float32."""
        return self._open(graph, self._passes(FLOAT32), folder)

    def open_whole(self, plan: QuantizationPlan, folder: Path) -> Session:
        """A session of what the compilation gives under a plan."""
        return self._open(self.raised, self._passes(plan), folder)

    def _passes(self, plan: QuantizationPlan) -> list[Pass]:
        options = self._compilation.options
        forms, level = dict(options.forms), options.opt_level
        return forms_passes(self.target, forms, level, plan, padding=options.padding)

    def _open(self, graph: Graph, passes: Sequence[Pass], folder: Path) -> Session:
        graph = run_pipeline(graph, passes).graph
        compilation = self._compilation
        program = compilation.lower(graph, input_entries(graph, compilation.source_graph))
        return open_program(program, folder, "cpu", None)


def _where(passes: Sequence[Pass]) -> int:
    return next(number for number, each in enumerate(passes) if isinstance(each, Quantize))
