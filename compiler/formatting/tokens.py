"""A program as tokens that know the comments around them.

In: the text of a program that can be parsed. Out: `Token` values, the last one an empty one at the
end. The body of a `research` block is one token, since it is kept as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""
      (?P<blank>\s+)
    | (?P<comment>\#[^\n]*|//[^\n]*|/\*[^*]*\*+(?:[^/*][^*]*\*+)*/)
    | (?P<string>"[^"\\\n]*(?:\\.[^"\\\n]*)*"|'[^'\\\n]*(?:\\.[^'\\\n]*)*')
    | (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w.]))
    | (?P<name>\$?[^\W\d]\w*)
    | (?P<mark>[{}()\[\]:;,=@+\-*/])
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Comment:
    """`own_line` is whether nothing stands before it in its line, `blank_before` whether a blank
    line does."""

    text: str
    own_line: bool
    blank_before: bool

    @property
    def ends_line(self) -> bool:
        """Whether nothing can follow it in its line."""
        return not self.text.startswith("/*")


@dataclass(slots=True)
class Token:
    """`before` are the comments in front of it, `after` those behind it in its line.
    `blank_before` is whether a blank line stands between it and what comes before."""

    kind: str
    text: str
    line: int
    before: list[Comment] = field(default_factory=list)
    after: list[Comment] = field(default_factory=list)
    blank_before: bool = False


def tokenize(text: str) -> list[Token]:
    """The tokens. Raises `ValueError` for a text that is no program."""
    tokens: list[Token] = []
    waiting: list[Comment] = []
    position, line = 0, 1
    last_line = 0
    newlines = 2
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"no token at {position}")
        piece, kind = match[0], match.lastgroup or ""
        position = match.end()
        if kind == "blank":
            newlines += piece.count("\n")
            line += piece.count("\n")
            continue
        if kind == "comment":
            comment = Comment(_tidy(piece), newlines > 0, newlines > 1)
            behind = bool(tokens) and not waiting and last_line == line
            if behind and "\n" not in piece and _ENDS.match(text, position):
                tokens[-1].after.append(comment)
            else:
                waiting.append(comment)
            line += piece.count("\n")
            last_line = line if behind else last_line
            newlines = 0
            continue
        blank = (waiting[0].blank_before if waiting else newlines > 1) and bool(tokens)
        tokens.append(Token(kind, piece, line, waiting, [], blank))
        waiting = []
        last_line = line
        newlines = 0
        if piece == "{" and _is_research(tokens):
            end = _closing(text, match.start())
            tokens[-1] = Token("research", text[match.start() : end], line, tokens[-1].before)
            line += text.count("\n", match.start(), end)
            last_line, position = line, end
    blank = waiting[0].blank_before if waiting else False
    tokens.append(Token("end", "", line, waiting, [], blank))
    return tokens


_ENDS = re.compile(
    r"[^\S\n]*(?:/\*[^*\n]*\*+(?:[^/*\n][^*\n]*\*+)*/[^\S\n]*)*(?:(?:\#|//)[^\n]*)?(?:\n|$)"
)
"""The rest of a line in which nothing but comments follows."""


def _tidy(comment: str) -> str:
    return "\n".join(part.rstrip() for part in comment.split("\n"))


def _is_research(tokens: list[Token]) -> bool:
    """Whether the brace that comes last opens the body of a `research` block."""
    words = [token.text for token in tokens[-3:-1]]
    return bool(words) and (words[-1] == "research" or (words[0] == "research" and len(words) > 1))


_BRACES = re.compile(
    r"""[{}]|"[^"\\\n]*(?:\\.[^"\\\n]*)*"|'[^'\\\n]*(?:\\.[^'\\\n]*)*'"""
    r"""|\#[^\n]*|//[^\n]*|/\*[^*]*\*+(?:[^/*][^*]*\*+)*/"""
)


def _closing(text: str, start: int) -> int:
    """The offset behind the brace that closes the one at `start`."""
    depth = 0
    for match in _BRACES.finditer(text, start):
        depth += (match[0] == "{") - (match[0] == "}")
        if depth == 0:
            return match.end()
    return len(text)
