"""A slice of the mix at each run of the tests, and every text that was ever judged wrong.

The whole is `make fuzz`; docs/fuzzing.md says what is in the mix.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from judge import judge
from mutations import SHARES, Mutator

FOLDER = Path(__file__).parent
COUNT = 1_500
SLACK = 4.0
"""The tests run beside each other on whatever machine."""


@pytest.fixture(scope="module")
def mutator() -> Mutator:
    return Mutator.of_corpus()


def test_the_shares_are_all_there_is() -> None:
    assert sum(SHARES.values()) == pytest.approx(1.0)


def test_the_same_number_is_the_same_text(mutator: Mutator) -> None:
    assert mutator.text(7, 42) == Mutator.of_corpus().text(7, 42)
    assert {mutator.text(7, n)[0] for n in range(400)} == set(SHARES)


@pytest.mark.parametrize("part", range(3))
def test_no_text_breaks_a_promise(mutator: Mutator, part: int) -> None:
    for number in range(part * COUNT // 3, (part + 1) * COUNT // 3):
        _, text = mutator.text(20261124, number)
        assert judge(text, SLACK).wrong == "", (number, text)


@pytest.mark.parametrize(
    "path", sorted((FOLDER / "found").glob("*.txt")), ids=lambda path: path.stem
)
def test_what_was_once_wrong_is_right(path: Path) -> None:
    text = path.read_bytes().decode("utf-8", "surrogatepass")
    assert judge(text, SLACK).wrong == ""


def test_the_judge_sees_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that cannot fail would prove nothing."""
    import judge as module
    from neuralc.ir.diagnostic import Diagnostic, Severity
    from neuralc.ir.span import Span

    def said(*told: Diagnostic) -> str:
        monkeypatch.setattr(module, "check_program", lambda source, options: ([], list(told)))
        return judge("Dense(3)\n").wrong

    here = Span("fuzz", 1, 1, 1, 6)
    assert said(Diagnostic("E0201", Severity.ERROR, "m", here)) == ""
    assert "registered" in said(Diagnostic("E9999", Severity.ERROR, "m", here))
    assert "line" in said(Diagnostic("E0201", Severity.ERROR, "m", Span("fuzz", 3, 1, 3, 2)))
    assert "column" in said(Diagnostic("E0201", Severity.ERROR, "m", Span("fuzz", 1, 12, 1, 13)))

    def fails(source: object, options: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(module, "check_program", fails)
    assert judge("Dense(3)").wrong.startswith("KeyError")
    monkeypatch.undo()
    monkeypatch.setattr(module, "SECONDS", -1.0)
    assert "allowed" in judge("Dense(3)").wrong
