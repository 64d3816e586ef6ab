"""A choice is measured on a small model of its node and what stands beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import neuralc
import numpy as np
import onnx
import pytest
from neuralc.compiler.driver import Compilation
from neuralc.compiler.options import CompileOptions
from neuralc.compiler.syntax.source import Source
from neuralc.compiler.tuning.open_choices import OpenChoice, OpenChoices
from neuralc.compiler.tuning.stand_ins import SPREAD, StandIns
from neuralc.compiler.tuning.tuning import tuning_sizes
from neuralc.compiler.tuning.whole_model import digest, inputs_of
from neuralc.ir.graph import Graph
from neuralc.ir.target import Form
from neuralc.ir.verifier import verify
from neuralc.passes.form_choice import Choice
from neuralc.passes.tuned_forms import Measured, TunedForms, signature_of

from .conftest import PROGRAM

MASKED = CompileOptions.of(padding_mask=True, dynamic="seq")


def choices(program: str = PROGRAM, options: CompileOptions = MASKED) -> dict[str, OpenChoice]:
    found = open_choices(program, options).under(TunedForms())
    for each in found.values():
        verify(each.model)
    return found


def open_choices(program: str = PROGRAM, options: CompileOptions = MASKED) -> OpenChoices:
    compilation = Compilation(Source("small.neural", program), options)
    graph = compilation.graph
    return OpenChoices(graph, compilation.target, {}, tuning_sizes(graph, {"batch": 2}))


def model_of(op: str, found: dict[str, OpenChoice]) -> Graph:
    return next(each.model for each in found.values() if each.op == op)


def ops(graph: Graph) -> list[str]:
    return [node.op for node in graph.nodes()]


def test_an_activation_stands_behind_a_thin_product() -> None:
    model = model_of("gelu", choices())
    assert ops(model) == ["linear", "gelu"]
    assert [str(value.type) for value in model.inputs] == ["f32[12, 8]"]
    assert str(model.outputs["out0"].type) == "f32[12, 32]"


def test_a_projection_stands_before_its_attention() -> None:
    model = model_of("qkv_projection", choices())
    assert ops(model) == ["qkv_projection", "reshape", "reshape", "reshape", "attention"]
    assert [str(value.type) for value in model.inputs] == ["f32[12, 16]", "bool[2, 6]"]
    assert [str(value.type) for value in model.outputs.values()] == ["f32[2, 6, 16]"]


def test_a_product_stands_alone() -> None:
    assert ops(model_of("linear", choices())) == ["linear"]


def test_the_node_is_known_again_in_its_small_model() -> None:
    for signature, each in choices().items():
        nodes = [node for node in each.model.nodes() if node.op == each.op]
        assert [signature_of(node, {}) for node in nodes] == [signature] == [each.inner]


def test_what_will_be_folded_into_a_weight_is_one() -> None:
    program = "network N { input: (64, 1024) layers: Dense(1024, activation='gelu') Dense(8) }"
    found = choices(program, CompileOptions())
    padded = next(each for name, each in found.items() if "1040" in name and "linear" in name)
    assert "1040] weight" in padded.inner
    assert [str(value.type) for value in padded.model.inputs] == ["f32[128, 1024]"]


def test_all_forms_of_a_choice_compute_the_same() -> None:
    from neuralc.ir.interpreter import interpret

    open = open_choices()
    for each in open.under(TunedForms()).values():
        inputs = inputs_of(each.model, {})
        wanted = interpret(each.model, inputs)
        for form in each.choice.usable:
            graph = open.in_form(each, form, {})
            found = interpret(graph, inputs)
            assert list(found) == list(wanted)
            for name in wanted:
                np.testing.assert_allclose(found[name], wanted[name], rtol=1e-9, atol=1e-12)


def test_signatures_tell_apart_what_costs_differently() -> None:
    program = PROGRAM.replace("* 3", "\n    TransformerEncoder(num_heads=4, d_model=16, dff=32)")
    heads = [each for each in choices(program) if each.startswith("attention")]
    assert len(heads) == 2
    assert choices().keys() != choices(options=CompileOptions.of(padding_mask=True)).keys() | {""}
    unmasked = choices(options=CompileOptions.of(dynamic="seq"))
    assert not {each for each in choices() if "attention" in each} & unmasked.keys()


def change_nothing(open: OpenChoices) -> Graph:
    return open.target_graph(TunedForms())


def take_gelu_apart(open: OpenChoices) -> Graph:
    (gelu,) = [each for each in open.under(TunedForms()) if each.startswith("gelu")]
    return open.target_graph(TunedForms(open.sizes, {gelu: Measured("primitive", {})}))


def leave_rows(open: OpenChoices) -> Graph:
    return open.target_graph(TunedForms(without=frozenset({"flatten_rows"})))


def double_the_batch(open: OpenChoices) -> Graph:
    open.sizes["B"] *= 2  # type: ignore[index]
    return open.target_graph(TunedForms())


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (change_nothing, True),
        (take_gelu_apart, False),
        (leave_rows, False),
        (double_the_batch, False),
    ],
)
def test_digests_tell_target_graphs_apart(
    change: Callable[[OpenChoices], Graph], same: bool
) -> None:
    open = open_choices()
    before = digest(open.target_graph(TunedForms()), open.sizes)
    assert (digest(change(open), open.sizes) == before) is same


def test_weights_are_noise_that_all_share(tmp_path: Path) -> None:
    program = neuralc.compile(PROGRAM.replace("* 3", "* 1")).program
    path = StandIns(tmp_path).write(program)
    onnx.checker.check_model(path)
    model = onnx.load(path, load_external_data=False)
    places = [
        {entry.key: entry.value for entry in each.external_data}
        for each in model.graph.initializer
        if each.external_data
    ]
    # The kernels of the encoder; biases, gains and the last kernel are too small to matter.
    assert len(places) == 6
    assert {each["location"] for each in places} == {"noise.f32"}
    assert {each["offset"] for each in places} == {"0"}
    noise = np.fromfile(tmp_path / "noise.f32", np.float32)
    assert 0.9 * SPREAD < noise.std() < 1.1 * SPREAD


def test_the_forms_that_the_table_puts_far_behind_are_not_measured() -> None:
    forms = tuple(Form(name, "") for name in ("slow", "taken", "fast", "unknown", "slowest", "mid"))
    costs = {"slow": 40.0, "taken": 90.0, "fast": 1.0, "slowest": 80.0, "mid": 5.0}
    choice = Choice(forms[1], "", forms, costs={"unknown": None, **costs})
    each = OpenChoice("attention", choice, Graph("none"), "")
    assert [form.name for form in each.promising] == ["slow", "taken", "fast", "mid"]
