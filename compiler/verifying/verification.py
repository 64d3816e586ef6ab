"""Proves a compiled model against the meaning of its program.

In: a compiled model. Out: `Verification`: how far ONNX Runtime's results are from those of the
float64 interpreter of the graph as built, over sample inputs with padding and odd lengths.

The bound is no fixed tolerance: a compiled file may err at most twice as much as the unoptimized
graph does in the same runtime with its own optimizer off, in RMS and in maximum, plus 4 units in
the last place of the largest value.

Where products are quantized, the file is held against the interpreter of the quantized graph, and
may be twice as far from that as that is from the program's meaning. Where float32 takes the other
of two steps for one number, the layers behind it see other numbers and take other steps too: in a
deep network both end up as two roundings of the same thing that know nothing of each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...ir.diagnostic import CompileError, Diagnostic, ExitStatus, Severity
from ..metadata_entries import VERIFICATION, compact
from .samples import MIXED, PADDINGS, InputRole, input_roles, sample

if TYPE_CHECKING:
    from ...ir.graph import Graph
    from ..compiled_model import CompiledModel
    from ..driver import Compilation

Array = np.ndarray[Any, Any]

ODD_LENGTH = 7
LONG = 65
"""An open axis is tried at this size, or at its maximum where that is smaller."""


@dataclass(frozen=True, slots=True)
class Verification:
    """Errors pooled over all cases and outputs, and what they may be at most."""

    cases: int
    provider: str
    rms: float
    maximum: float
    rms_bound: float
    maximum_bound: float
    largest: float
    """The largest magnitude among the expected values."""
    meaning_rms: float | None = None
    """Where products are quantized: the error against the graph as built, in RMS …"""
    meaning_maximum: float | None = None
    """… and in maximum; the other errors are against the quantized graph."""

    @property
    def passed(self) -> bool:
        return self.rms <= self.rms_bound and self.maximum <= self.maximum_bound

    def as_json(self) -> dict[str, Any]:
        return {
            "cases": self.cases,
            "provider": self.provider,
            "rms": self.rms,
            "max": self.maximum,
            "rms_bound": self.rms_bound,
            "max_bound": self.maximum_bound,
            "largest": self.largest,
            "passed": self.passed,
            **({} if self.meaning_rms is None else self._meaning),
        }

    @property
    def _meaning(self) -> dict[str, float | None]:
        return {"meaning_rms": self.meaning_rms, "meaning_max": self.meaning_maximum}

    def __str__(self) -> str:
        against = "float64"
        if self.meaning_rms is not None:
            against = "the quantized graph in float64"
        words = (
            f"RMS error {self.rms:.2e} (bound {self.rms_bound:.2e}), maximum {self.maximum:.2e} "
            f"(bound {self.maximum_bound:.2e}) against {against}, over {self.cases} cases"
        )
        if self.meaning_rms is not None:
            words += f"; {self.meaning_rms:.2e} and {self.meaning_maximum:.2e} against float64"
        return words


class PooledError:
    """The error of one file over several results."""

    def __init__(self) -> None:
        self._squares = 0.0
        self._count = 0
        self.maximum = 0.0

    def add(self, actual: Array, expected: Array) -> None:
        """What is not finite must be so at the same places; else the error is infinite."""
        if actual.shape != expected.shape:
            self.maximum = self._squares = float("inf")
            return
        actual = actual.astype(np.float64)
        finite = np.isfinite(expected)
        same = np.array_equal(actual[~finite], expected[~finite], equal_nan=True)
        difference = actual[finite] - expected[finite]
        if not same or not np.isfinite(difference).all():
            self.maximum = self._squares = float("inf")
            return
        if difference.size:
            self._squares += float(np.square(difference).sum())
            self._count += difference.size
            self.maximum = max(self.maximum, float(np.abs(difference).max()))

    @property
    def rms(self) -> float:
        return float(np.sqrt(self._squares / max(self._count, 1)))


def verify_model(model: CompiledModel, compilation: Compilation, provider: str) -> Verification:
    """Runs the cases and writes the result into the model's metadata.

    Raises `CompileError` E0720 where an error is over its bound, E05xx where the model cannot be
    run here.
    """
    verification = _measured(model, compilation, provider)
    if not verification.passed:
        raise _failed(verification)
    _store(model, verification)
    return verification


def _measured(model: CompiledModel, compilation: Compilation, provider: str) -> Verification:
    """The errors over all cases, whatever they are."""
    from ...ir.interpreter import interpret

    graph = compilation.source_graph
    quantized = compilation.quantization_plan.is_active
    session = model.session(provider)
    unoptimized = None if quantized else _unoptimized_session(model, compilation, provider)
    actual, allowed, from_meaning = PooledError(), PooledError(), PooledError()
    largest = 0.0
    samples = cases(graph)
    for inputs in samples:
        meaning = interpret(graph, inputs)
        expected = interpret(compilation.target_graph, inputs) if quantized else meaning
        results = session.run(inputs)
        # What a file may be twice as far off as: quantizing by itself, or float32 by itself.
        standard = expected if unoptimized is None else unoptimized.run(inputs)
        for name in expected:
            meant = np.asarray(meaning[name], np.float64)
            actual.add(results[name], np.asarray(expected[name], np.float64))
            allowed.add(np.asarray(standard[name]), meant)
            from_meaning.add(results[name], meant)
        largest = max(largest, _largest(expected))
    slack = _slack(largest, compilation)
    return Verification(
        len(samples),
        session.provider,
        actual.rms,
        actual.maximum,
        2 * allowed.rms + slack,
        2 * allowed.maximum + slack,
        largest,
        from_meaning.rms if quantized else None,
        from_meaning.maximum if quantized else None,
    )


def _largest(results: Mapping[str, Array]) -> float:
    """The largest finite magnitude."""
    finite = [np.abs(a[np.isfinite(a)]) for a in map(np.asarray, results.values())]
    return max((float(a.max()) for a in finite if a.size), default=0.0)


def _slack(largest: float, compilation: Compilation) -> float:
    """Four units in the last place."""
    return 4 * float(np.spacing(np.asarray(largest, compilation.target.float_dtype.numpy)))


def cases(graph: Graph) -> list[dict[str, Array]]:
    """Inputs of one row and of several; with a mask, the rows are padded each in another way, one
    of them wholly. Where axes are open: an odd length, a long one, and the shortest."""
    from ...ir.least_sizes import least_sizes

    roles, least = input_roles(graph), least_sizes(graph)
    batch = _batch(roles)
    open_axes = {name: each.maximum for name, each in graph.symbols().items() if name != batch}
    rows = len(PADDINGS) - 1 if any(role.role == "mask" for role in roles) else 3
    chosen = []
    for number, length in enumerate((ODD_LENGTH, LONG, 1) if open_axes else (0, 0)):
        # Sequences of different lengths, so that no file can take one axis for the other.
        sizes = {
            name: max(least[name], min(length + 2 * index, maximum or LONG))
            for index, (name, maximum) in enumerate(open_axes.items())
        }
        sizes[batch] = 1 if number == 0 else rows
        chosen.append(sample(roles, sizes, number, "none" if number == 0 else MIXED))
    return chosen


def _batch(roles: tuple[InputRole, ...]) -> str:
    """The open axis that every input begins with."""
    return next((str(role.shape[0]) for role in roles if role.shape), "")


def _unoptimized_session(model: CompiledModel, compilation: Compilation, provider: str) -> Any:
    from ..program_session import open_program

    program = compilation.lower(compilation.source_graph, {})
    return open_program(program, model.folder, provider, {"optimization": "none"})


def _store(model: CompiledModel, verification: Verification) -> None:
    entry = model.program.model.metadata_props.add()
    entry.key, entry.value = VERIFICATION, compact(verification.as_json())


_BOUND = "the bound is twice the error of the unoptimized graph"
_QUANTIZED_BOUND = "the bound is twice what quantizing costs by itself"


def _failed(verification: Verification) -> CompileError:
    return CompileError(
        (
            Diagnostic(
                "E0720",
                Severity.ERROR,
                f"the compiled model is not exact enough: {verification}",
                notes=(_BOUND if verification.meaning_rms is None else _QUANTIZED_BOUND,),
                help="compile with -O0, or find the pass with `neural debug MODEL --compare`",
            ),
        ),
        ExitStatus.COMPILER_FAULT,
    )
