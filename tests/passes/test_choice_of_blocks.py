"""When attention is cut into blocks of queries, and into how many."""

from __future__ import annotations

from dataclasses import replace

import pytest
from neuralc.ir.costs import CostTable, cost_table
from neuralc.ir.diagnostic import CompileError
from neuralc.ir.dim import symbol
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.graph import Graph
from neuralc.ir.target import FORMS, Form, Target, target_named
from neuralc.ir.type import TensorType
from neuralc.passes.form_choice import LARGE_SCORES, best_form, scores_kept
from neuralc.passes.manager import run_pipeline
from neuralc.passes.select_forms import SelectForms

CPU = target_named("cpu")
FORM = {form.name: form for form in FORMS["attention"]}


def best(scores: int, **microseconds: float) -> str:
    return best_form([FORM[name] for name in microseconds], microseconds, scores).name


def message(
    forms: dict[str, str] | None = None, target: Target = CPU, bias: bool = False, **costs: float
) -> str:
    """What is told of the choice for causal attention over 64 positions."""
    if costs:
        points = {form: ((1.0, cost), (1e15, cost)) for form, cost in costs.items()}
        target = replace(target, costs=CostTable({"attention causal": points}))
    graph = Graph("Network")
    batch = symbol("B", origin="the batch")
    q, k, v = (graph.add_input(n, TensorType(DType.F32, (batch, 64, 128))) for n in "qkv")
    added = graph.add_input("bias", TensorType(DType.F32, (64, 64))) if bias else None
    operands = (q, k, v, None, None, added)
    emit = Emitter(graph, "decoder[0]")
    graph.outputs["output"] = emit("attention", *operands, heads=2, scale=0.125, causal=True)
    remarks = run_pipeline(graph, [SelectForms(target, forms or {})], verify=True).remarks
    (remark,) = remarks.all()
    return remark.message


def test_the_cheapest_number_of_blocks_is_taken() -> None:
    assert best(1, attention23=100, blocks2=80, blocks4=60, blocks8=70) == "blocks4"


def test_of_equals_more_blocks_keep_fewer_scores() -> None:
    assert best(1000, attention23=100, blocks4=60, blocks8=61, blocks16=63) == "blocks8"


def test_where_scores_are_large_a_dearer_number_spares_them() -> None:
    costs = {"attention23": 100.0, "blocks2": 99.0, "blocks8": 105.0, "blocks16": 106.0}
    assert best(LARGE_SCORES - 1, **costs) == "blocks2"
    assert best(LARGE_SCORES, **costs) == "blocks2", "half of them is little enough"
    assert best(4 * LARGE_SCORES, **costs) == "blocks16", "of those that spare them"
    assert best(64 * LARGE_SCORES, **costs) == "blocks2", "none of them does"


def test_of_those_that_spare_memory_the_fastest_is_taken() -> None:
    assert best(16 * LARGE_SCORES, attention23=100, gqa=110, blocks32=90) == "blocks32"
    assert best(16 * LARGE_SCORES, attention23=100, gqa=90, blocks32=110) == "gqa"


def test_scores_kept() -> None:
    kept = {name: scores_kept(form, 3200) for name, form in FORM.items()}
    assert kept["attention23"] == kept["decomposed"] == 3200
    assert kept["gqa"] == kept["mha"] == 0
    assert [kept[f"blocks{count}"] for count in (2, 4, 8, 16, 32)] == [1600, 800, 400, 200, 100]


def test_the_family_leaves_the_number_to_the_costs() -> None:
    asked = {"attention": "blocks"}
    told = message(asked, attention23=10, blocks4=60, blocks8=50)
    assert told == "attention as blocks8: 50 µs"


def test_a_number_may_be_asked_for() -> None:
    told = message({"attention": "blocks4"}, attention23=10, blocks4=60, blocks8=50)
    assert told == "attention as blocks4: it was asked for"


def test_of_the_numbers_the_cheapest_alone_is_told() -> None:
    told = message(attention23=10, blocks4=60, blocks8=50, gqa=20)
    assert "blocks8 50 µs" in told
    assert told.count("blocks") == 1
    told = message(attention23=100, blocks4=60, blocks8=50, gqa=70)
    assert told.startswith("attention as blocks8: 50 µs (attention23 100 µs; gqa 70 µs;")
    assert told.count("blocks") == 1


def test_a_bias_is_refused_once_for_all_numbers() -> None:
    told = message(bias=True, attention23=10)
    assert told.count("blocks") == 1
    assert "blocks not: it takes no bias" in told
    with pytest.raises(CompileError, match=r"E0623: .*'blocks': it takes no bias"):
        message({"attention": "blocks"}, bias=True)


@pytest.mark.parametrize("target", ["portable", "cuda"])
def test_other_targets_have_no_blocks(target: str) -> None:
    with pytest.raises(CompileError, match=r"E0623: .* has no such kernel"):
        message({"attention": "blocks"}, target_named(target))


@pytest.mark.parametrize(
    ("case", "length", "forms"),
    [
        ("attention causal", 128, {"blocks2", "blocks4"}),
        ("attention causal", 512, {"blocks4", "blocks8", "blocks16"}),
        ("attention causal", 2048, {"blocks8", "blocks16"}),
        ("attention causal masked", 2048, {"blocks8", "blocks16"}),
    ],
)
def test_the_committed_costs_choose_blocks(case: str, length: int, forms: set[str]) -> None:
    """Twelve heads of 64; the figures are those of the table's machine."""
    table = cost_table("cpu")
    work = 4.0 * 12 * 64 * length**2
    usable: list[Form] = [form for form in FORM.values() if form.name in table.points[case]]
    costs = {form.name: table.estimate(case, form.name, work) for form in usable}
    assert best_form(usable, costs, 4 * 12 * length**2).name in forms
