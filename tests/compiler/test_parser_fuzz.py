"""Whatever the text: a Program or a CompileError that can be rendered, and nothing else."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from neuralc.compiler.messages.render import render, render_json
from neuralc.compiler.syntax.ast import Program
from neuralc.compiler.syntax.ast_text import print_ast
from neuralc.compiler.syntax.parser import parse
from neuralc.compiler.syntax.source import Source
from neuralc.ir.codes import CODES
from neuralc.ir.diagnostic import CompileError

EXAMPLES = [
    path.read_text() for path in sorted((Path(__file__).parents[2] / "examples").rglob("*.neural"))
]
PIECES = [
    *"{}()[]:;,=@+-*/$%\"'\\#.\n\t ", "//", "/*", "*/", "network", "define", "macro", "research",
    "input", "inputs", "layers", "loss", "metrics", "lr_schedule", "optimizer", "train", "training",
    "execution", "execute", "hpo", "HPO", "shape", "true", "None", "x", "Dense", "$n", "3", "1e-4",
    "1.5.2", '"s"', "'", "\x00", "é", "日", "\ud800", "\u2028", "choice(1, 2)", "a: {", "b: (3)",
    " * 2", '@"cpu"', "(3, 4)", "[3]",
]  # fmt: skip


def outcome(text: str) -> Program | CompileError:
    try:
        return parse(Source("t", text))
    except CompileError as error:
        return error


def check(text: str) -> None:
    found = outcome(text)
    if isinstance(found, Program):
        assert print_ast(found).startswith("Program")
        return
    assert found.diagnostics
    for diagnostic in found.diagnostics:
        assert diagnostic.code in CODES
        span = diagnostic.span
        if span is not None:
            assert (span.line, span.column) <= (span.end_line, span.end_column)
            assert span.end_line <= text.count("\n") + text.count("\r") + 1
    assert render(found.diagnostics, {"t": text}).encode("utf-8")
    assert render_json(found.diagnostics)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(PIECES), max_size=40).map(" ".join))
def test_words_of_the_language_in_any_order(text: str) -> None:
    check(text)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_any_text(text: str) -> None:
    check(text)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_programs(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(EXAMPLES))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 12)))
        text = text[:start] + data.draw(st.sampled_from(["", *PIECES])) + text[end:]
    check(text)
