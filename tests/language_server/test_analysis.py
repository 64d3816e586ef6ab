"""What stays known of a document while parts of it are wrong."""

from __future__ import annotations

from typing import Any

import pytest
from neuralc.compiler.language_server import analysis as module
from neuralc.compiler.language_server import navigation
from neuralc.compiler.language_server.analysis import Analysis, analyse
from neuralc.compiler.language_server.catalogue import offers, signature
from neuralc.compiler.language_server.cursor import Frame, cursor_at
from neuralc.compiler.language_server.hover import hover
from neuralc.compiler.syntax.source import Source

TWO = """network A { input: (4,) layers: Dense(2) Output(3) }
network B { input: (4,) layers: Dense(5) Output(6) }
"""


def told(analysis: Analysis, mark: str) -> str:
    found = hover(analysis, analysis.source.text.index(mark))
    return found[0] if found is not None else ""


def test_a_broken_network_keeps_its_figures_beside_a_right_one() -> None:
    first = analyse(Source("model.neural", TWO))
    broken = analyse(Source("model.neural", TWO.replace("Output(6)", "Output(0)")), first)
    assert "25 parameters" in told(broken, "Dense(5")
    assert "10 parameters" in told(broken, "Dense(2")
    # Now the other one, and the first has changed.
    text = TWO.replace("Output(3)", "Output(0)").replace("Dense(5)", "Dense(7)")
    other = analyse(Source("model.neural", text), broken)
    assert "35 parameters" in told(other, "Dense(7")
    assert "10 parameters" in told(other, "Dense(2")


def test_a_network_that_is_gone_is_forgotten() -> None:
    first = analyse(Source("model.neural", TWO))
    assert set(first.right) == {"A", "B"}
    assert set(analyse(Source("model.neural", TWO.partition("\n")[0]), first).right) == {"A"}


def test_work_over_an_open_axis_says_for_which_length() -> None:
    text = "network N { input: (seq, 8) layers: Dense(4) Output(2) }"
    assert "at seq = 128" in told(analyse(Source("model.neural", text)), "Dense")


def test_a_fault_of_the_compiler_is_a_diagnostic(monkeypatch: Any) -> None:
    def fails(*given: object) -> None:
        raise RuntimeError("unheard of")

    monkeypatch.setattr(module, "check", fails)
    (diagnostic,) = analyse(Source("model.neural", TWO)).diagnostics
    assert diagnostic.code == "E0901"
    assert "unheard of" in diagnostic.message


def test_macros_are_known_in_any_case_and_offer_their_parameters() -> None:
    text = "define Block(width) { Dense(units=) }"
    program = analyse(Source("model.neural", text.replace("=)", "=$width)"))).program
    assert program is not None
    macros = {macro.name.text: macro for macro in program.macros}
    known = signature(Frame("call", "bLOCK"), macros)
    assert known is not None
    assert known.name == "Block"
    offered = [each.label for each in offers(cursor_at(text, text.index(")", 22)), macros)]
    assert "$width" in offered


@pytest.mark.parametrize(
    ("text", "some", "others"),
    [
        ("network N { layers: [Dense(8), |", {"Output"}, {"loss"}),
        ("network N { layers: [ De|", {"Dense"}, set()),
        ("network N { layers: [Dense(8)] |", {"loss"}, set()),
        ("network N { layers: |", {"Dense"}, {"loss"}),
        ('network N { optimizer: "|', {"Adam"}, {"layers"}),
        ('network N { loss: "cat|', {"categorical_crossentropy"}, {"layers"}),
        ('network N { metrics: ["accuracy", |', {"accuracy"}, {"layers", "Dense"}),
        ("network N { input: |", set(), {"layers", "Dense"}),
        ("network N { optimizer: Adam(0.1) { |", {"beta_1"}, {"epochs"}),
        ("network N { execution { device: |", {"cpu", "cuda"}, set()),
        ('network N { layers: Dense(8) @ "|', {"cpu", "cuda"}, {"Dense"}),
        ("network N { layers: Dense(8) * |", set(), {"Dense"}),
        ("network |", set(), {"Dense", "network"}),
        ("Conv2D(32, (3, 3), |", {"strides", "padding"}, {"filters", "kernel_size"}),
        ("Conv2D(32, strides=2, |", {"kernel_size"}, {"filters", "strides"}),
    ],
)
def test_what_is_offered(text: str, some: set[str], others: set[str]) -> None:
    offered = {each.label for each in offers(cursor_at(text, text.index("|")), {})}
    assert some <= offered
    assert not others & offered


def test_hover_over_values_and_settings() -> None:
    text = """network N {
      input: (16,)
      layers: Dense(8, activation="relu", name="Flatten") Output(4, use_bias=true)
      optimizer: Adam(learning_rate=0.1) { beta_1: .8 }
      train { epochs: 3, early_stopping: { patience: 4 } }
    }"""
    analysis = analyse(Source("model.neural", text))
    assert told(analysis, "relu").startswith("`activation: ")
    assert told(analysis, "true").startswith("`use_bias: ")
    assert told(analysis, "beta_1").startswith("`beta_1: ")
    assert told(analysis, "epochs").startswith("`epochs: ")
    assert told(analysis, "patience").startswith("`patience: ")
    assert told(analysis, "Flatten") == ""


def test_nothing_fails_at_any_state_of_typing() -> None:
    text = """define Block(width, rate=0.1) { Dense($width, activation='relu') Dropout(rate) }
    network N {
      inputs: { a: (4, 8), b: shape(None, 3) }
      layers: [ a: { Block(3) * 2 }, b: { Bidirectional(LSTM(3)) @ "cpu" }, Concatenate(), // 😀
        Dense(HPO(choice(4, 8))) ]
      optimizer: "Adam(0.1)" { clipnorm: 1 } train: { epochs = 3 } }"""
    last: Analysis | None = None
    for end in range(0, len(text) + 1, 3):
        last = analyse(Source("model.neural", text[:end]), last)
        assert "E0901" not in [told.code for told in last.diagnostics]
        macros = {m.name.text: m for m in last.program.macros} if last.program else {}
        cursor = cursor_at(text, end)
        assert cursor.start + len(cursor.word) == end
        list(offers(cursor, macros))
        for place in range(0, end, 11):
            hover(last, place)
            navigation.references(last, place)
        navigation.outline(last)
        navigation.foldings(last)
