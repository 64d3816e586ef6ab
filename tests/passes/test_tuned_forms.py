"""What was measured for one graph goes before the tables, and behind what the user says."""

from __future__ import annotations

import pytest
from neuralc.ir.diagnostic import CompileError
from neuralc.ir.dim import symbol
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.graph import Graph
from neuralc.ir.node import Node
from neuralc.ir.span import Span
from neuralc.ir.target import target_named
from neuralc.ir.type import TensorType
from neuralc.passes.form_choice import Choice
from neuralc.passes.forms_pipeline import forms_passes
from neuralc.passes.manager import run_pipeline
from neuralc.passes.select_forms import SelectForms
from neuralc.passes.tuned_forms import Measured, TunedForms, concrete

SPAN = Span("model.neural", 5, 3, 5, 40)
CPU = target_named("cpu")


def tuned_gelu(form: str, **sizes: int) -> TunedForms:
    """As if gelu of 12 × 16 numbers had been measured."""
    figures = {"gelu20": 30.0, "primitive": 20.0}
    signature = "gelu(f32[2, 6, 16]) {approximate = none}"
    return TunedForms({"B": 2, **sizes}, {signature: Measured(form, figures)})


def gelu_network() -> Graph:
    graph = Graph("Network")
    x = graph.add_input("x", TensorType(DType.F32, (symbol("B", origin="the batch"), 6, 16)))
    emit = Emitter(graph, "encoder[0]", (SPAN,))
    graph.outputs = {"y": emit("gelu", x, approximate="none")}
    return graph


def ops_under(tuned: TunedForms, **forms: str) -> list[str]:
    passes = [SelectForms(CPU, forms, tuned)]
    return [node.op for node in run_pipeline(gelu_network(), passes, verify=True).graph.nodes()]


def test_what_was_measured_goes_before_the_table() -> None:
    assert ops_under(TunedForms()) == ["gelu"]
    assert "erf" in ops_under(tuned_gelu("primitive"))


def test_what_the_user_asks_for_goes_before_what_was_measured() -> None:
    assert ops_under(tuned_gelu("primitive"), gelu="gelu20") == ["gelu"]


def test_what_was_measured_at_another_size_does_not_count() -> None:
    assert ops_under(tuned_gelu("primitive", B=3)) == ["gelu"]


def test_a_measured_form_that_there_is_not() -> None:
    with pytest.raises(CompileError) as caught:
        ops_under(tuned_gelu("mha"))
    (told,) = caught.value.diagnostics
    assert told.code == "E0642"
    assert told.span == SPAN


def test_a_choice_is_told_before_it_is_carried_out() -> None:
    seen: list[tuple[str, str, list[str]]] = []

    def watch(graph: Graph, node: Node, choice: Choice) -> None:
        assert node in graph
        seen.append((node.op, choice.form.name, [form.name for form in choice.usable]))

    graph = gelu_network()
    run_pipeline(graph, [SelectForms(CPU, {}, watch=watch)])
    run_pipeline(graph, [SelectForms(CPU, {"gelu": "primitive"}, watch=watch)])
    assert seen == [
        ("gelu", "gelu20", ["gelu20", "primitive"]),
        ("gelu", "primitive", ["primitive"]),
    ]


def test_only_optional_passes_can_be_left_out() -> None:
    tuned = TunedForms(without=frozenset({"bound_scores", "flatten_rows"}))
    names = [each.name for each in forms_passes(CPU, {}, tuned=tuned)]
    assert "bound_scores" in names
    assert "flatten_rows" not in names


def test_what_the_data_decides_is_measured_as_large_as_it_can_be() -> None:
    count = symbol("P", within=symbol("B") * symbol("S"))
    assert concrete(count + 1, {"B": 2, "S": 5}) == 11
    assert concrete(count, {"B": 2, "S": 5, "P": 3}) == 3
    assert concrete(count, {"B": 2}) is count
