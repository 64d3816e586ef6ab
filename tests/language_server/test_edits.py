"""Renaming, references and formatting, as edits that leave the program right."""

from __future__ import annotations

import pytest
from neuralc.compiler.formatting.formatter import formatted
from neuralc.compiler.language_server import navigation
from neuralc.compiler.language_server.analysis import analyse
from neuralc.compiler.language_server.edits import Refused, applied, line_edits, renaming
from neuralc.compiler.syntax.source import Source

PROGRAM = """define Block(width, rate=0.1) {
  Dense($width, activation=relu)
  Dropout(rate)
}
define Other(width) { Block(width=$width, rate=0.2) }
network N {
  input: (4, 8)
  layers:
    TimeDistributed(block(width=3))
    Other(width=2)
    Output(2)
}
"""


def renamed(mark: str, name: str, text: str = PROGRAM) -> str:
    analysis = analyse(Source("model.neural", text))
    return applied(analysis.source, renaming(analysis, text.index(mark), name))


def test_a_parameter_is_renamed_where_calls_name_it() -> None:
    expected = (
        PROGRAM.replace("Block(width, ", "Block(size, ")
        .replace("Dense($width", "Dense($size")
        .replace("Block(width=$width", "Block(size=$width")
        .replace("block(width=3", "block(size=3")
    )
    assert renamed("width, rate", "size") == expected
    assert renamed("$width, activation", "$size") == expected
    assert renamed("width=3", "size") == expected
    assert analyse(Source("model.neural", expected)).figures.models


def test_a_macro_is_renamed_within_wrappers() -> None:
    expected = PROGRAM.replace("Block(", "Unit(").replace("block(", "Unit(")
    assert renamed("block(width=3", "Unit") == expected


@pytest.mark.parametrize(
    ("mark", "name"),
    [
        ("Block(", "Other"),
        ("Block(", "other"),
        ("Block(", "Dense"),
        ("Block(", "two words"),
        ("Block(", "1st"),
        ("Block(", ""),
        ("width, rate", "rate"),
        ("width, rate", "relu"),
        ("Output(2", "Thing"),
    ],
)
def test_a_name_that_would_break_the_program_is_refused(mark: str, name: str) -> None:
    with pytest.raises(Refused):
        renamed(mark, name)


def test_the_definition_of_a_named_argument_is_the_parameter() -> None:
    analysis = analyse(Source("model.neural", PROGRAM))
    span = navigation.definition(analysis, PROGRAM.index("width=3"))
    assert span is not None
    assert (span.line, span.column) == (1, 14)


@pytest.mark.parametrize("text", ["Dense( 8 )", "Dense(8)\n\n\n\nDense( 9 )\n\n", "\n\nDense(8)"])
def test_edits_by_lines_make_the_formatted_text(text: str) -> None:
    source = Source("model.neural", text)
    wanted = formatted(source)
    assert applied(source, line_edits(source, wanted)) == wanted
