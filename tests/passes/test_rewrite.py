"""The driver of rewrites: order, retries, what it leaves behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pytest
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.graph import Graph
from neuralc.ir.node import Node
from neuralc.ir.type import TensorType
from neuralc.ir.value import Value
from neuralc.passes.canonicalize import Canonicalize
from neuralc.passes.remarks import Remarks
from neuralc.passes.rewrite import Match, Rewrite, Worklist, erase_unused


@dataclass(frozen=True)
class DoubleExp(Rewrite[Match]):
    """`exp(exp(%x))` → `abs(%x)`, declined while the inner one is read elsewhere."""

    name: ClassVar[str] = "double_exp"
    roots: ClassVar[tuple[str, ...]] = ("exp",)

    def match(self, graph: Graph, node: Node) -> Match | None:
        inner = graph.producer(node.operands[0])
        return Match((inner, node)) if inner is not None and inner.op == "exp" else None

    def check(self, graph: Graph, match: Match) -> str | None:
        return None if graph.has_one_use(match.nodes[0].result) else "read elsewhere"

    def rewrite(self, graph: Graph, match: Match, emit: Emitter) -> Sequence[Value]:
        x = match.nodes[0].operands[0]
        emit("neg", x)
        return [emit("abs", x)]


@dataclass(frozen=True)
class Restless(Rewrite[Match]):
    """Turns abs into abs for ever."""

    name: ClassVar[str] = "restless"
    roots: ClassVar[tuple[str, ...]] = ("abs",)

    def match(self, graph: Graph, node: Node) -> Match | None:
        return Match((node,))

    def rewrite(self, graph: Graph, match: Match, emit: Emitter) -> Sequence[Value]:
        return [emit("abs", match.nodes[0].operands[0])]


def chain(*ops: str) -> tuple[Graph, list[Value]]:
    graph = Graph("Chain")
    values = [graph.add_input("x", TensorType(DType.F32, (4,)))]
    for op in ops:
        values.append(Emitter(graph)(op, values[-1]))
    graph.outputs["output"] = values[-1]
    return graph, values


def ops(graph: Graph) -> list[str]:
    return [node.op for node in graph.nodes()]


def test_what_a_rewrite_emits_and_does_not_use_is_taken_back() -> None:
    graph, _ = chain("exp", "exp", "tanh")
    assert DoubleExp().run(graph, Remarks()) == 1
    assert ops(graph) == ["abs", "tanh"]


def test_rewrites_run_from_the_inputs_on() -> None:
    graph, _ = chain("exp", "exp", "exp")
    assert DoubleExp().run(graph, Remarks()) == 1
    assert ops(graph) == ["abs", "exp"]


def test_a_refusal_is_told_once_with_its_reason() -> None:
    graph, values = chain("exp", "exp")
    graph.outputs["inner"] = values[1]
    remarks = Remarks()
    assert DoubleExp().run(graph, remarks) == 0
    assert [str(remark) for remark in remarks.all()] == ["missed [double_exp]: read elsewhere"]


def test_a_refusal_that_a_later_rewrite_made_moot_is_not_told() -> None:
    graph, values = chain("exp", "exp", "exp")
    # The second exp is read by the third and declined for it; then nothing of it is left.
    graph.outputs["inner"] = values[1]
    remarks = Remarks()
    DoubleExp().run(graph, remarks)
    kinds = [remark.kind.value for remark in remarks.all()]
    assert kinds == ["fused"]


def test_a_rewrite_that_does_not_end_is_stopped() -> None:
    graph, _ = chain("abs")
    with pytest.raises(RuntimeError, match="does not come to an end"):
        Restless().run(graph, Remarks())


def test_worklist_gives_nodes_as_they_are_now() -> None:
    graph, _ = chain("exp", "tanh", "abs")
    seen = []
    for node in Worklist(graph):
        seen.append(node.op)
        assert node in graph
        if node.op == "exp":
            new = Emitter(graph)("sqrt", node.operands[0])
            graph.replace_node(node, [new])
    assert seen == ["exp", "tanh", "abs"]


def test_erasing_stops_at_what_is_read() -> None:
    graph, values = chain("exp", "tanh")
    dead = Emitter(graph)("abs", Emitter(graph)("neg", values[1]))
    erase_unused(graph, dead)
    assert ops(graph) == ["exp", "tanh"]
    erase_unused(graph, values[2])
    assert ops(graph) == ["exp", "tanh"]


def test_rewriting_dead_nodes_leaves_nothing_behind() -> None:
    graph, values = chain("tanh")
    apart = Emitter(graph)("neg", Emitter(graph)("neg", Emitter(graph)("exp", values[0])))
    assert Canonicalize().run(graph, Remarks()) == 1
    assert apart not in graph
    assert ops(graph) == ["tanh"]
