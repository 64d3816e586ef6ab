"""A Pygments lexer for programs: `pygmentize -l neural model.neural`, code blocks of documents.

In: a text, a right program or not. Out: tokens of the kinds that Pygments has. Registered as an
entry point, so that Pygments finds it by the name `neural` and the ending `.neural`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pygments.lexer import RegexLexer, bygroups, default, include, words
from pygments.token import (
    Comment,
    Error,
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
        # Strings are read piece by piece: one that is not closed takes no longer than others.
        "strings": [
            (r'"', String.Double, "double"),
            (r"'", String.Single, "single"),
        ],
        "double": [
            (r'[^"\\\n]+|\\.', String.Double),
            (r'"', String.Double, "#pop"),
            (r"\\?\n", Error, "#pop"),
        ],
        "single": [
            (r"[^'\\\n]+|\\.", String.Single),
            (r"'", String.Single, "#pop"),
            (r"\\?\n", Error, "#pop"),
        ],
        "research head": [
            include("blanks"),
            (r"[^\W\d]\w*", Name.Class),
            (r"\{", Punctuation, ("#pop", "research")),
            default("#pop"),
        ],
        "research": [
            (r"\{", Punctuation, "#push"),
            (r"\}", Punctuation, "#pop"),
            (r"(?<=\w)'(?=\w)", Text),
            include("strings"),
            (r"(#|//)[^\n]*", Comment.Single),
            (r"/\*", Comment.Multiline, "comment"),
            (r"[^{}\"'#/]+|.", Text),
        ],
        "root": [
            include("blanks"),
            (r"research\b(?!\s*[:=(])", Keyword.Declaration, "research head"),
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
            include("strings"),
            (r"@", Name.Decorator),
            (r"[-+*/=]", Operator),
            (r"[{}()\[\]:;,]", Punctuation),
        ],
    }
