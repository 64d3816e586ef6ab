"""What stays known of a document while parts of it are wrong."""

from __future__ import annotations

from typing import Any

from neuralc.compiler.language_server import analysis as module
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
