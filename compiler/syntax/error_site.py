"""The surroundings of a place where parsing stopped.

In: the text, its brackets, an offset in it. Out: an `ErrorSite`, which answers what is found there
and which tokens and open brackets stand before it, and makes diagnostics that point at tokens.

The tokens here are coarser than the parser's, and every text has them: one that no terminal of the
grammar matches is `malformed` (a number with letters in it) or `stray` (any other character).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ...ir.diagnostic import Diagnostic, Fix, Label, Severity
from ...ir.span import Span
from .brackets import BracketScan
from .source import Source
from .vocabulary import quoted

TOKEN = re.compile(
    r"""
      (?P<blank>\s+|\#[^\n]*|//[^\n]*|/\*[^*]*\*+(?:[^/*][^*]*\*+)*/)
    | (?P<string>"[^"\\\n]*(?:\\.[^"\\\n]*)*"|'[^'\\\n]*(?:\\.[^'\\\n]*)*')
    | (?P<malformed>(?:\d+\.?|\.\d+)[\w.]*(?:(?<=[eE])[+-]\w+)?)
    | (?P<word>\$?[^\W\d]\w*)
    | (?P<mark>[(){}\[\]:;,=@+\-*/])
    | (?P<stray>.)
    """,
    re.VERBOSE | re.DOTALL,
)
NUMBER = re.compile(r"(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(frozen=True)
class ErrorSite:
    """The place where the parser stopped, and what is around it."""

    source: Source
    text: str
    scan: BracketScan
    offset: int
    accepts: frozenset[str]

    @cached_property
    def found(self) -> Token | None:
        """The token at the place; None at the end of the file."""
        match = TOKEN.match(self.text, self.offset)
        if match is None:
            return None
        kind = match.lastgroup or "stray"
        if kind == "malformed" and NUMBER.fullmatch(match[0]):
            kind = "number"
        return Token(kind, match[0], match.start())

    @cached_property
    def before(self) -> list[Token]:
        """All tokens before the place."""
        return tokens(self.text[: self.offset])

    @cached_property
    def stack(self) -> list[int]:
        """The brackets that are open at the place, outermost first."""
        return self.scan.open_at(self.offset)

    @property
    def innermost(self) -> str:
        """The innermost open bracket, or nothing."""
        return self.text[self.stack[-1]] if self.stack else ""

    def last(self, back: int = 1) -> str:
        """The text of the token `back` tokens before the place, or nothing."""
        return self.before[-back].text if len(self.before) >= back else ""

    def words_before(self, offset: int) -> list[Token]:
        """The tokens before `offset`, which is before the place."""
        return [t for t in self.before if t.end <= offset]

    @property
    def found_text(self) -> str:
        # What stands behind the end was put there to read on.
        if self.found is None or self.found.start >= len(self.source.text.rstrip()):
            return "the end of the file"
        return quoted(self.found.text)

    @property
    def found_bare(self) -> str:
        """The text of the token at the place, or nothing."""
        return self.found.text if self.found else ""

    @property
    def starts_value(self) -> bool:
        """Whether the token at the place can begin a value."""
        found = self.found
        return found is not None and (
            found.kind in ("string", "number", "word") or found.text in ("(", "[", "{")
        )

    def error(
        self,
        code: str,
        message: str,
        token: Token | None,
        *labels: Label,
        help: str | None = None,
        fix: Fix | None = None,
    ) -> Diagnostic:
        """An error at `token`, or at the end of the text for None."""
        fixes = (fix,) if fix is not None else ()
        span = self.span(token)
        return Diagnostic(code, Severity.ERROR, message, span, labels, help=help, fixes=fixes)

    def fix(self, title: str, start: int, end: int, replacement: str) -> Fix:
        """The mend that replaces the text from offset `start` up to `end`."""
        return Fix(title, self.source.span(start, end), replacement)

    def span(self, token: Token | None) -> Span:
        """The place of `token`; for None, the end of the program."""
        if token is None:
            end = len(self.text.rstrip())
            return self.source.span(end, end)
        return self.source.span(token.start, token.end)

    def following(self, token: Token) -> str:
        """The text of the token behind `token`, or nothing."""
        match = TOKEN.match(self.text, token.end)
        while match and match.lastgroup == "blank":
            match = TOKEN.match(self.text, match.end())
        return match[0] if match else ""

    def label(self, start: int, end: int, message: str) -> Label:
        return Label(self.source.span(start, end), message)


def offset_of(text: str, error: Any) -> int:
    token = getattr(error, "token", None)
    if token is not None and token.type == "$END":
        return len(text)
    return int(error.pos_in_stream)


def tokens(text: str) -> list[Token]:
    return [
        Token(m.lastgroup or "stray", m[0], m.start())
        for m in TOKEN.finditer(text)
        if m.lastgroup != "blank"
    ]
