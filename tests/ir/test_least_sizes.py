"""How short a sequence may be for the windows that slide over it."""

from __future__ import annotations

import neuralc
import pytest
from neuralc.compiler.verifying.verification import cases
from neuralc.ir.diagnostic import CompileError
from neuralc.ir.interpreter import interpret
from neuralc.ir.least_sizes import least_sizes


def graph_of(layers: str, shape: str = "(9, 4)", **options: object) -> neuralc.ir.graph.Graph:
    source = f"network N {{ input: {shape} layers: {layers} }}"
    return neuralc.compile(source, lint=False, **options).source_graph


@pytest.mark.parametrize(
    ("layers", "least"),
    [
        ("Dense(3)", 1),
        ("Conv1D(2, 3)", 3),
        ('Conv1D(2, 3, padding="same")', 1),
        ("Conv1D(2, 3) MaxPooling1D(2)", 4),
        ("Conv1D(2, 3, dilation_rate=2) AveragePooling1D(3, strides=1)", 7),
        ("MaxPooling1D(2) MaxPooling1D(2)", 4),
        ("SelectPosition(-1, keepdims=true)", 1),
        ("SelectPosition(2, keepdims=true)", 3),
        ("SelectPosition(-4, keepdims=true)", 4),
        ("Conv1D(2, 3) SelectPosition(2, keepdims=true)", 5),
    ],
)
def test_windows_say_how_short_a_sequence_may_be(layers: str, least: int) -> None:
    graph = graph_of(layers, dynamic=("seq",))
    (name,) = set(graph.symbols()) - {"B"}
    assert least_sizes(graph) == {"B": 1, name: least}
    lengths = {inputs["input"].shape[1] for inputs in cases(graph)}
    assert least in lengths
    for inputs in cases(graph):
        (output,) = interpret(graph, inputs).values()
        assert output.shape[1] >= 1


def test_an_axis_without_a_maximum_is_searched_too() -> None:
    graph = graph_of("Conv1D(2, 5)", shape="(seq, 4)")
    assert least_sizes(graph)["seq"] == 5


def test_a_session_refuses_what_is_shorter() -> None:
    source = "network N { input: (9, 4) layers: Conv1D(2, 3) MaxPooling1D(2) }"
    model = neuralc.compile(source, lint=False, dynamic=("seq",), verify=True)
    inputs = {"input": cases(model.source_graph)[-1]["input"]}
    session = model.session("cpu")
    assert session.run(inputs)["output"].shape[1] == 1
    with pytest.raises(CompileError) as caught:
        session.run({"input": inputs["input"][:, :3]})
    assert [d.code for d in caught.value.diagnostics] == ["E0717"]
