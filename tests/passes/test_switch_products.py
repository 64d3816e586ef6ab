"""Products behind a switch: one graph that computes every mixture of two precisions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from neuralc.ir.graph import Graph
from neuralc.ir.interpreter import interpret
from neuralc.ir.quantization import FP32, ProductScheme, QuantizationPlan
from neuralc.passes.dead_code import DeadCode
from neuralc.passes.flatten_rows import FlattenRows
from neuralc.passes.manager import run_pipeline
from neuralc.passes.pipelines import passes_of
from neuralc.passes.quantize import Quantize, products
from neuralc.passes.switch_products import EXACT, SWITCHES, SwitchProducts


@pytest.fixture(scope="module")
def graph(encoder: Callable[..., Graph]) -> Graph:
    return run_pipeline(encoder(1), [*passes_of(2), FlattenRows()]).graph


def outputs(graph: Graph, **more: np.ndarray) -> np.ndarray:
    x = np.random.default_rng(0).standard_normal((2, 6, 16))
    return np.asarray(interpret(graph, {"input": x, **more})["output"])


def test_each_switch_chooses_for_its_group(graph: Graph) -> None:
    names = [each.name for each in products(graph)]
    groups = [names[:3], names[3:4], names[4:]]
    schemes = {name: ProductScheme("int8") for name in names}
    plan = QuantizationPlan("fp32", {**schemes, **{f"{n}{EXACT}": FP32 for n in names}})
    passes = [SwitchProducts(groups), Quantize(plan), DeadCode()]
    switched = run_pipeline(graph, passes, verify=True).graph
    exact = outputs(graph)
    for number in range(len(groups)):
        on = np.arange(len(groups)) == number
        chosen = dict.fromkeys(names, FP32) | {n: schemes[n] for n in groups[number]}
        alone = run_pipeline(graph, [Quantize(QuantizationPlan("fp32", chosen))]).graph
        found = outputs(switched, **{SWITCHES: on})
        np.testing.assert_allclose(found, outputs(alone), rtol=1e-12)
        assert np.abs(found - exact).max() > 1e-9
    none = outputs(switched, **{SWITCHES: np.zeros(len(groups), bool)})
    np.testing.assert_allclose(none, exact, rtol=1e-12)


def test_products_of_no_group_stay(graph: Graph) -> None:
    (first, *_) = [each.name for each in products(graph)]
    switched = run_pipeline(graph, [SwitchProducts([[first]]), DeadCode()], verify=True).graph
    assert [node.op for node in switched.nodes()].count("where") == 1


def test_without_groups_nothing_changes(graph: Graph) -> None:
    result = run_pipeline(graph, [SwitchProducts()])
    assert [record.changes for record in result.records] == [0]
    assert [value.name for value in result.graph.inputs] == ["input"]
