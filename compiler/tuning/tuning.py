"""What -O3 does within a compilation.

In: a compilation. Out: its `TuningRecord`: read from the file that the user gave, or measured here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ...ir.diagnostic import Diagnostic, ExitStatus, Severity, failure
from ...ir.graph import Graph
from ...passes.form_choice import Sizes
from ...passes.forms_pipeline import OPTIONAL_PASSES
from ..metadata import session_options
from ..metadata_entries import SESSION_OPTIONS, compact
from ..verifying.samples import AXIS_NAMES
from .cache import TuningCache
from .host import host
from .open_choices import OpenChoices
from .record import TuningRecord, read_record
from .stopwatch import ProcessStopwatch, Stopwatch
from .tuner import Tuner

if TYPE_CHECKING:
    from ...lowering.onnx_program import OnnxProgram
    from ..driver import Compilation
    from ..options import CompileOptions

StartStopwatch = Callable[[str, int], Stopwatch]


def record_for(
    compilation: Compilation,
    progress: Callable[[str, float], None],
    start: StartStopwatch | None = None,
) -> TuningRecord:
    """The record that a compilation follows. `start` makes the stopwatch for a provider and a
    number of threads; without it processes of ONNX Runtime are timed.

    Raises `CompileError` E0507 or E0508 where ONNX Runtime or its provider is missing, E0640 or
    E0641 for a file that does not fit, E0643 where measuring fails.
    """
    options, target = compilation.options, compilation.target
    forms, plan = dict(options.forms), compilation.quantization_plan
    if options.tuning is not None:
        record = read_record(options.tuning)
        _check(record, options)
        open = OpenChoices(compilation.graph, target, forms, record.sizes, plan, options.padding)
        compilation.tell(_unmeasured(record, open))
        return record
    provider = "cuda" if target.name == "cuda" else "cpu"
    machine = host(options.tuning_threads, provider)
    sizes = tuning_sizes(compilation.graph, dict(options.tuning_sizes))
    open = OpenChoices(compilation.graph, target, forms, sizes, plan, options.padding)
    key = {**machine, "target": target.name, "precision": options.precision}
    cache = TuningCache(key, used=options.tuning_cache)
    stopwatch = (start or ProcessStopwatch)(provider, options.tuning_threads)
    lower = _lowering(compilation)
    try:
        tuner = Tuner(open, lower, stopwatch, cache, options.tuning_time, progress)
        found = tuner.decide()
    finally:
        stopwatch.close()
    record = TuningRecord(
        machine,
        target.name,
        options.precision,
        sizes,
        found.choices,
        found.without,
        found.model,
    )
    compilation.tell(_unmeasured(record, open))
    return record


def tuning_sizes(graph: Graph, wanted: Mapping[str, int]) -> dict[str, int]:
    """The size of each symbol of a graph to measure at: the one wanted; else 1 for the batch, and
    for others their maximum. Raises `CompileError` E0514 for an axis that there is not, E0510 for a
    size that it cannot have."""
    size_of = Sizes(graph)
    symbols = graph.symbols()
    sizes = {name: size_of.of(symbol) for name, symbol in symbols.items()}
    for name, size in wanted.items():
        axis = name if name in symbols else AXIS_NAMES.get(name, name)
        if axis not in symbols:
            raise failure(
                "E0514",
                f"the model has no open axis {name!r}",
                status=ExitStatus.USAGE,
                help=f"its open axes: {', '.join(symbols) or 'none'}",
            )
        most = symbols[axis].maximum
        if size < symbols[axis].minimum or (most is not None and size > most):
            raise failure(
                "E0510",
                f"the axis {name!r} cannot have the size {size}",
                status=ExitStatus.USAGE,
                help=f"it has {symbols[axis].minimum} to {most or 'any number'}",
            )
        sizes[axis] = size
    return sizes


def _lowering(compilation: Compilation) -> Callable[[Graph], OnnxProgram]:
    from ... import __version__
    from ...lowering.onnx_lowering import lower

    graph, target = compilation.graph, compilation.target
    # All models of a measurement want the same session options: some hold for the whole process.
    wanted = {SESSION_OPTIONS: compact(session_options(graph, target.name))}
    return lambda graph: lower(graph, target, producer_version=__version__, metadata=wanted)


def _check(record: TuningRecord, options: CompileOptions) -> None:
    """Raises `CompileError` E0641 for a record that is not of this target and precision, E0642 for
    one that leaves out what must not be."""
    if unknown := [name for name in record.without if name not in OPTIONAL_PASSES]:
        raise failure(
            "E0642",
            f"the tuning record leaves the pass {unknown[0]!r} out, which must run",
            status=ExitStatus.USAGE,
            help="measure again: compile without --tuning",
        )
    if (record.target, record.precision) != (options.target, options.precision):
        raise failure(
            "E0641",
            f"the tuning record is for --target {record.target} --precision {record.precision}, "
            f"not for {options.target} and {options.precision}",
            status=ExitStatus.USAGE,
            help="measure again: compile without --tuning",
        )


def _unmeasured(record: TuningRecord, open: OpenChoices) -> list[Diagnostic]:
    """A note where choices are open that the record says nothing of. Raises `CompileError` E0641
    where it speaks of none of them."""
    found = open.under(record.forms())
    missing = [each for signature, each in found.items() if signature not in record.choices]
    if not missing:
        return []
    if record.choices and len(missing) == len(found):
        sizes = ", ".join(f"{name}={size}" for name, size in record.sizes.items())
        raise failure(
            "E0641",
            "the tuning record speaks of none of this model's operations",
            status=ExitStatus.USAGE,
            help="measure again: compile without --tuning",
            notes=(f"it was made at {sizes}",) if sizes else (),
        )
    ops = ", ".join(dict.fromkeys(each.op for each in missing))
    message = f"{len(missing)} of {len(found)} choices of forms were not measured ({ops})"
    help = "the target's cost table decides those; --tuning-time gives more time"
    return [Diagnostic("N0640", Severity.NOTE, message, help=help)]
