"""Wrong programs: what is said about them, and where.

In the programs below `⟦` and `⟧` enclose the text that the error must underline, `⟪…⟫` that of its
first label; an empty pair is a place between characters.
"""

from __future__ import annotations

import pytest
from neuralc.compiler.syntax.parser import MAX_SYNTAX_ERRORS, parse, parse_expression
from neuralc.compiler.syntax.source import Source
from neuralc.ir.codes import CODES
from neuralc.ir.diagnostic import CompileError, Diagnostic, ExitStatus
from neuralc.ir.span import Span

MARKS = "⟦⟧⟪⟫"


def errors_of(text: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(CompileError) as caught:
        parse(Source("t", text))
    assert caught.value.status is ExitStatus.WRONG_PROGRAM
    assert all(d.code in CODES for d in caught.value.diagnostics)
    return caught.value.diagnostics


def unmarked(marked: str) -> tuple[str, dict[str, int]]:
    """The program without its marks, and the offset of each."""
    text, places = "", {}
    for char in marked:
        if char in MARKS:
            places[char] = len(text)
        else:
            text += char
    return text, places


GOLDEN = [
    # brackets
    ("network A { input: (3) layers: Dense⟦(⟧10 ⟪}⟫", "E0105", "`(` of `Dense` is never closed"),
    ("network A { input: ⟦(⟧3 ⟪layers⟫: Dense(10) }", "E0105", "this `(` is never closed"),
    ("network A ⟦{⟧ input: (3)⟪⟫\n", "E0105", "`{` of network `A` is never closed"),
    ("network A ⟦{⟧ layers: ReLU\n⟪network⟫ B { input: (3) }", "E0105", "of network `A` is never"),
    ("network A { layers: a: ⟦{⟧ ReLU ⟪loss⟫: x }", "E0105", "this `{` is never closed"),
    ("Dense⟦(⟧1⟪⟫", "E0105", "never closed"),
    ("Dense⟪(⟫10⟦]⟧", "E0106", "`(` is closed by `]`"),
    ("network A { layers: Dense(10)⟦)⟧ }", "E0106", "`)` closes nothing"),
    ("network A { } ⟦}⟧", "E0106", "`}` closes nothing"),
    ("network A { layers: ⟪[⟫Dense(3) ⟦)⟧ }", "E0106", "`[` is closed by `)`"),
    # text
    ('Dense(10, activation=⟦"relu)⟧\nReLU()', "E0107", "string is not closed"),
    ("Dense(10) ⟦/*⟧ more", "E0108", "comment is never closed"),
    ("Dense(10) ⟦%⟧", "E0109", "stray character `%`"),
    ("Dense(activation=⟦“⟧relu”)", "E0109", "LEFT DOUBLE QUOTATION MARK"),
    ("Dense(units=⟦$⟧)", "E0109", "stray character `$`"),
    ("Dense(⟦10abc⟧)", "E0116", "`10abc` is not a number"),
    ("Dense(⟦1.2.3⟧)", "E0116", "`1.2.3` is not a number"),
    ("Dense(⟦1e999⟧)", "E0116", "too large"),
    # names and keywords
    ("⟦netwrok⟧ A { input: (3) layers: Dense(10) }", "E0112", "`netwrok` is no keyword"),
    ("⟦netwrok⟧ A { layers: Dense(10) }", "E0112", "`netwrok` is no keyword"),
    ("⟦Network⟧ A { loss: x }", "E0112", "`Network` is no keyword"),
    ("network ⟦{⟧ input: (3) }", "E0113", "`network` needs a name, found `{`"),
    ('network ⟦"A"⟧ { }', "E0113", "needs a name"),
    ("network⟦⟧", "E0113", "found the end of the file"),
    ("network A { ⟦inptu⟧: (3) }", "E0112", "`inptu` is no section"),
    ("network A { layers: ReLU ⟦optimiser⟧: Adam() }", "E0112", "`optimiser` is no section"),
    ("network A { layers: ReLU ⟦trian⟧ { epochs: 3 } }", "E0112", "`trian` is no section"),
    ("network A { ⟦Dense⟧(3) }", "E0110", "expected a section, found `Dense`"),
    ("network A { ⟦network⟧ B { } }", "E0110", "cannot stand within a network"),
    # sections
    ("network A { ⟪loss⟫: x ⟦loss⟧: y }", "E0114", "second section `loss`"),
    ("network A { ⟪input⟫: 3 ⟦inputs⟧: (4) }", "E0114", "second section `inputs`"),
    ("network A { ⟪train⟫ { } ⟦training⟧ { } }", "E0114", "second section `training`"),
    ("input: 3 ⟦input⟧: 4", "E0114", "second section `input`"),
    ("network A { input ⟦(⟧3) }", "E0110", "expected `:` after `input`"),
    ("network A { train: ⟦5⟧ }", "E0110", "`train` is a block of settings"),
    ("network A { layers: a: ⟪{⟫ ⟦loss⟧: x } }", "E0110", "cannot stand within a block"),
    ("network A { input: ⟦layers⟧: Dense(1) }", "E0120", "a shape is missing after `input:`"),
    ("loss:⟦⟧", "E0120", "a value is missing after `loss:`"),
    # shapes
    ("network A { input: ⟦()⟧ }", "E0119", "at least one dimension"),
    ("network A { input: (⟦3.5⟧) }", "E0119", "whole number, not 3.5"),
    ("network A { input: (3⟪⟫ ⟦4⟧) }", "E0111", "a comma is missing before `4`"),
    ("input: ⟦{}⟧ ReLU", "E0119", "no input"),
    # layers and values
    ("Dense(1⟪⟫ ⟦2⟧)", "E0111", "a comma is missing before `2`"),
    ('Dense(units=10⟪⟫\n  ⟦activation⟧="relu")', "E0111", "comma is missing before `activation`"),
    ("Dense(units ⟦10⟧)", "E0110", "expected `=` or `,` after `units`"),
    ("Dense(units=⟦)⟧", "E0120", "a value is missing after `units=`"),
    ("Dense(10,⟦,⟧)", "E0110", "nothing stands between two commas"),
    ("Dense ⟦10⟧", "E0110", "expected a layer or `(` after `Dense`"),
    ("Dense(1) *⟦⟧", "E0120", "a value is missing after `*`"),
    ("Dense(1) * ⟪⟫2 ⟦* 3⟧", "E0115", "second repetition"),
    ("Residual ⟪{ }⟫ ⟦{ }⟧", "E0115", "second block"),
    ("Dense(1) @⟦cpu⟧", "E0110", "device is written in quotes"),
    ("network A { layers: ⟦left⟧: Dense(1) }", "E0117", "neither a section nor a branch"),
    ("loss: x ⟦foo⟧: (3)", "E0117", "neither a section nor a branch"),
    ("optimizer: Adam(HPO(⟦chioce⟧(1, 2)))", "E0118", "`chioce` is no kind of open choice"),
    ("optimizer: Adam(HPO(⟦1⟧))", "E0118", "expected a kind of open choice, found `1`"),
    ("train { a: 3 ⟦4⟧ }", "E0110", "expected a setting"),
]


@pytest.mark.parametrize(("marked", "code", "words"), GOLDEN, ids=[g[0] for g in GOLDEN])
def test_wrong_program(marked: str, code: str, words: str) -> None:
    text, places = unmarked(marked)
    diagnostic, *others = errors_of(text)
    source = Source("t", text)
    assert others == []
    assert (diagnostic.code, words in diagnostic.message) == (code, True), diagnostic.message
    assert diagnostic.span == source.span(places["⟦"], places["⟧"])
    if places.get("⟪") != places.get("⟫") or (code != "E0115" and "⟪" in places):
        assert diagnostic.labels[0].span == source.span(places["⟪"], places["⟫"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("netwrok A { loss: x }", "did you mean `network`?"),
        ("network A { layer: ReLU }", "did you mean `layers`?"),
        ('network "A" { }', "network A"),
        ("Dense(units 10)", "`units=10`"),
        ("Dense 10", "`Dense(10)`"),
        ("Dense(10_000)", "10000"),
        ("Dense(activation=“relu”)", "straight quotes"),
        ("network A { Dense(3) }", "`layers:`"),
        ("train: 5", "`train { … }`"),
        ("Dense(1) @cpu", '@"cpu"'),
    ],
)
def test_help_carries_the_mend(text: str, words: str) -> None:
    assert words in (errors_of(text)[0].help or "")


# ---- several errors ------------------------------------------------------------------------


def test_errors_apart_are_told_in_one_run() -> None:
    found = errors_of(
        """network A {
  input: (3)
  layers:
    Dense(10 20)
    Dense(5)
    Dense(
      units=3
      activation="relu"
    )
    Residual { Dense(3,,) ReLU }
    Dense 7
  loss: "a"
  loss: "b"
  train {
    epochs 5
    batch_size: 16
  }
}
network B {
  layers: Dense(x=)
}
"""
    )
    assert [(d.code, d.span and d.span.line) for d in found] == [
        ("E0111", 4), ("E0111", 8), ("E0110", 10), ("E0110", 11), ("E0114", 13), ("E0110", 15),
        ("E0120", 20),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "network A {\n  input:\n  layers:\n    Dense(1)\n}",
        "network A {\n  optimizer:\n    Adam(1 2)\n  loss: mse\n}",
        "network A {\n  layers:\n    Dense(1 2) *\n    3\n}",
        "network\n{\n  layers: Dense(1)\n}",
        "network A {\n  layers:\n    Dense(10\n    Dense(20)\n  loss: mse\n}",
    ],
)
def test_no_error_follows_from_another(text: str) -> None:
    assert len(errors_of(text)) == 1


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Dense(1 2)\nDense(3 4)\n", [1, 2]),
        ("network A {\n  layers:\n    Dense(“relu”)\n    Dense(1,, 2)\n}", [3, 4]),
        ("network A {\n  input = 3\n  layers\n    Dense(1 2)\n}", [2, 3, 4]),
        ("network A {\n  layers:\n    Dense(1\n    Dense(2)\n    Dense(1 2)\n}", [3, 5]),
        ("network A {\n  layers:\n    Dense(1 2)\n\nnetwork B {\n  loss 3\n}", [1, 3, 6]),
        ("network A {\n  Dense(1)\n  Dense(2)\n  train {\n    a 3\n  }\n}", [2, 5]),
        ('network A {\n  layers:\n    Dense("a)\n    Dense(1 2)\n}', [3, 4]),
    ],
)
def test_reading_goes_on_behind_what_can_be_repaired(text: str, lines: list[int]) -> None:
    assert [d.span and d.span.line for d in errors_of(text)] == lines


def test_number_of_errors_is_bounded() -> None:
    text = "network A {\n  layers:\n" + "    Dense(1 2)\n" * 100 + "}"
    assert len(errors_of(text)) == MAX_SYNTAX_ERRORS


# ---- hostile texts -------------------------------------------------------------------------


def test_nesting_limit() -> None:
    assert parse(Source("t", "R{" * 200 + "}" * 200)).fragments
    for text in ("R{" * 201 + "}" * 201, "R{" * 10_000, "Dense(" + "(" * 10_000):
        (found,) = errors_of(text)
        assert found.code == "E0102"
    assert errors_of("R{" * 201)[0].span == Span("t", 1, 402, 1, 403)


def test_operators_count_as_nesting() -> None:
    assert parse_expression("1+" * 199 + "1")
    for text in ("1+" * 5000 + "1", "(" * 50 + "1" + "+1+1+1+1)" * 50 + "+1"):
        with pytest.raises(CompileError) as caught:
            parse_expression(text)
        assert caught.value.diagnostics[0].code == "E0102"


def test_long_tokens_are_cut_in_messages() -> None:
    for text in ("Dense(" + "1" * 50_000 + "x)", "network A { " + "x" * 50_000 + " }"):
        (found,) = errors_of(text)
        assert len(found.message) < 200


def test_errors_in_a_value() -> None:
    for text in ("", "  # c", "Adam(", "1 2", "a: 1"):
        with pytest.raises(CompileError) as caught:
            parse_expression(text)
        assert caught.value.diagnostics[0].code.startswith("E01")
