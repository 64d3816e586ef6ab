"""The formatter: layout, comments, idempotence, and files that stay as they are."""

from __future__ import annotations

import random
import re
from pathlib import Path

import neuralc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neuralc.compiler.formatting.formatter import formatted
from neuralc.compiler.formatting.tokens import tokenize
from neuralc.compiler.syntax.parser import parse
from neuralc.compiler.syntax.source import Source
from neuralc.ir.diagnostic import CompileError

ROOT = Path(neuralc.__file__).parent


def programs() -> list[str]:
    """Every program of this project that can be parsed: files, and blocks of its pages."""
    found = [path.read_text("utf-8") for path in sorted(ROOT.glob("examples/**/*.neural"))]
    found += [path.read_text("utf-8") for path in sorted(ROOT.glob("tests/**/*.neural"))]
    for page in sorted([*ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/diagnostics/*.md")]):
        found += re.findall(r"```neural[^\n]*\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    return [text for text in found if _parses(text)]


def _parses(text: str) -> bool:
    try:
        parse(Source("p", text))
    except CompileError:
        return False
    return True


PROGRAMS = programs()


def fmt(text: str, line_length: int = 88) -> str:
    return formatted(Source("p", text), line_length)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Dense( 8 )", "Dense(8)\n"),
        ("Dense(8,'relu');Dense(4)", 'Dense(8, "relu")\nDense(4)\n'),
        ("Dense(units:8)*3@'cpu'", 'Dense(units=8) * 3 @"cpu"\n'),
        ("Dense(8, name='say \"x\"')", "Dense(8, name='say \"x\"')\n"),
        ("Dense(2*(3+1), use_bias=True)", "Dense(2 * (3 + 1), use_bias=true)\n"),
        ("Lambda((3,))", "Lambda((3,))\n"),
        ("A(-3 - 4)", "A(-3 - 4)\n"),
        ("define B(n=2,){Dense($n)}", "define B(n=2) { Dense($n) }\n"),
        ("network N{input:784 layers:Dense(3)}",
         "network N {\n  input: (784,)\n  layers:\n    Dense(3)\n}\n"),
        ("network N{input:(None,28,) layers:[Dense(3),Dense(4),]}",
         "network N {\n  input: (none, 28)\n  layers:\n    Dense(3)\n    Dense(4)\n}\n"),
        ("network N{layers:Dense(3) input:{a:(3) b:shape[2,2]}}",
         "network N {\n  layers:\n    Dense(3)\n  input: { a: (3,) b: (2, 2) }\n}\n"),
        ("train:{epochs=3;batch_size:4}", "train { epochs: 3, batch_size: 4 }\n"),
        ("train{\nepochs=3\n\n\nbatch_size:4}", "train {\n  epochs: 3\n\n  batch_size: 4\n}\n"),
        ("A{B() C()}", "A { B() C() }\n"),
        ("A{\nB() C()}", "A {\n  B()\n  C()\n}\n"),
        ("x:{A()}y:{}C()", "x: { A() }\ny: {}\nC()\n"),
        ("A()\n\n\n\nB()", "A()\n\nB()\n"),
        ("# c\nA() // d", "# c\nA()  // d\n"),
        ("A(1, # one\n2)", "A(\n  1,  # one\n  2,\n)\n"),
        ("A(\n# why\n1)", "A(\n  # why\n  1,\n)\n"),
        ("A{\n# only\n}", "A {\n  # only\n}\n"),
        ("research R { a  b\n c }\nA()", "research R { a  b\n c }\n\nA()\n"),
        ("optimizer: Adam(0.1){lr:3}", "optimizer: Adam(0.1) { lr: 3 }\n"),
        ("A(HPO(choice(1,2)))", "A(HPO(choice(1, 2)))\n"),
    ],
)  # fmt: skip
def test_the_layout(before: str, after: str) -> None:
    assert fmt(before) == after
    assert fmt(after) == after


def test_what_does_not_fit_is_broken_one_a_line() -> None:
    assert fmt("Dense(units=128, activation='relu', use_bias=true)", 40) == (
        'Dense(\n  units=128,\n  activation="relu",\n  use_bias=true,\n)\n'
    )
    assert fmt("Dense(HPO(choice(100000, 200000, 300000)))", 30) == (
        "Dense(\n  HPO(\n    choice(\n      100000,\n      200000,\n      300000,\n    )\n  ),\n)\n"
    )


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_every_program_keeps_its_meaning_and_its_comments(number: int) -> None:
    """`formatted` itself refuses a result that is another program, or not stable."""
    for line_length in (88, 30):
        text = fmt(PROGRAMS[number], line_length)
        assert fmt(text, line_length) == text


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(PROGRAMS) - 1), st.integers(0, 2**32))
def test_comments_may_stand_anywhere(number: int, seed: int) -> None:
    """Between any two tokens, of all three kinds."""
    dice = random.Random(seed)
    text = PROGRAMS[number]
    pieces = [token.text for token in tokenize(text)]
    comments = ["# one\n", "// two\n", "/* three */", "/* four\n   lines */", "\n# five\n", "\n\n"]
    written = []
    for index, piece in enumerate(pieces):
        written.append(piece)
        if dice.random() < 0.15 and pieces[index - 1 : index] != ["research"]:
            written.append(dice.choice(comments))
    source = " ".join(written)
    if _parses(source):
        result = fmt(source, dice.choice([88, 40]))
        for word in ("one", "two", "three", "four", "five"):
            inside = sum(
                c.text.count(word) for t in tokenize(source) for c in (*t.before, *t.after)
            )
            after = sum(c.text.count(word) for t in tokenize(result) for c in (*t.before, *t.after))
            assert inside == after


def test_a_result_that_would_be_another_program_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from neuralc.compiler.formatting import formatter

    for wrong in ("Dense(9)\n", "Dense(8)", "Dense(8\n", "Dense(8)  # c\n"):
        monkeypatch.setattr(formatter, "_laid_out", lambda text, length, wrong=wrong: (
            wrong if text == "Dense( 8 )" else "Dense(8)\n"
        ))  # fmt: skip
        with pytest.raises(CompileError, match="E0520"):
            fmt("Dense( 8 )")


def run(arguments: list[str]) -> int:
    from neuralc.compiler.cli import guard, neural

    return int(guard.run(neural.command, ["fmt", *arguments], "neural"))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_files_are_rewritten_and_only_where_they_change(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ugly, fine = place / "a.neural", place / "sub" / "b.neural"
    fine.parent.mkdir()
    ugly.write_text("Dense( 8 )")
    ugly.chmod(0o640)
    fine.write_text("Dense(8)\n")
    assert run(["--check", "."]) == 1
    assert "a.neural: not formatted" in capsys.readouterr().err
    assert ugly.read_text() == "Dense( 8 )"
    assert run(["--diff", "."]) == 0
    assert "+Dense(8)" in capsys.readouterr().out
    assert ugly.read_text() == "Dense( 8 )"
    before = fine.stat().st_mtime_ns
    assert run(["."]) == 0
    assert ugly.read_text() == "Dense(8)\n"
    assert ugly.stat().st_mode & 0o777 == 0o640
    assert fine.stat().st_mtime_ns == before
    assert run(["--check", "."]) == 0


def test_a_program_with_errors_stays_as_it_is_and_others_are_formatted(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "a.neural").write_text("Dense( 8")
    (place / "b.neural").write_text("Dense( 8 )")
    assert run(["a.neural", "b.neural"]) == 1
    assert "E0105" in capsys.readouterr().err
    assert (place / "a.neural").read_text() == "Dense( 8"
    assert (place / "b.neural").read_text() == "Dense(8)\n"
    assert run(["missing.neural"]) == 3


def test_line_ends_and_the_byte_order_mark_are_kept(place: Path) -> None:
    (place / "a.neural").write_bytes("\ufeffDense( 8 )\r\nDense(4)\r\n".encode())
    assert run(["a.neural"]) == 0
    assert (place / "a.neural").read_bytes() == "\ufeffDense(8)\r\nDense(4)\r\n".encode()


def test_a_long_program_takes_linear_time() -> None:
    import time

    times = []
    for count in (500, 4000):
        source = Source("p", "Dense(8, activation='relu') # c\n" * count)
        start = time.process_time()
        formatted(source)
        times.append(time.process_time() - start)
    assert times[1] < 8 * 2.5 * times[0]
