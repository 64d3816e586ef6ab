"""The formatter: layout, comments, idempotence, and files that stay as they are."""

from __future__ import annotations

import re
import time
from pathlib import Path

import neuralc
import pytest
from drawn_programs import comments, programs_drawn, tokens
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from neuralc.compiler.formatting.comments import with_comments
from neuralc.compiler.formatting.concrete import lexemes_of
from neuralc.compiler.formatting.formatter import formatted
from neuralc.compiler.formatting.meaning import same_program
from neuralc.compiler.syntax.parser import parse
from neuralc.compiler.syntax.source import Source
from neuralc.ir.diagnostic import CompileError, ExitStatus

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
        ("A('x', 'a\"b', 'it\\'s')", "A(\"x\", 'a\"b', 'it\\'s')\n"),
        ("Dense(2*(3+1), use_bias=True)", "Dense(2 * (3 + 1), use_bias=true)\n"),
        ("A((3,),(3,4,),( 3 ),NONE)", "A((3,), (3, 4), (3), None)\n"),
        ("A(-  3 - 4)", "A(-3 - 4)\n"),
        ("define B(n=2,){Dense($n)}", "define B(n=2) { Dense($n) }\n"),
        ("network N{input:784 layers:Dense(3)}",
         "network N {\n  input: (784,)\n  layers:\n    Dense(3)\n}\n"),
        ("network N{input:(none,28,) layers:[Dense(3),Dense(4),]}",
         "network N {\n  input: (None, 28)\n  layers:\n    Dense(3)\n    Dense(4)\n}\n"),
        ("network N{layers:Dense(3) input:{a:(3) b:shape[2,2]}}",
         "network N {\n  layers:\n    Dense(3)\n  input: { a: (3,), b: (2, 2) }\n}\n"),
        ("input:[(1),[2,3],],", "input: [(1,), (2, 3)]\n"),
        ("input: a:(3) b:4 layers: A", "input:\n  a: (3,)\n  b: (4,)\nlayers:\n  A\n"),
        ("layers:[]", "layers:\n"),
        ("loss:mse layers:A", "loss: mse\nlayers:\n  A\n"),
        ("define M{A}network N{layers:A}",
         "define M { A }\n\nnetwork N {\n  layers:\n    A\n}\n"),
        ("train:{epochs=3;batch_size:4}", "train { epochs: 3, batch_size: 4 }\n"),
        ("train{\nepochs=3\n\n\nbatch_size:4}", "train {\n  epochs: 3\n\n  batch_size: 4\n}\n"),
        ("loss:{a:1,b:'x' @'cpu'}", 'loss: { a: 1, b: "x", @"cpu" }\n'),
        ("loss:F({a:1,b:'x'\n})", 'loss: F(\n  {\n    a: 1\n    b: "x"\n  },\n)\n'),
        ("A{B()}", "A { B() }\n"),
        ("A{B() C()}", "A {\n  B()\n  C()\n}\n"),
        ("A{\nB()}", "A {\n  B()\n}\n"),
        ("x:{A()}y:{}C()", "x: { A() }\ny: {}\nC()\n"),
        ("A()\n\n\n\nB()", "A()\n\nB()\n"),
        ("A(HPO ( choice( 1,2 ) ))", "A(HPO(choice(1, 2)))\n"),
        ("optimizer: Adam(0.1){lr:3}", "optimizer: Adam(0.1) { lr: 3 }\n"),
        ("research R { a  b\n c }\nA()", "research R { a  b\n c }\n\nA()\n"),
        # Comments.
        ("# c\nA() // d", "# c\nA()  // d\n"),
        ("\n\n\n# c\n\n\nA", "# c\n\nA\n"),
        ("A # c\n\n\n# d", "A  # c\n\n# d\n"),
        ("A(1, # one\n2)", "A(\n  1,  # one\n  2,\n)\n"),
        ("A(1 # one\n, 2)", "A(\n  1,  # one\n  2,\n)\n"),
        ("A(1, 2 # two\n)", "A(\n  1,\n  2,  # two\n)\n"),
        ("A((1 # one\n))", "A(\n  (\n    1  # one\n  ),\n)\n"),
        ("A(\n# why\n1)", "A(\n  # why\n  1,\n)\n"),
        ("A(# why\n1)", "A(  # why\n  1,\n)\n"),
        ("A( # none\n)", "A(  # none\n)\n"),
        ("A(/* units */ 3)", "A(/* units */ 3)\n"),
        ("A(3 /* units */)", "A(3 /* units */)\n"),
        ("A(units # why\n= 3)", "A(\n  units  # why\n      =3,\n)\n"),
        ("A{\n# only\n}", "A {\n  # only\n}\n"),
        ("A { # none\n}", "A {  # none\n}\n"),
        ("A, /* on b */ B", "A\n/* on b */ B\n"),
        ("A /* on a */, B", "A /* on a */\nB\n"),
        ("A # a\n, B", "A  # a\nB\n"),
        ("loss:{a:1 /* on a */, /* on b */ b:2}", "loss: { a: 1 /* on a */, /* on b */ b: 2 }\n"),
        ("A\n\n  /* x\n   * y\n   */\nB", "A\n\n/* x\n * y\n */\nB\n"),
        ("A\n/* x\n * y */ B", "A\n/* x\n * y */\nB\n"),
        ("layers:\n  /* x\n   * y */ A\n   # of A\n  // of none",
         "layers:\n  /* x\n   * y */\n  A\n  # of A\n// of none\n"),
        ("network N{\n layers:\n  A\n  # of A\n # of N\n}",
         "network N {\n  layers:\n    A\n    # of A\n  # of N\n}\n"),
    ],
)  # fmt: skip
def test_the_layout(before: str, after: str) -> None:
    assert fmt(before) == after
    assert fmt(after) == after


def test_the_examples_are_in_the_layout() -> None:
    for path in sorted(ROOT.glob("examples/**/*.neural")):
        text = path.read_text("utf-8")
        assert fmt(text) == text, path


def test_the_example_of_the_page() -> None:
    page = (ROOT / "docs" / "editors.md").read_text("utf-8")
    before, after = re.findall(r"```neural\n# \w+\n(.*?)```", page, re.DOTALL)
    assert fmt(before) == after


def test_what_does_not_fit_is_broken_one_a_line() -> None:
    assert fmt("Dense(units=128, activation='relu', use_bias=true)", 40) == (
        'Dense(\n  units=128,\n  activation="relu",\n  use_bias=true,\n)\n'
    )
    assert fmt("Dense(HPO(choice(100000, 200000, 300000)))", 30) == (
        "Dense(\n  HPO(choice(\n    100000,\n    200000,\n    300000,\n  )),\n)\n"
    )
    # What follows the brackets counts, up to where the line can end.
    assert fmt("Layer(a=1, b=2) * 10", 20) == "Layer(a=1, b=2) * 10\n"
    assert fmt("Layer(a=1, b=2) * 100", 20) == "Layer(\n  a=1,\n  b=2,\n) * 100\n"
    # Outer brackets first; inner ones stay in one line where they fit then.
    assert fmt("Outer(Inner(a=1, b=2), 333)", 22) == "Outer(\n  Inner(a=1, b=2),\n  333,\n)\n"
    # Braces are broken before the brackets in front of them.
    assert fmt("define M(a, b=2) { Dense(units=$a * $b) }", 30) == (
        "define M(a, b=2) {\n  Dense(units=$a * $b)\n}\n"
    )
    assert fmt("A(aaaa, bbbb) {\nDense(3) }", 15) == "A(aaaa, bbbb) {\n  Dense(3)\n}\n"
    assert fmt("A(aaaa, bbbb) { Dense(units=3) }", 14) == (
        "A(\n  aaaa,\n  bbbb,\n) {\n  Dense(\n    units=3,\n  )\n}\n"
    )
    # Nothing between brackets is nothing to break.
    assert fmt("AbsolutelyNothing()", 18) == "AbsolutelyNothing()\n"
    # A comment at the end of a line breaks nothing by its length.
    assert fmt("Layer(a=1)  # " + "long " * 20, 20) == "Layer(a=1)  # " + ("long " * 20)[:-1] + "\n"


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_every_program_keeps_its_meaning_and_its_comments(number: int) -> None:
    """`formatted` itself refuses a result that is another program, or not stable."""
    for line_length in (88, 30):
        text = fmt(PROGRAMS[number], line_length)
        assert fmt(text, line_length) == text


def holds(text: str, line_length: int) -> str:
    """The formatted text, after a look at all that is promised of it."""
    once = fmt(text, line_length)
    assert fmt(once, line_length) == once
    assert same_program(parse(Source("p", text)), parse(Source("p", once)))
    assert comments_of(once) == comments_of(text)
    assert "\n\n\n" not in once
    assert not re.search(r"[ \t]\n", once)
    return once


_COMMENT = re.compile(
    r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"|\'[^\'\\\n]*(?:\\.[^\'\\\n]*)*\''
    r"|((?:#|//)[^\n]*|/\*[^*]*\*+(?:[^/*][^*]*\*+)*/)"
)


def comments_of(text: str) -> list[str]:
    """The comments in order, blanks in them left out."""
    return ["".join(m[1].split()) for m in _COMMENT.finditer(text) if m[1]]


@settings(max_examples=100, deadline=None)
@given(programs_drawn(), st.sampled_from([20, 40, 88]))
def test_programs_of_every_form(text: str, line_length: int) -> None:
    assume(_parses(text))
    once = holds(text, line_length)
    if "research" not in text and "\\" not in text:
        # One line for each word: what is kept of the lines is which braces have more than one.
        loose = holds("\n".join(tokens(text)), line_length)
        assert loose == holds("\n".join(tokens(once)), line_length)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_comments_may_stand_anywhere(data: st.DataObject) -> None:
    """Between any two tokens, of all three kinds."""
    text = data.draw(programs_drawn())
    assume("research" not in text and "\\" not in text and _parses(text))
    words = tokens(text)
    for _ in range(data.draw(st.integers(1, 4))):
        words.insert(data.draw(st.integers(0, len(words))), data.draw(comments))
    holds(" ".join(words), data.draw(st.sampled_from([20, 88])))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_comments_may_stand_anywhere_in_programs_of_the_repository(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(PROGRAMS))
    places = [word.start for word in lexemes_of(text)]
    for place in data.draw(st.lists(st.sampled_from(places), max_size=6).map(sorted))[::-1]:
        text = f"{text[:place]}{data.draw(comments)}{text[place:]}"
    holds(text, data.draw(st.sampled_from([30, 88])))


def test_every_character_belongs_to_a_word_a_comment_or_is_blank() -> None:
    for text in PROGRAMS:
        position = 0
        for word in lexemes_of(text):
            between = _COMMENT.sub("", text[position : word.start])
            assert not between.strip()
            position = word.end
        kept = with_comments(text, lexemes_of(text))
        assert kept[-1].kind == "END"


def test_a_result_that_would_be_another_program_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from neuralc.compiler.formatting import formatter

    for wrong in ("Dense(9)\n", "Dense( 8)\n", "Dense(8\n", "Dense(8)  # c\n"):
        monkeypatch.setattr(formatter, "laid_out", lambda text, words, length, wrong=wrong: (
            wrong if text == "Dense( 8 )" else "Dense(8)\n"
        ))  # fmt: skip
        with pytest.raises(CompileError, match="E0520") as told:
            fmt("Dense( 8 )")
        assert told.value.status is ExitStatus.COMPILER_FAULT


def test_a_result_that_no_compiler_would_read_is_refused() -> None:
    nested = "A(" * 190 + "1" * 20 + ")" * 190 + "\n"
    with pytest.raises(CompileError, match="E0104"):
        fmt(nested * 30)


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


def test_line_ends_of_the_first_line_decide(place: Path) -> None:
    (place / "a.neural").write_bytes(b"A\r\nB\nC")
    assert run(["a.neural"]) == 0
    assert (place / "a.neural").read_bytes() == b"A\r\nB\r\nC\r\n"
    assert run(["--check", "a.neural"]) == 0
    (place / "b.neural").write_bytes(b"A\rB\rC")
    assert run(["b.neural"]) == 0
    assert (place / "b.neural").read_bytes() == b"A\nB\nC\n"


@pytest.mark.parametrize(
    "piece",
    ["Dense(8, activation='relu') # c\n", "/* c */ Dense(3) ", "A([1, {a: 1, b: (2)}])\n",
     "A /* a\n */ ", "A(" * 60 + "1" + ")" * 60 + "\n", "A { B C } * 2 @'cpu' "],
)  # fmt: skip
def test_time_grows_with_the_length(piece: str) -> None:
    """Also in one long line, and where the same brackets are looked at in many depths."""
    times = []
    for length in (2_000, 16_000):
        source = Source("p", piece * (length // len(piece)))
        start = time.process_time()
        formatted(source)
        times.append(time.process_time() - start)
    assert times[1] < 8 * 2.5 * times[0] + 0.05
