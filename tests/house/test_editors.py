"""What editors and documents get: the Pygments lexer and the grammar for VS Code.

Both are held against the vocabulary of the language and every program of this project.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import neuralc
import pytest
from drawn_programs import comments, programs_drawn, tokens
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from neuralc.compiler.highlighting.lexer import NeuralLexer
from neuralc.compiler.syntax.parser import parse
from neuralc.compiler.syntax.source import Source
from neuralc.compiler.syntax.value_builder import HPO_KINDS
from neuralc.compiler.syntax.vocabulary import DECLARATIONS, SECTIONS
from neuralc.ir.diagnostic import CompileError
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Error, Keyword, Name, Number, Punctuation, String

ROOT = Path(neuralc.__file__).parent
VSCODE = ROOT / "editors" / "vscode"
GRAMMAR = json.loads((VSCODE / "syntaxes" / "neural.tmLanguage.json").read_text("utf-8"))


def programs() -> list[str]:
    found = [path.read_text("utf-8") for path in sorted(ROOT.glob("examples/**/*.neural"))]
    found += [path.read_text("utf-8") for path in sorted(ROOT.glob("tests/**/*.neural"))]
    for page in sorted(ROOT.glob("docs/**/*.md")):
        found += re.findall(r"```neural mended[^\n]*\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    return found


@pytest.mark.parametrize("text", programs())
def test_the_lexer_knows_every_token_of_every_program(text: str) -> None:
    tokens = list(NeuralLexer().get_tokens(text))
    assert not [token for token in tokens if token[0] is Error]
    assert "".join(content for _, content in tokens).strip("\n") == text.strip("\n")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_lexer_knows_every_token_of_programs_in_every_form(data: st.DataObject) -> None:
    text = data.draw(programs_drawn())
    if "research" not in text and "\\" not in text:
        words = tokens(text)
        words.insert(data.draw(st.integers(0, len(words))), data.draw(comments))
        text = " ".join(words)
    try:
        parse(Source("p", text))
    except CompileError:
        assume(False)
    read = list(NeuralLexer().get_tokens(text))
    assert not [token for token in read if token[0] is Error]
    assert "".join(content for _, content in read).strip("\n") == text.strip("\n")


@pytest.mark.parametrize(
    "text",
    ["research{ a? }", "research R { a? }", "research # c\n R\n{ a? { ! } }", "research {?}"],
)
def test_the_body_of_a_research_block_is_any_text(text: str) -> None:
    read = list(NeuralLexer().get_tokens(text))
    assert not [token for token in read if token[0] is Error]
    assert read[0] == (Keyword.Declaration, "research")
    assert Name not in [kind for kind, _ in read]


@pytest.mark.parametrize("text", ['"\\', "a ", "a:", "/*", "research{", "research R"])
def test_the_lexer_takes_linear_time_for_broken_programs(text: str) -> None:
    start = time.process_time()
    list(NeuralLexer().get_tokens(text * (100_000 // len(text))))
    assert time.process_time() - start < 5


def test_a_string_without_an_end_ends_with_its_line() -> None:
    read = list(NeuralLexer().get_tokens("A('b\nC(3)"))
    assert (Error, "\n") in read
    assert read[-4:-1] == [(Punctuation, "("), (Number.Integer, "3"), (Punctuation, ")")]


def test_what_the_tokens_are() -> None:
    text = (
        'network Net { # c\n input: (28, 28) layers: Dense(8, activation="relu") * 2 '
        "left: { Block(n=$m) } train { epochs: 1e3 } } research R { free # text\n } "
        "optimizer: Adam(HPO(log_range(1, None)))"
    )
    kinds = {content: kind for kind, content in NeuralLexer().get_tokens(text)}
    assert kinds["network"] is kinds["research"] is Keyword.Declaration
    assert kinds["Net"] is Name.Class
    assert all(kinds[word] is Keyword.Reserved for word in ("input", "layers", "train"))
    assert kinds["Dense"] is kinds["Block"] is Name.Function
    assert kinds["activation"] is kinds["epochs"] is Name.Attribute
    assert kinds["left"] is Name.Label
    assert kinds["$m"] is Name.Variable
    assert kinds["relu"] in String
    assert kinds["1e3"] is Number.Float
    assert kinds["None"] is Keyword.Constant
    assert kinds["HPO"] is kinds["log_range"] is Keyword.Pseudo
    assert kinds["# c"] in Comment


def test_pygments_finds_the_lexer_by_its_name() -> None:
    """By the entry point, which is there once the package is installed."""
    assert isinstance(get_lexer_by_name("neural"), NeuralLexer)


def rules(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, list):
        return [rule for each in node for rule in rules(each)]
    if isinstance(node, dict):
        return [node, *(rule for each in node.values() for rule in rules(each))]
    return []


def pattern(text: str) -> re.Pattern[str]:
    """An expression of the grammar as Python reads it; its letters and digits are Unicode's."""
    return re.compile(
        text.replace(r"[\p{L}_][\p{L}\p{N}_]*", r"[^\W\d]\w*").replace(r"[\p{L}\p{N}_]", r"\w")
    )


def test_the_grammar_for_vs_code_has_the_words_of_the_language() -> None:
    words = {
        word
        for rule in rules(GRAMMAR)
        for text in (rule.get("match"), rule.get("begin"))
        if isinstance(text, str)
        for word in re.findall(r"[a-zA-Z_]{3,}", text.replace(r"\b", " "))
    }
    assert {*DECLARATIONS, *SECTIONS, *HPO_KINDS, "HPO", "true", "false", "none"} <= words
    assert words <= {*DECLARATIONS, *SECTIONS, *HPO_KINDS, "HPO", "true", "false", "none"}


def test_the_expressions_of_the_grammar_match_what_they_name() -> None:
    named = {
        rule["name"].split(".neural")[0]: pattern(rule.get("match") or rule["begin"])
        for rule in rules(GRAMMAR)
        if "name" in rule and ("match" in rule or "begin" in rule)
    }
    for name, text in {
        "comment.line.number-sign": "# a",
        "comment.line.double-slash": "// a",
        "comment.block": "/* a",
        "keyword.control.section": "lr_schedule: x",
        "keyword.other.choice": "int_range(1, 2)",
        "constant.language": "None",
        "variable.parameter": "$größe",
        "constant.numeric": ".5e-3",
        "entity.name.label": "left: {",
        "variable.other.member": "units=3",
        "entity.name.function.layer": "Dense (",
        "string.quoted.double": '"x',
    }.items():
        assert named[name].match(text), name
    assert not named["keyword.control.section"].match("loss(3)")
    assert not named["entity.name.label"].match("left: 3")


def test_the_extension_names_files_that_are_there() -> None:
    told = json.loads((VSCODE / "package.json").read_text("utf-8"))
    paths = [told["main"], *(each["path"] for each in told["contributes"]["grammars"])]
    paths += [each["configuration"] for each in told["contributes"]["languages"]]
    assert all((VSCODE / path).is_file() for path in paths)
    assert told["contributes"]["grammars"][0]["scopeName"] == GRAMMAR["scopeName"]
    assert told["contributes"]["configuration"]["properties"]["neural.command"]["default"] == [
        "neural",
        "lsp",
    ]


def test_an_apostrophe_within_a_word_opens_no_string() -> None:
    tokens = list(NeuralLexer().get_tokens("research R { it's what we don't know 'yet' }"))
    assert "".join(text for kind, text in tokens if kind in String) == "'yet'"
    single = next(
        pattern(rule["begin"]) for rule in rules(GRAMMAR)
        if rule.get("name") == "string.quoted.single.neural"
    )  # fmt: skip
    assert single.search("it's") is None
    assert single.search("x='s'") is not None
