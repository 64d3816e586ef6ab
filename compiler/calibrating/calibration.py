"""Calibration on one page: data → statistics → factors and clipping → errors → plan.

In: a compilation in a precision of whole numbers. Out: `Calibration`: what the passes `equalize`
and `quantize` are to do, and what was measured on the way. Runs the model in ONNX Runtime.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...ir.diagnostic import Diagnostic, Severity
from ...ir.dtype import DType
from ...ir.evaluate import evaluate
from ...ir.ops.quantization import LEVELS
from ...ir.parameter import Literal
from ...ir.quantization import FP32, ProductScheme, QuantizationPlan
from ...ir.type import TensorType
from ...passes.equalize import places
from ..verifying.samples import input_roles
from .clipping import clip_ratios
from .data import CalibrationData, read_calibration, synthetic
from .equalizing import choose_factors
from .groups import Group, groups_of
from .pipeline import FLOAT32, Pipeline
from .probe import Probe
from .product_error import Levels
from .scales import static_scale
from .search import Mixture, by_harm, choose
from .statistics import collect
from .summary import CalibrationSummary, GroupResult

if TYPE_CHECKING:
    from ...ir.graph import Graph
    from ..driver import Compilation, Progress

Array = np.ndarray[Any, Any]

TUNED = ("int8", "int8-tensor")
"""Schemes whose columns of weights have one scale each, for which there is much to tune."""
RANKING_ROWS = 1024
"""Rows (samples times positions) on which products are tried one by one: enough to rank them."""
IN_TURN = 8
"""Mixtures between two reports of progress."""


@dataclass(frozen=True)
class Calibration:
    """What was decided, and why."""

    plan: QuantizationPlan
    summary: CalibrationSummary


@dataclass(frozen=True)
class _Variant:
    """One way to prepare the products, and how far all of them in lower precision err."""

    factors: Mapping[str, Array]
    graph: Graph
    groups: Sequence[Group]
    schemes: Mapping[str, ProductScheme]
    error: float = float("inf")

    @property
    def clipped(self) -> int:
        return sum(scheme.clip is not None for scheme in self.schemes.values())


def calibrate(compilation: Compilation, progress: Progress) -> Calibration:
    """Decides how each product is computed, on the data that the options name.

    Raises `CompileError` E0507 without ONNX Runtime, and for data that do not fit what
    `read_calibration` raises.
    """
    return _Calibrator(compilation, progress).run()


def nothing_left(summary: CalibrationSummary) -> list[Diagnostic]:
    """What is to be said where the limit leaves nothing in lower precision."""
    if not summary.groups or len(summary.kept) < len(summary.groups):
        return []
    message = f"no product can be in lower precision within an error of {summary.limit:g}"
    least = min(group.error_alone for group in summary.groups)
    help = f"the least that a single one costs is {least:.2e}: allow more with --max-error"
    return [Diagnostic("W0626", Severity.WARNING, message, help=help)]


class _Calibrator:
    def __init__(self, compilation: Compilation, progress: Progress) -> None:
        self.options = compilation.options
        self.progress = progress
        self.pipeline = Pipeline(compilation)
        self.roles = input_roles(compilation.source_graph)
        self.masks = [role.name for role in self.roles if role.role == "mask"]
        self.scheme = self.options.precision
        self.data = self._data(compilation)

    def run(self) -> Calibration:
        variants = [self._variant({}, clip=False)]
        if not variants[0].groups:
            return Calibration(QuantizationPlan(self.scheme), self._summary(variants[0], ()))
        variants[0] = self._measured(variants[0], "calibrate: the error untuned")
        if self.scheme in TUNED:
            variants += self._tuned(variants[0])
        best = min(variants, key=lambda each: each.error)
        with self._probe(best) as probe:
            alone = self._errors_alone(probe, len(best.groups))
            mixture = self._mixture(probe, best, alone)
            return self._settled(probe, best, alone, mixture, variants[0].error)

    def _data(self, compilation: Compilation) -> CalibrationData:
        path = self.options.calibrate
        if path is None:
            return synthetic(compilation.source_graph, self.roles)
        self.progress("calibrate: read the data")
        with tempfile.TemporaryDirectory(prefix="neuralc-") as folder:
            session = self.pipeline.open_whole(FLOAT32, Path(folder))
            return read_calibration(path, session)

    def _tuned(self, plain: _Variant) -> list[_Variant]:
        """Equalized, if any place gains by it; then, from the better of both, clipped."""
        self.progress("calibrate: what reaches the norms")
        raised = self.pipeline.raised
        found = places(raised)
        read = [place.readers[0].x for place in found]
        seen = collect(raised, read, self.data, self.masks, self.pipeline.open_raised)
        self.progress("calibrate: equalize")
        levels = Levels(LEVELS, 127, whole_tensor=self.scheme == "int8-tensor")
        factors = choose_factors(raised, found, seen, levels)
        variants = []
        if factors:
            variant = self._variant(factors, clip=False)
            variants.append(self._measured(variant, "calibrate: the error equalized"))
        best = min([plain, *variants], key=lambda each: each.error)
        clipped = self._variant(best.factors, clip=True)
        if clipped.clipped:
            variants.append(self._measured(clipped, "calibrate: the error clipped"))
        return variants

    def _variant(self, factors: Mapping[str, Array], *, clip: bool) -> _Variant:
        graph = self.pipeline.products_graph(factors)
        groups = groups_of(graph, QuantizationPlan(self.scheme), self.pipeline.target)
        return _Variant(factors, graph, groups, self._schemes(graph, groups, clip))

    def _schemes(
        self, graph: Graph, groups: Sequence[Group], clip: bool
    ) -> dict[str, ProductScheme]:
        static = self.options.activation_scales == "static"
        members = [each for group in groups for each in group.products]
        if not clip and not static:
            return {each.name: ProductScheme(self.scheme) for each in members}
        self.progress("calibrate: what reaches the products")
        values = dict.fromkeys(each.x for each in members)
        seen = collect(graph, values, self.data, self.masks, self.pipeline.open_products)
        schemes: dict[str, ProductScheme] = {}
        for each in members:
            self.progress("calibrate: where to clip weights", len(schemes) / len(members))
            scale = static_scale(seen[each.x]) if static else None
            kept = None
            if clip:
                kept = _clip(clip_ratios(evaluate(each.source), seen[each.x].squares, LEVELS))
            schemes[each.name] = ProductScheme(
                self.scheme,
                activation_scale=None if scale is None else scale[0],
                zero_point=None if scale is None else scale[1],
                clip=kept,
            )
        return schemes

    def _measured(self, variant: _Variant, stage: str) -> _Variant:
        self.progress(stage)
        with self._probe(variant) as probe:
            (error,) = probe.measure([(True,) * len(variant.groups)])
        return _Variant(variant.factors, variant.graph, variant.groups, variant.schemes, error)

    def _probe(self, variant: _Variant) -> Probe:
        graph, groups, schemes = variant.graph, variant.groups, variant.schemes
        return Probe(self.pipeline, graph, groups, schemes, self.data, self.masks)

    def _errors_alone(self, probe: Probe, count: int) -> list[float]:
        alone: list[Mixture] = [tuple(i == only for i in range(count)) for only in range(count)]
        errors: list[float] = []
        for start in range(0, count, IN_TURN):
            self.progress("calibrate: the errors of single products", start / count)
            some = probe.errors(alone[start : start + IN_TURN], RANKING_ROWS)
            errors += [error.value for error in some]
        return errors

    def _mixture(self, probe: Probe, best: _Variant, alone: Sequence[float]) -> Mixture:
        limit = self.options.max_error
        everything = (True,) * len(best.groups)
        if limit is None or best.error <= limit:
            return everything
        self.progress("calibrate: which products stay in float32")
        return choose(alone, [each.microseconds for each in best.groups], probe.measure, limit)

    def _settled(
        self,
        probe: Probe,
        best: _Variant,
        alone: Sequence[float],
        mixture: Mixture,
        untuned: float,
    ) -> Calibration:
        """The mixture as a model of its own, fewer products in lower precision while it errs."""
        limit = self.options.max_error
        order = by_harm(alone, [each.microseconds for each in best.groups])
        while True:
            self.progress("calibrate: the error of the model")
            schemes = _mixed(best, mixture)
            plan = QuantizationPlan(self.scheme, schemes, factors=best.factors)
            with tempfile.TemporaryDirectory(prefix="neuralc-") as folder:
                session = self.pipeline.open_whole(plan, Path(folder))
                error = probe.error_of(session)
            if limit is None or error.value <= limit or not any(mixture):
                break
            worst = next(index for index in order if mixture[index])
            mixture = tuple(on and index != worst for index, on in enumerate(mixture))
        groups = tuple(
            GroupResult(
                group.name,
                group.names,
                self.scheme if on else "fp32",
                single,
                group.microseconds,
            )
            for group, on, single in zip(best.groups, mixture, alone, strict=True)
        )
        summary = self._summary(best, groups, untuned, error.value, error.maximum)
        return Calibration(plan, summary)

    def _summary(
        self,
        variant: _Variant,
        groups: tuple[GroupResult, ...],
        untuned: float = 0.0,
        error: float = 0.0,
        maximum: float = 0.0,
    ) -> CalibrationSummary:
        return CalibrationSummary(
            self.data.origin,
            self.data.digest,
            self.data.samples,
            self.options.max_error,
            variant.error if groups else 0.0,
            untuned,
            error,
            maximum,
            len(variant.factors),
            variant.clipped,
            self.options.activation_scales,
            groups,
        )


def _mixed(variant: _Variant, mixture: Mixture) -> dict[str, ProductScheme]:
    schemes = dict(variant.schemes)
    for group, on in zip(variant.groups, mixture, strict=True):
        if not on:
            schemes.update(dict.fromkeys(group.names, FP32))
    return schemes


def _clip(ratios: Array) -> Literal | None:
    """The ratios as a constant; None where they cut nothing off."""
    if (ratios == 1).all():
        return None
    return Literal(TensorType(DType.F32, (len(ratios),)), ratios.astype(np.float32))
