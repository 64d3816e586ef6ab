"""The layout of diagnostics for terminals and programs."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from neuralc.compiler.messages.render import render, render_json
from neuralc.compiler.messages.source_line import MAX_WIDTH, show_line, width
from neuralc.ir.diagnostic import Diagnostic, Label, Severity
from neuralc.ir.span import Span

SOURCE = """network A {
  layers:
    Dense(10 20)
    ReLU()

    Add(a, b) * 2
    Dropout(
      0.5
    )
}"""


def at(line: int, column: int, end_column: int, end_line: int = 0, file: str = "a") -> Span:
    return Span(file, line, column, end_line or line, end_column)


def error(span: Span | None, *labels: Label, **rest: object) -> Diagnostic:
    return Diagnostic("E0110", Severity.ERROR, "it is wrong", span, labels, **rest)  # type: ignore[arg-type]


def shown(*diagnostics: Diagnostic, source: str = SOURCE) -> str:
    return render(diagnostics, {"a": source}, color=False)


def test_span_label_notes_and_help() -> None:
    text = shown(
        error(at(3, 14, 16), Label(at(3, 5, 10), "this layer"), notes=("a\nb", "c"), help="mend it")
    )
    assert text == (
        "error[E0110]: it is wrong\n"
        "  --> a:3:14\n"
        "   |\n"
        " 3 |     Dense(10 20)\n"
        "   |     -----    ^^\n"
        "   |     |\n"
        "   |     this layer\n"
        "   |\n"
        "   = note: a\n"
        "           b\n"
        "   = note: c\n"
        "   = help: mend it\n"
    )


def test_several_labels_in_one_line() -> None:
    text = shown(error(at(6, 5, 8), Label(at(6, 9, 10), "first"), Label(at(6, 12, 13), "second")))
    assert text.split("\n")[3:] == [
        " 6 |     Add(a, b) * 2",
        "   |     ^^^ -  - second",
        "   |         |",
        "   |         first",
        "",
    ]


def test_labels_in_other_lines_and_files() -> None:
    text = render(
        [
            error(
                at(6, 5, 8),
                Label(at(4, 5, 9), "near"),
                Label(at(1, 1, 8), "far"),
                Label(at(1, 2, 3, file="b"), "there"),
                Label(at(7, 1, 2, file="c"), "unknown text"),
            )
        ],
        {"a": SOURCE, "b": "xyz"},
    )
    assert text == (
        "error[E0110]: it is wrong\n"
        "  --> a:6:5\n"
        "   |\n"
        " 1 | network A {\n"
        "   | ------- far\n"
        "...\n"
        " 4 |     ReLU()\n"
        "   |     ---- near\n"
        " 5 |\n"
        " 6 |     Add(a, b) * 2\n"
        "   |     ^^^\n"
        "  ::: b:1:2\n"
        "   |\n"
        " 1 | xyz\n"
        "   |  - there\n"
        "  ::: c:7:1\n"
    )


def test_spans_over_lines() -> None:
    assert shown(error(at(7, 5, 6, end_line=9))).split("\n")[3:9] == [
        " 7 |     Dropout(",
        "   |     ^^^^^^^^",
        " 8 |       0.5",
        "   |       ^^^",
        " 9 |     )",
        "   |     ^",
    ]
    text = shown(error(at(1, 1, 2, end_line=10), Label(at(1, 1, 2, end_line=10), "all")))
    assert " 4 |     ReLU()\n   |     ^^^^^^ all\n" in text
    assert " 5 |" not in text


def test_without_a_place() -> None:
    text = shown(error(None, help="do this"), error(None))
    assert text == ("error[E0110]: it is wrong\n   = help: do this\n\nerror[E0110]: it is wrong\n")
    assert shown() == ""


def test_places_without_characters() -> None:
    end = shown(error(at(10, 2, 2), Label(at(99, 1, 5), "beyond the end")))
    assert " 10 | }\n    |  ^\n" in end
    assert "beyond the end" in end


def test_wide_characters_tabs_and_accents_keep_the_columns() -> None:
    text = shown(error(at(1, 6, 7)), source="\t日e\u0301\tx")
    line, markers = text.split("\n")[3:5]
    assert line == " 1 |     日e\u0301 x"
    assert markers == "   |         ^"


def test_nothing_in_a_source_is_obeyed_by_the_terminal() -> None:
    hostile = Diagnostic("E0110", Severity.ERROR, "no \x1b[2J\ud800", at(1, 3, 4))
    text = render([hostile], {"a": "\x1b[\u202ex\x07"})
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "␛[\ufffdx␇" in text
    assert text.encode("utf-8")
    name = render([error(at(1, 1, 2, file="\x1bn"))], {})
    assert "␛n:1:1" in name


def test_long_lines_are_cut_around_the_span() -> None:
    line = "".join(f"a{i}=1, " for i in range(1000))
    start = line.index("a500") + 1
    text = shown(error(at(1, start, start + 4), Label(at(1, 1, 3), "far left")), source=line)
    source, markers = text.split("\n")[3:5]
    assert len(source) < MAX_WIDTH + 20
    assert source[markers.index("^") :].startswith("a500")
    assert source.startswith(" 1 | …")
    assert source.endswith("…")
    assert markers.count("^") == 4


def test_colors() -> None:
    diagnostics = [error(at(3, 14, 16), Label(at(3, 5, 10), "this layer"), help="mend it")]
    plain = render(diagnostics, {"a": SOURCE})
    colored = render(diagnostics, {"a": SOURCE}, color=True)
    assert "\x1b[1;31merror[E0110]\x1b[0m" in colored
    assert "\x1b[1;31m^^\x1b[0m" in colored
    stripped = colored
    for escape in ("0", "1", "1;31", "1;34", "1;36"):
        stripped = stripped.replace(f"\x1b[{escape}m", "")
    assert stripped == plain


def test_severities() -> None:
    for severity in Severity:
        text = render([Diagnostic("W0001", severity, "so", None)], {})
        assert text == f"{severity.value}[W0001]: so\n"


def test_json() -> None:
    made = json.loads(render_json([error(at(3, 14, 16), Label(at(3, 5, 10), "x\ud800"))]))
    (diagnostic,) = made["diagnostics"]
    assert diagnostic["code"] == "E0110"
    assert diagnostic["span"] == {
        "file": "a", "line": 3, "column": 14, "end_line": 3, "end_column": 16,
    }  # fmt: skip
    assert diagnostic["labels"][0]["span"]["column"] == 5
    assert json.loads(render_json([])) == {"diagnostics": []}


@given(st.text(max_size=400), st.data())
def test_any_line_is_shown_within_bounds(line: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(1, len(line) + 1))
    end = data.draw(st.integers(start, len(line) + 1))
    made = show_line(line, start, end)
    assert len(made.starts) <= MAX_WIDTH + 1
    assert made.starts[-1] <= width(made.text)
    assert made.column(start) <= made.column(end)
    diagnostics = [error(at(1, start, end), Label(at(1, start, end), "label"))]
    for color in (False, True):
        text = render(diagnostics, {"a": line}, color=color)
        assert "^" in text
        assert "label" in text
