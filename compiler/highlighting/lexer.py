"""A Pygments lexer for programs: `pygmentize -l neural model.neural`, code blocks of documents.

In: a text, a right program or not. Out: tokens of the kinds that Pygments has. Registered as an
entry point, so that Pygments finds it by the name `neural` and the ending `.neural`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pygments.lexer import RegexLexer, bygroups, include, words
from pygments.token import (
    Comment,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Text,
    Whitespace,
)

from ..syntax.value_builder import HPO_KINDS
from ..syntax.vocabulary import SECTIONS


class NeuralLexer(RegexLexer):  # type: ignore[misc]
    """Tokens of a program."""

    name = "Neural"
    aliases: ClassVar[list[str]] = ["neural"]
    filenames: ClassVar[list[str]] = ["*.neural"]
    mimetypes: ClassVar[list[str]] = ["text/x-neural"]

    tokens: ClassVar[dict[str, Any]] = {
        "blanks": [
            (r"\s+", Whitespace),
            (r"(#|//)[^\n]*", Comment.Single),
            (r"/\*", Comment.Multiline, "comment"),
        ],
        "comment": [
            (r"[^*]+", Comment.Multiline),
            (r"\*/", Comment.Multiline, "#pop"),
            (r"\*", Comment.Multiline),
        ],
        "research": [
            (r"\{", Punctuation, "#push"),
            (r"\}", Punctuation, "#pop"),
            (r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"' r"|'[^'\\\n]*(?:\\.[^'\\\n]*)*'", String),
            (r"(#|//)[^\n]*", Comment.Single),
            (r"/\*", Comment.Multiline, "comment"),
            (r"[^{}\"'#/]+|.", Text),
        ],
        "root": [
            include("blanks"),
            (
                r"(research)(\s+)([^\W\d]\w*)?(\s*)(\{)",
                bygroups(Keyword.Declaration, Whitespace, Name.Class, Whitespace, Punctuation),
                "research",
            ),
            (
                r"(network|define|macro)(\s+)([^\W\d]\w*)",
                bygroups(Keyword.Declaration, Whitespace, Name.Class),
            ),
            (words(SECTIONS, suffix=r"(?=\s*[:{])"), Keyword.Reserved),
            (r"(HPO)(\s*)(?=\()", bygroups(Keyword.Pseudo, Whitespace)),
            (words(HPO_KINDS, suffix=r"(?=\s*\()"), Keyword.Pseudo),
            (r"(?i:true|false|none)\b", Keyword.Constant),
            (r"\$[^\W\d]\w*", Name.Variable),
            (r"[^\W\d]\w*(?=\s*:(?!\s*\{))", Name.Attribute),
            (r"[^\W\d]\w*(?=\s*:)", Name.Label),
            (r"[^\W\d]\w*(?=\s*=)", Name.Attribute),
            (r"[^\W\d]\w*(?=\s*[({])", Name.Function),
            (r"[^\W\d]\w*", Name),
            (r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][+-]?[0-9]+", Number.Float),
            (r"[0-9]*\.[0-9]+|[0-9]+\.", Number.Float),
            (r"[0-9]+", Number.Integer),
            (r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"', String.Double),
            (r"'[^'\\\n]*(?:\\.[^'\\\n]*)*'", String.Single),
            (r"@", Name.Decorator),
            (r"[-+*/=]", Operator),
            (r"[{}()\[\]:;,]", Punctuation),
        ],
    }
