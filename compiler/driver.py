"""The whole compiler on one page: source text in, a model out.

    source → program → model → graph as built → raised graph → target graph → ONNX → file → session

`Compilation` holds one run; each stage is computed once, when it is first asked for, from the stage
before it. `compile` runs all of them and is what `neuralc.compile` names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..ir.diagnostic import CompileError, Diagnostic, ExitStatus, Severity, failure
from .compiled_model import CompiledModel
from .options import CompileOptions
from .report import Report, StageTime
from .syntax.source import Source, read_source

__all__ = ["Compilation", "CompiledModel", "CompilerFault", "check_program", "compile"]

if TYPE_CHECKING:
    from ..ir.graph import Graph
    from ..ir.quantization import QuantizationPlan
    from ..ir.span import Span
    from ..ir.target import Target
    from ..lowering.onnx_program import OnnxProgram
    from ..passes.manager import Observer, Pass
    from ..passes.memory_plan import MemoryPlan
    from .calibrating.calibration import Calibration
    from .checking.check_options import CheckOptions
    from .checking.model import Model
    from .syntax import ast
    from .tuning.record import TuningRecord


class Progress(Protocol):
    """Told the name of each stage when it begins, and of a long one which share is done."""

    def __call__(self, stage: str, share: float | None = None, /) -> None: ...


def compile(source: str | Path | Source, **options: Any) -> CompiledModel:
    """Compiles a program: a `str` is source text, a `Path` a file.

    The options are those of `CompileOptions`: `opt_level`, `target`, `precision`, `weights`,
    `seed`, `dynamic`, `max_sizes`, `padding_mask` … Raises `CompileError`, whose diagnostics say
    what is wrong with the program or its surroundings.
    """
    checked = CompileOptions.of(**options)
    if isinstance(source, str):
        _refuse_path(source)
        source = Source("<string>", source)
    elif isinstance(source, Path):
        source = read_source(source)
    compilation = Compilation(source, checked)
    model = CompiledModel(compilation)
    if checked.verify:
        model.verify()
    return model


def _refuse_path(text: str) -> None:
    """No program ends like the name of a file of programs."""
    if text.rstrip().endswith(".neural") and "\n" not in text:
        raise failure(
            "E0502",
            f"a `str` is source text, and {text!r} looks like the name of a file",
            status=ExitStatus.USAGE,
            help="give a file as a Path: compile(Path(…))",
        )


class Compilation:
    """One run of the pipeline over one source."""

    def __init__(
        self,
        source: Source,
        options: CompileOptions,
        *,
        observer: Observer | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.source = source
        self.options = options
        self.report = Report()
        self._observer = observer
        self._progress = progress or (lambda stage, share=None: None)

    @cached_property
    def program(self) -> ast.Program:
        """The syntax tree: what is written."""
        with self._stage("parse"):
            return read_program(self.source, check_options(self.options))

    @cached_property
    def model(self) -> Model:
        """What the program means: one network, every layer with its complete arguments."""
        from .checking.checker import check

        program = self.program
        with self._stage("check"):
            result = check(program, check_options(self.options))
        self.tell(result.diagnostics)
        self.report.choices = dict(result.choices)
        return result.the_model

    @cached_property
    def source_graph(self) -> Graph:
        """The graph as built: primitive ops, dropout and noise included."""
        from .building.builder import build

        model = self.model
        with self._stage("build"):
            graph = build(model, seed=self.options.seed)
        if self.options.weights is not None:
            from .weights.binding import bind

            with self._stage("bind weights"):
                binding = bind(graph, self.options.weights, self.options.weights_from)
            self.tell(binding.notes)
            graph = binding.graph
        else:
            self.tell(_random_weights(graph, self.options.seed))
        self.report.nodes["built"] = len(graph)
        return graph

    @cached_property
    def graph(self) -> Graph:
        """The graph raised to fused ops that say what is meant."""
        from ..passes.pipelines import count_fused, passes_of

        graph = self._run_passes("optimize", self.source_graph, passes_of(self.options.opt_level))
        self.report.nodes["raised"] = len(graph)
        self.report.fused = count_fused(graph)
        return graph

    @cached_property
    def target(self) -> Target:
        """What is known of the runtime that the file is for."""
        from ..ir.target import target_named

        return target_named(self.options.target, self.options.precision)

    @cached_property
    def calibration(self) -> Calibration | None:
        """What running the model on calibration data said, where that was asked for."""
        if not self.options.is_calibrated:
            return None
        from .calibrating.calibration import calibrate, nothing_left

        graph = self.graph
        with self._stage("calibrate", graph):
            calibration = calibrate(self, self._progress)
        self.report.calibration = calibration.summary
        self.tell(nothing_left(calibration.summary))
        return calibration

    @cached_property
    def quantization_plan(self) -> QuantizationPlan:
        """How each product is to be computed."""
        from ..ir.quantization import QUANTIZED, QuantizationPlan

        if self.calibration is not None:
            return self.calibration.plan
        precision = self.options.precision
        return QuantizationPlan(precision if precision in QUANTIZED else "fp32")

    @cached_property
    def tuning(self) -> TuningRecord | None:
        """What was measured for this model, here or where its record was made; None below -O3."""
        from ..passes.forms_pipeline import MEASURED_FROM_LEVEL

        if self.options.opt_level < MEASURED_FROM_LEVEL:
            return None
        graph = self.graph
        from .tuning.tuning import record_for

        with self._stage("tune", graph):
            return record_for(self, self._progress)

    @cached_property
    def target_graph(self) -> Graph:
        """The graph in the forms that are fastest on the target: one kernel a node."""
        from ..passes.forms_pipeline import forms_passes
        from ..passes.quantize import count_products

        tuned = self.tuning.forms() if self.tuning is not None else None
        plan = self.quantization_plan
        forms, level = dict(self.options.forms), self.options.opt_level
        padding = self.options.padding
        passes = forms_passes(self.target, forms, level, plan, tuned, padding=padding)
        graph = self._run_passes("select forms", self.graph, passes)
        self.report.nodes["target"] = len(graph)
        self.report.forms = _count_forms(graph)
        self.report.products = count_products(graph) if plan.is_active else {}
        return graph

    @cached_property
    def onnx(self) -> OnnxProgram:
        """The ONNX model; its weights are still sources."""
        from .metadata import model_metadata

        graph = self.target_graph
        with self._stage("lower", graph):
            return self.lower(graph, model_metadata(self))

    def lower(self, graph: Graph, metadata: dict[str, str]) -> OnnxProgram:
        """Any graph of this compilation as an ONNX model for its target."""
        from .. import __version__
        from ..lowering.onnx_lowering import lower
        from .places import with_portable_places

        graph = with_portable_places(graph, self.source.name)
        return lower(graph, self.target, producer_version=__version__, metadata=metadata)

    def memory_plan(self, sizes: Mapping[str, int] | None = None) -> MemoryPlan:
        """What a run of the target graph holds in memory, at batch 1 and the axes' maxima unless
        `sizes` says otherwise."""
        from ..passes.memory_plan import plan

        graph = self.target_graph
        with self._stage("plan memory", graph):
            return plan(graph, self.target, sizes or {})

    def tell(self, diagnostics: tuple[Diagnostic, ...] | list[Diagnostic]) -> None:
        """Keeps diagnostics for the report. Raises `CompileError` where one of them is an error, or
        a warning where warnings are errors."""
        told = [_as_error(d) if self._is_error(d) else d for d in diagnostics]
        if any(d.severity is Severity.ERROR for d in told):
            raise CompileError((*self.report.diagnostics, *told))
        self.report.diagnostics.extend(told)

    def _is_error(self, diagnostic: Diagnostic) -> bool:
        return self.options.warnings_as_errors and diagnostic.severity is Severity.WARNING

    def _run_passes(self, stage: str, graph: Graph, passes: Sequence[Pass]) -> Graph:
        from ..passes.manager import run_pipeline

        with self._stage(stage, graph):
            result = run_pipeline(
                graph, passes, verify=self.options.check_ir, observer=self._observer
            )
        for record in result.records:
            times = record.wall_seconds, record.cpu_seconds
            self.report.times.append(
                StageTime(stage, record.name, *times, record.changes, record.nodes)
            )
            self.report.pipeline.append(record.name)
        self.report.remarks.extend(result.remarks.diagnostics())
        return result.graph

    @contextmanager
    def _stage(self, name: str, graph: Graph | None = None) -> Iterator[None]:
        """Times a stage; what fails in it, for no fault of the user, is a fault of that stage."""
        self._progress(name)
        try:
            with self.report.stage(name):
                yield
        except (CompileError, MemoryError, OSError):
            raise
        except Exception as error:
            raise CompilerFault(name, graph, error) from error


class CompilerFault(CompileError):
    """A stage failed on a program that it should have compiled: E0901, exit status 4.

    `ir_before` is the text of the graph that the stage was given, where it was given one.
    """

    def __init__(self, stage: str, graph: Graph | None, cause: Exception) -> None:
        self.pass_name = stage
        self.ir_before = _text_of(graph)
        summary = f"{type(cause).__name__}: {str(cause)[:500]}"
        diagnostic = Diagnostic(
            "E0901",
            Severity.ERROR,
            f"the stage `{stage}` failed: {summary}",
            notes=("this is a fault of neuralc, not of the program",),
        )
        super().__init__((diagnostic,), ExitStatus.COMPILER_FAULT)


def check_options(options: CompileOptions, *, open_choices: bool = False) -> CheckOptions:
    """What of the options the checker is to know; whether choices may stay open is not one."""
    from .checking.check_options import CheckOptions

    return CheckOptions(
        network=options.network,
        positions=options.positions,
        logits=options.logits,
        padding_mask=options.padding_mask,
        mask_dtype=options.mask_dtype,
        dynamic=options.dynamic,
        max_sizes=dict(options.max_sizes),
        lint=options.lint,
        input=options.input,
        set=dict(options.set),
        hpo_default=options.hpo_default,
        open_choices=open_choices,
    )


def read_program(source: Source, options: CheckOptions) -> ast.Program:
    """The program. Raises `CompileError` with its syntax errors, and with the other errors of the
    parts that could be read."""
    from .syntax.parser import SyntaxErrors, lines_of_brackets, parse, within

    try:
        return parse(source)
    except SyntaxErrors as found:
        if found.rest is None:
            raise
        from .checking.checker import errors_of_the_rest

        more = errors_of_the_rest(found.rest, options)
        # What contains a syntax error is wrong for that reason.
        wrong = [d.span for d in found.diagnostics if d.span is not None]
        more = [d for d in more if not any(_contains(d.span, span) for span in wrong)]
        lines = lines_of_brackets(found.diagnostics)
        more = [d for d in more if d.span is None or d.span.line not in lines]
        told = sorted((*found.diagnostics, *within(source, more)), key=_place)
        raise CompileError(tuple(told)) from None


def _contains(outer: Span | None, inner: Span) -> bool:
    """Whether a span lies within a larger one."""
    if outer is None or outer == inner:
        return False
    return (outer.line, outer.column) <= (inner.line, inner.column) and (
        (inner.end_line, inner.end_column) <= (outer.end_line, outer.end_column)
    )


def _place(diagnostic: Diagnostic) -> tuple[int, int]:
    span = diagnostic.span
    return (span.line, span.column) if span is not None else (0, 0)


def _count_forms(graph: Graph) -> dict[str, int]:
    counts: dict[str, int] = {}
    for node in graph.nodes():
        if form := node.attributes.get("form"):
            counts[f"{node.op}={form}"] = counts.get(f"{node.op}={form}", 0) + 1
    return dict(sorted(counts.items()))


def _as_error(warning: Diagnostic) -> Diagnostic:
    from dataclasses import replace

    return replace(warning, severity=Severity.ERROR)


def _random_weights(graph: Graph, seed: int) -> list[Diagnostic]:
    from .weights.binding import is_random

    if not is_random(graph):
        return []
    message = f"the weights are random (seed {seed}): the model is untrained"
    help = "give trained ones with --weights FILE.safetensors"
    return [Diagnostic("N0401", Severity.NOTE, message, help=help)]


def _text_of(graph: Graph | None) -> str:
    if graph is None:
        return ""
    from ..ir.text import print_graph

    try:
        return print_graph(graph, locations=True)
    except Exception as error:
        return f"(the graph cannot be printed: {error})"


def check_program(source: Source, options: CompileOptions) -> tuple[list[str], list[Diagnostic]]:
    """The names of a program's networks, and everything that is to be said about it.

    Raises `CompileError` where it cannot even be parsed.
    """
    from .checking.checker import check

    checked = check_options(options, open_choices=True)
    result = check(read_program(source, checked), checked)
    told = [
        _as_error(d) if options.warnings_as_errors and d.severity is Severity.WARNING else d
        for d in result.diagnostics
    ]
    return [model.name for model in result.models], told
