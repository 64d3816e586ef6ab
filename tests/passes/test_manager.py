"""Running passes: copies, records, observers, and faults that can be reproduced."""

from __future__ import annotations

import gc
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
from neuralc.ir.codes import CODES
from neuralc.ir.diagnostic import CompileError, ExitStatus, failure
from neuralc.ir.dim import symbol
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.graph import Graph
from neuralc.ir.text import parse_graph, print_graph
from neuralc.ir.type import TensorType
from neuralc.passes.dead_code import DeadCode
from neuralc.passes.manager import Pass, PassFault, run_pipeline
from neuralc.passes.remarks import Remarks


def small_graph() -> Graph:
    graph = Graph("Small")
    emit = Emitter(graph)
    x = graph.add_input("x", TensorType(DType.F32, (symbol("B"), 4)))
    emit("exp", x)
    graph.outputs["output"] = emit("tanh", emit("abs", x))
    return graph


@dataclass(frozen=True)
class Breaks(Pass):
    """Half changes the graph, then fails."""

    name: ClassVar[str] = "breaks"

    def run(self, graph: Graph, remarks: Remarks) -> int:
        (tanh,) = (node for node in graph.nodes() if node.op == "tanh")
        graph.update(tanh, op="exp")
        raise ZeroDivisionError("in the middle")


@dataclass(frozen=True)
class Corrupts(Pass):
    """Leaves a node with a result of the wrong type."""

    name: ClassVar[str] = "corrupts"

    def run(self, graph: Graph, remarks: Remarks) -> int:
        (tanh,) = (node for node in graph.nodes() if node.op == "tanh")
        graph.update(tanh, op="reduce_sum", attributes={"axes": (0,), "keepdims": False})
        return 1


@dataclass(frozen=True)
class Refuses(Pass):
    """A user's option cannot be followed."""

    name: ClassVar[str] = "refuses"

    def run(self, graph: Graph, remarks: Remarks) -> int:
        raise failure("E0623", "no such form here", status=ExitStatus.WRONG_PROGRAM)


class Watch:
    def __init__(self) -> None:
        self.seen: list[tuple[int, str, int, int]] = []

    def before_first(self, graph: Graph) -> None:
        self.seen.append((0, "", len(graph), 0))

    def after_pass(self, index: int, name: str, graph: Graph, changes: int) -> None:
        self.seen.append((index, name, len(graph), changes))


def test_the_graph_that_comes_in_stays() -> None:
    graph = small_graph()
    before = print_graph(graph)
    result = run_pipeline(graph, [DeadCode()])
    assert print_graph(graph) == before
    assert len(result.graph) == 2


def test_records_and_observer_follow_the_passes() -> None:
    watch = Watch()
    result = run_pipeline(small_graph(), [DeadCode(), DeadCode()], observer=watch)
    assert [(r.name, r.changes, r.nodes) for r in result.records] == [
        ("dead_code", 1, 2),
        ("dead_code", 0, 2),
    ]
    assert all(r.wall_seconds >= 0 and r.cpu_seconds >= 0 for r in result.records)
    assert watch.seen == [(0, "", 3, 0), (1, "dead_code", 2, 1), (2, "dead_code", 2, 0)]


def test_a_pass_that_fails_is_a_fault_of_the_compiler() -> None:
    with pytest.raises(PassFault) as caught:
        run_pipeline(small_graph(), [DeadCode(), Breaks()])
    fault = caught.value
    assert fault.status is ExitStatus.COMPILER_FAULT
    assert fault.pass_name == "breaks"
    assert isinstance(fault.__cause__, ZeroDivisionError)
    (diagnostic,) = fault.diagnostics
    assert diagnostic.code in CODES
    assert diagnostic.message == "the pass breaks failed: ZeroDivisionError: in the middle"


def test_a_fault_carries_the_graph_before_the_pass() -> None:
    with pytest.raises(PassFault) as caught:
        run_pipeline(small_graph(), [DeadCode(), Breaks()])
    before = run_pipeline(small_graph(), [DeadCode()]).graph
    assert caught.value.ir_before == print_graph(before, locations=True)
    with pytest.raises(PassFault, match="in the middle"):
        run_pipeline(parse_graph(caught.value.ir_before), [Breaks()])


def test_a_pass_that_breaks_the_verifier_is_a_fault() -> None:
    with pytest.raises(PassFault, match="the pass corrupts failed: VerificationError"):
        run_pipeline(small_graph(), [Corrupts()], verify=True)
    assert run_pipeline(small_graph(), [Corrupts()]).records[0].changes == 1


def test_an_error_of_the_user_goes_through() -> None:
    with pytest.raises(CompileError) as caught:
        run_pipeline(small_graph(), [Refuses()])
    assert not isinstance(caught.value, PassFault)
    assert caught.value.status is ExitStatus.WRONG_PROGRAM


def test_remarks_may_be_collected_over_several_pipelines() -> None:
    remarks = Remarks()
    (node, *_) = small_graph().nodes()
    remarks.note("first", "hello", [replace(node, scope="a")])
    result = run_pipeline(small_graph(), [DeadCode()], remarks=remarks)
    assert result.remarks is remarks
    assert [str(remark) for remark in remarks.all()] == ["note [first] in a: hello"]


@dataclass(frozen=True)
class SeesTheCollector(Pass):
    """Does nothing but tell, by its count of changes, whether the collector runs beside it."""

    name: ClassVar[str] = "sees_the_collector"

    def run(self, graph: Graph, remarks: Remarks) -> int:
        return int(gc.isenabled())


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_rests_while_passes_run_and_is_as_before_afterwards(enabled: bool) -> None:
    before = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        result = run_pipeline(small_graph(), [SeesTheCollector()])
        assert result.records[0].changes == 0
        assert gc.isenabled() is enabled
        with pytest.raises(PassFault):
            run_pipeline(small_graph(), [Breaks()])
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()
