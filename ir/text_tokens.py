"""The words and marks that the text form is made of.

In: a text. Out: `Tokens`, which steps through it; blanks and comments (from `#` to the end of the
line) are passed over after each token.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TypeVar

from .text_print import PATH, WORD

_BLANK = re.compile(r"(?:\s+|#[^\n]*)*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_INTEGER = re.compile(r"-?\d+")

T = TypeVar("T")


class GraphTextError(ValueError):
    """Text that is no graph; the message begins with line and column."""


class Tokens:
    """A place in a text. What `accept` finds it steps over; what `expect` misses is an error."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.blank()

    def several(self, one: Callable[[], T]) -> list[T]:
        found = [one()]
        while self.accept(","):
            found.append(one())
        return found

    def until(self, end: str, one: Callable[[], T]) -> list[T]:
        """Items separated by commas, of which one may stand behind the last, up to `end`."""
        found: list[T] = []
        while not self.accept(end):
            found.append(one())
            if not self.accept(","):
                self.expect(end)
                break
        return found

    def word(self) -> str:
        return self.string() if self.at('"') else self.match(WORD, "a name")

    def path(self) -> str:
        return self.string() if self.at('"') else self.match(PATH, "a path")

    def string(self) -> str:
        text = self.match(_STRING, "a string")
        try:
            return str(json.loads(text, strict=False))
        except ValueError as error:
            raise self.error(f"not a string: {text}") from error

    def integer(self) -> int:
        return int(self.match(_INTEGER, "a whole number"))

    def match(self, pattern: re.Pattern[str], what: str) -> str:
        found = pattern.match(self.text, self.position)
        if found is None:
            raise self.error(f"expected {what}")
        self.position = found.end()
        self.blank()
        return found[0]

    def at(self, mark: str) -> bool:
        return self.text.startswith(mark, self.position)

    def accept(self, mark: str) -> bool:
        if not self.at(mark):
            return False
        self.position += len(mark)
        self.blank()
        return True

    def accept_word(self, word: str) -> bool:
        found = WORD.match(self.text, self.position)
        return bool(found and found[0] == word) and self.accept(word)

    def expect(self, mark: str) -> None:
        if not self.accept(mark):
            raise self.error(f"expected {mark!r}")

    def end(self) -> None:
        if self.position != len(self.text):
            raise self.error("expected the end of the text")

    def blank(self) -> None:
        found = _BLANK.match(self.text, self.position)
        assert found is not None
        self.position = found.end()

    def error(self, message: str) -> GraphTextError:
        before = self.text[: self.position]
        line, column = before.count("\n") + 1, self.position - (before.rfind("\n") + 1) + 1
        found = self.text[self.position : self.position + 20].split("\n")[0]
        return GraphTextError(f"{line}:{column}: {message} (at {found!r})")
