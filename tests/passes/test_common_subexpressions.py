"""What is never made one: nested graphs and foreign ops; large literals are not even read."""

from __future__ import annotations

import numpy as np
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.graph import Graph
from neuralc.ir.type import TensorType
from neuralc.passes.common_subexpressions import CommonSubexpressions
from neuralc.passes.manager import run_pipeline

TYPE = TensorType(DType.F32, (4,))


def body(name: str) -> Graph:
    """A nested graph that gives back its input."""
    graph = Graph(name)
    graph.outputs["y"] = graph.add_input("x", TensorType(DType.F32, (4,)))
    return graph


def merged(graph: Graph) -> int:
    return run_pipeline(graph, [CommonSubexpressions()], verify=True).records[0].changes


def test_nodes_with_nested_graphs_stay_two() -> None:
    for bodies, changes in ((("One", "Other"), 0), ((), 1)):
        graph = Graph("Nested")
        x = graph.add_input("x", TYPE)
        for index in range(2):
            regions = (body(bodies[index]),) if bodies else ()
            graph.outputs[f"y{index}"] = graph.add("tanh", [x], regions=regions).result
        assert merged(graph) == changes


def test_foreign_ops_stay_two() -> None:
    graph = Graph("Foreign")
    x = graph.add_input("x", TYPE)
    for name in ("a", "b"):
        graph.outputs[name] = graph.add("onnx.RandomNormalLike", [x], types=(TYPE,)).result
    assert merged(graph) == 0


def test_large_literals_are_equal_to_themselves_only() -> None:
    for size, changes in ((1 << 14, 1), ((1 << 14) + 1, 0)):
        graph = Graph("Large")
        emit = Emitter(graph)
        one, other = (emit.constant(np.zeros(size)) for _ in range(2))
        graph.outputs["output"] = emit("add", one, other)
        assert merged(graph) == changes
