"""Runs passes over a graph: copies, times, verifies, reports.

In: a graph and passes. Out: `PipelineResult`: a new graph, and per pass what it changed and what
it cost. The graph that comes in stays as it is.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, Protocol

from ..ir.diagnostic import CompileError, Diagnostic, ExitStatus, Severity
from ..ir.graph import Graph
from .remarks import Remarks


@dataclass(frozen=True)
class Pass:
    """One change of a graph. A subclass is a frozen dataclass whose fields are its options.

    Its docstring shows *before → after*.
    """

    name: ClassVar[str]

    def run(self, graph: Graph, remarks: Remarks) -> int:
        """Changes `graph` in place; how many changes it made. Deterministic, idempotent, linear."""
        raise NotImplementedError


class Observer(Protocol):
    """Watches a pipeline, e.g. to write the graph after each pass that changed it."""

    def before_first(self, graph: Graph) -> None:
        """The graph before any pass. It will be changed in place: keep its text, not itself."""

    def after_pass(self, index: int, name: str, graph: Graph, changes: int) -> None:
        """Pass number `index`, counted from 1, has run; where `changes` is 0 nothing differs."""


@dataclass(frozen=True, slots=True)
class PassRecord:
    """What one pass did: its changes, the nodes it left, its seconds on the clock and of CPU."""

    name: str
    changes: int
    nodes: int
    wall_seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class PipelineResult:
    """The new graph, a record per pass, and all remarks."""

    graph: Graph
    records: tuple[PassRecord, ...]
    remarks: Remarks


class PassFault(CompileError):
    """A pass failed or left a graph that the verifier refuses: a fault of the compiler, E0901.

    `pass_name` says which; `ir_before` is the text of the graph that it was given, from which the
    fault can be reproduced.
    """

    def __init__(self, pass_name: str, ir_before: str, cause: Exception) -> None:
        self.pass_name = pass_name
        self.ir_before = ir_before
        summary = f"{type(cause).__name__}: {cause}" if str(cause) else type(cause).__name__
        super().__init__(
            (
                Diagnostic(
                    "E0901",
                    Severity.ERROR,
                    f"the pass {pass_name} failed: {summary}",
                    help="this is a fault of the compiler; please report it with the "
                    "intermediate representation before the pass",
                ),
            ),
            ExitStatus.COMPILER_FAULT,
        )


def run_pipeline(
    graph: Graph,
    passes: Sequence[Pass],
    *,
    verify: bool = False,
    observer: Observer | None = None,
    remarks: Remarks | None = None,
) -> PipelineResult:
    """Runs the passes in order over one copy of `graph`; with `verify`, checks it after each.

    Raises `PassFault` where a pass fails. A `CompileError` of a pass (a user's impossible option)
    goes through as it is.
    """
    remarks = remarks if remarks is not None else Remarks()
    with _collector_paused():
        return _run(graph, passes, verify, observer, remarks)


def _run(
    graph: Graph,
    passes: Sequence[Pass],
    verify: bool,
    observer: Observer | None,
    remarks: Remarks,
) -> PipelineResult:
    work = graph.copy()
    records: list[PassRecord] = []
    if observer is not None:
        observer.before_first(work)
    for index, each in enumerate(passes, start=1):
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            changes = each.run(work, remarks)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            if verify:
                _verify(work)
        except CompileError:
            raise
        except Exception as cause:
            raise PassFault(each.name, _text_before(graph, passes[: index - 1]), cause) from cause
        records.append(PassRecord(each.name, changes, len(work), wall, cpu))
        if observer is not None:
            observer.after_pass(index, each.name, work, changes)
    return PipelineResult(work, tuple(records), remarks)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Without the garbage collector, which a graph that grows keeps busy.

    Each of its rounds goes through every node and every use list once more, and there is next to
    nothing to find, since what a pass drops holds no cycles.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _verify(graph: Graph) -> None:
    from ..ir.verifier import verify

    verify(graph)


def _text_before(graph: Graph, passes: Sequence[Pass]) -> str:
    """The text of the graph that a failed pass was given.

    The passes before it run once more, since the graph at hand is already half changed; keeping
    a text or a copy before every pass would cost every compilation that goes well.
    """
    from ..ir.text import print_graph

    work = graph.copy()
    for each in passes:
        each.run(work, Remarks())
    return print_graph(work, locations=True)
