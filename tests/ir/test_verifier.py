"""Each rule of the verifier, broken once, and graphs that are whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from neuralc.ir.dim import symbol
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.graph import Graph
from neuralc.ir.parameter import Computed, Literal, Seeded
from neuralc.ir.type import TensorType
from neuralc.ir.value import Kind, Value
from neuralc.ir.verifier import RULES, VerificationError, verify

F32 = TensorType(DType.F32, (2, 3))


def graph_of_two() -> Graph:
    graph = Graph("two")
    emit = Emitter(graph)
    x = graph.add_input("x", F32)
    w = emit.parameter("w", Seeded(F32, "ones", (), 0, "w"))
    graph.outputs["y"] = emit("softmax", emit("add", x, w), axis=-1)
    return graph


def test_a_whole_graph_passes() -> None:
    graph = graph_of_two()
    verify(graph)
    verify(graph.copy())


def nodes(graph: Graph) -> list:
    return graph.nodes()


def circle(graph: Graph) -> None:
    add, softmax = nodes(graph)
    graph.update(add, operands=(softmax.result, add.operands[1]))


def foreign_operand(graph: Graph) -> None:
    stranger = Value("stranger", F32)
    graph._uses[stranger] = {}
    add = nodes(graph)[0]
    graph.update(add, operands=(stranger, add.operands[1]))


def foreign_output(graph: Graph) -> None:
    graph.outputs["z"] = Value("stranger", F32)


def no_output(graph: Graph) -> None:
    graph.outputs.clear()


def stolen_result(graph: Graph) -> None:
    add, softmax = nodes(graph)
    graph._producers[add.result] = graph._keys[softmax]


def input_twice(graph: Graph) -> None:
    graph.inputs.append(graph.inputs[0])


def result_as_input(graph: Graph) -> None:
    graph.inputs.append(nodes(graph)[0].result)


def lost_use(graph: Graph) -> None:
    graph._uses[graph.inputs[0]].clear()


def wrong_use(graph: Graph) -> None:
    uses = graph._uses[graph.inputs[0]]
    ((key, _),) = uses
    uses.clear()
    uses[key, 1] = None


def same_name(graph: Graph) -> None:
    graph.inputs.append(Value("w", F32))
    graph._uses[graph.inputs[-1]] = {}


def unknown_attribute(graph: Graph) -> None:
    graph.update(nodes(graph)[1], attributes={"axis": -1, "colour": 3})


def missing_attribute(graph: Graph) -> None:
    graph.update(nodes(graph)[1], attributes={})


def ill_typed_attribute(graph: Graph) -> None:
    graph.update(nodes(graph)[1], attributes={"axis": np.int64(1)})


def wrong_result_type(graph: Graph) -> None:
    graph.update(nodes(graph)[0], op="less")


def impossible_operands(graph: Graph) -> None:
    softmax = nodes(graph)[1]
    graph.update(softmax, attributes={"axis": 2})


def missing_operand(graph: Graph) -> None:
    add = nodes(graph)[0]
    graph.update(add, operands=add.operands[:1])


def wrong_content(graph: Graph) -> None:
    ((w, source),) = graph.sources()
    graph._sources[w] = replace(source, type=TensorType(DType.F32, (2, 2)))


def activation_with_content(graph: Graph) -> None:
    graph._sources[graph.inputs[0]] = Literal(F32, np.zeros((2, 3), np.float32))


def weight_without_content(graph: Graph) -> None:
    graph._sources.clear()


def array_of_another_type(graph: Graph) -> None:
    ((w, _),) = graph.sources()
    graph._sources[w] = Literal(F32, np.zeros((2, 3)))


def computed_of_another_type(graph: Graph) -> None:
    ((w, source),) = graph.sources()
    graph._sources[w] = Computed(F32, "transpose", {"permutation": (1, 0)}, (source,))


def computed_without_result(graph: Graph) -> None:
    ((w, source),) = graph.sources()
    graph._sources[w] = Computed(F32, "neg", {}, (source,), 1)


def computed_deep_inside(graph: Graph) -> None:
    ((w, source),) = graph.sources()
    inner = Computed(F32, "transpose", {"permutation": (1, 1)}, (source,))
    graph._sources[w] = Computed(F32, "neg", {}, (inner,))


def two_symbols_of_a_name(graph: Graph) -> None:
    graph.add_input("a", TensorType(DType.F32, (symbol("S", 1, 5),)))
    graph.add_input("b", TensorType(DType.F32, (symbol("S", 1, 6),)))


def broken_region(graph: Graph) -> None:
    softmax = nodes(graph)[1]
    graph.update(softmax, regions=(Graph("empty"),))


BROKEN: list[tuple[str, Callable[[Graph], None], str]] = [
    ("acyclic", circle, "circle"),
    ("defined", foreign_operand, "%stranger is defined nowhere"),
    ("defined", foreign_output, "'z', %stranger, is defined nowhere"),
    ("defined", no_output, "no output"),
    ("produced-once", stolen_result, "not recorded"),
    ("produced-once", input_twice, "listed twice"),
    ("produced-once", result_as_input, "a result and an input"),
    ("uses", lost_use, "read 3 operands, the use lists have 2"),
    ("uses", wrong_use, "operand 1 is listed as a use of %x"),
    ("names", same_name, "called %w"),
    ("attributes", unknown_attribute, "no attribute 'colour'"),
    ("attributes", missing_attribute, "'axis' is not there"),
    ("attributes", ill_typed_attribute, "'axis' is np.int64"),
    ("types", wrong_result_type, r"f32\[2, 3\], but must be bool\[2, 3\]"),
    ("types", impossible_operands, "axis 2"),
    ("types", missing_operand, "needs the operand 'b'"),
    ("sources", wrong_content, "its content f32"),
    ("sources", activation_with_content, "kind activation"),
    ("sources", weight_without_content, "has no content"),
    ("sources", array_of_another_type, "its array is float64"),
    ("sources", computed_of_another_type, "transpose gives"),
    ("sources", computed_without_result, "no result 1"),
    ("sources", computed_deep_inside, "not an order"),
    ("symbols", two_symbols_of_a_name, "another symbol S"),
    ("regions", broken_region, "graph 'empty' is not valid"),
]


@pytest.mark.parametrize(("rule", "break_it", "message"), BROKEN)
def test_a_broken_rule_is_found(rule: str, break_it: Callable[[Graph], None], message: str) -> None:
    graph = graph_of_two()
    break_it(graph)
    with pytest.raises(VerificationError, match=message) as caught:
        verify(graph)
    assert rule in {finding.rule for finding in caught.value.findings}


def test_every_rule_is_broken_once() -> None:
    assert {row[0] for row in BROKEN} == set(RULES)


def test_a_finding_names_the_node_and_its_scope() -> None:
    graph = graph_of_two()
    graph.update(nodes(graph)[1], attributes={}, scope="head")
    with pytest.raises(VerificationError, match=r"attributes at %softmax = softmax\(…\) in head"):
        verify(graph)


def test_foreign_ops_pass_through() -> None:
    graph = graph_of_two()
    node = graph.add("onnx.Foo", [graph.inputs[0], None], {"to": None, "n": (1, "a")}, types=(F32,))
    graph.outputs["z"] = node.result
    verify(graph)
    graph.update(node, attributes={"n": [1]})
    with pytest.raises(VerificationError, match="attribute 'n'"):
        verify(graph)


def test_states_and_constants_are_sources_too() -> None:
    graph = graph_of_two()
    for kind in (Kind.STATE, Kind.CONSTANT):
        graph.add_source(kind.value, Seeded(F32, "zeros", (), 0, ""), kind)
    verify(graph)
