"""Programs as documents: where each construct may be broken, and what stands between its tokens.

In: the tokens of a program that can be parsed. Out: the pieces of a `Doc`. The grammar is walked by
the tokens alone, so that every comment has a place.
"""

from __future__ import annotations

from collections.abc import Callable

from ..syntax.vocabulary import BLOCK_SECTIONS, SECTIONS
from .document import BLANK, HARD, SOFT, SPACE, Behind, Doc, Group, IfBroken, Indent
from .tokens import Token

_LITERALS = {"true", "false", "none"}


class Printer:
    """Walks the tokens once, from the first to the last."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.last = tokens[0]
        self.was_block = False

    # ---- tokens -------------------------------------------------------------------------------

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    def peek(self, offset: int = 1) -> str:
        index = min(self.at + offset, len(self.tokens) - 1)
        return self.tokens[index].text

    def take(self, text: str | None = None) -> list[Doc]:
        """The next token, printed as `text` where that is given, with the comments around it. Those
        in front of it wait for the end of the line unless `above` has taken them."""
        token = self.next
        self.at += 1
        self.last = token
        found: list[Doc] = []
        for comment in token.before:
            found += [Behind(comment.text)] if comment.ends_line else [comment.text, " "]
        found.append(_plain(token) if text is None else text)
        found += self._behind(token)
        return found

    def drop(self) -> list[Doc]:
        """The comments of a token that is left out."""
        token = self.next
        self.at += 1
        long = [each for each in token.before if "\n" in each.text]
        self.next.before = [*long, *self.next.before]
        loose = [Behind(each.text) for each in token.before if each not in long]
        return [*loose, *self._behind(token)]

    def _behind(self, token: Token) -> list[Doc]:
        return [Behind(each.text) for each in token.after]

    def above(self) -> list[Doc]:
        """The comments in front of the next token, each on a line of its own."""
        token = self.next
        found: list[Doc] = []
        for index, comment in enumerate(token.before):
            if index and comment.blank_before:
                found.append(BLANK)
            elif index:
                found.append(HARD)
            found.append(comment.text)
        if found:
            found.append(HARD)
        token.before = []
        return found

    # ---- declarations -------------------------------------------------------------------------

    def program(self) -> list[Doc]:
        found: list[Doc] = []
        while self.next.kind != "end":
            is_block = self._declares()
            if found:
                found.append(
                    BLANK if self.next.blank_before or is_block or self.was_block else HARD
                )
            self.was_block = is_block
            found += self.above()
            found += self._declaration() if is_block else self._piece(SECTIONS)
        if self.next.before:
            if found:
                found.append(BLANK if self.next.blank_before else HARD)
            rest = self.above()
            found += rest[:-1]
        return found

    def _declares(self) -> bool:
        word, then = self.next.text, self.peek()
        if word in ("network", "define", "macro"):
            return then not in ("(", "{", ":", "*", "@")
        return word == "research" and (
            self.tokens[self.at + 1].kind in ("research",) or self.peek(1).isidentifier()
        )

    def _declaration(self) -> list[Doc]:
        word = self.next.text
        found = [*self.take(), " ", *self.take()]
        if word == "research":
            if self.next.kind == "research" and self.last.kind != "research":
                found += [" ", *self.take()]
            return found
        if word == "network":
            return [*found, " ", *self._braces(lambda: self._piece(SECTIONS), keep_flat=False)]
        if self.next.text == "(":
            found += self._list("(", ")", self._parameter)
        return [*found, " ", *self._braces(self._item, keep_flat=True)]

    def _parameter(self) -> list[Doc]:
        found = self.take()
        if self.next.text == "=":
            found += self.take()
            found += self.expression()
        return found

    def _piece(self, sections: tuple[str, ...]) -> list[Doc]:
        """A section of a network, or a bare layer."""
        word, then = self.next.text, self.peek()
        if word in sections:
            if word in BLOCK_SECTIONS and then in (":", "{"):
                return self._settings_section()
            if then == ":":
                return self._section(word)
        if then == ":" and self.peek(2) != "{":
            return [*self.take(), *self.take(), " ", *self._shape()]
        return self._item()

    def _section(self, word: str) -> list[Doc]:
        found = [*self.take(), *self.take()]
        if word in ("input", "inputs"):
            return [*found, " ", *self._inputs()]
        if word == "layers":
            return [*found, *self._layers()]
        found += [" ", *self.expression()]
        if word == "optimizer" and self.next.text == "{":
            found += [" ", *self._settings()]
        return found + self._separator()

    def _settings_section(self) -> list[Doc]:
        found = self.take()
        if self.next.text == ":":
            found += self.drop()
        return [*found, " ", *self._settings(), *self._separator()]

    def _separator(self) -> list[Doc]:
        return self.drop() if self.next.text in (",", ";") else []

    # ---- inputs -------------------------------------------------------------------------------

    def _inputs(self) -> list[Doc]:
        if self.next.text == "{":
            return [*self._braces(self._named_input, keep_flat=True), *self._separator()]
        if self.next.kind == "name" and self.next.text != "shape" and self.peek() == ":":
            found: list[Doc] = self._named_input()
            while self.next.kind == "name" and self.peek() == ":" and not self._ends_layers():
                found += [HARD, *self.above(), *self._named_input()]
            return [Indent((HARD, *found))] if HARD in found else found
        if self.next.text == "[" and self.peek() in ("(", "[", "shape"):
            found = self._list("[", "]", self._shape)
            return [*found, *self._separator()]
        found = self._shape()
        while self.next.text == "," and self.peek() in ("(", "[", "shape"):
            found += [*self.take(), " ", *self._shape()]
        return found + self._separator()

    def _named_input(self) -> list[Doc]:
        return [*self.take(), *self.take(), " ", *self._shape(), *self._separator()]

    def _shape(self) -> list[Doc]:
        """`(28, 28, 1)`; one axis is `(784,)`."""
        dropped: list[Doc] = []
        if self.next.text == "shape" and self.peek() in ("(", "["):
            dropped = self.drop()
        if self.next.kind == "number":
            token = self.take()
            return [*dropped, "(", *token, ",)"]
        found = [*dropped, *self.take("(")]
        axes: list[list[Doc]] = []
        while self.next.text not in (")", "]"):
            axis = self.take()
            if self.last.text == "-":
                axis += self.take()
            if self.next.text == ",":
                axis += self.drop()
            axes.append(axis)
        for index, axis in enumerate(axes):
            found += [*([", "] if index else []), *axis]
        return [*found, *([","] if len(axes) == 1 else []), *self.take(")")]

    # ---- layers -------------------------------------------------------------------------------

    def _layers(self) -> list[Doc]:
        """The items below `layers:`, each on a line of its own, brackets around them left out."""
        found: list[Doc] = []
        bracketed = self.next.text == "["
        if bracketed:
            found += self.drop()
        while self.next.kind != "end" and self.next.text not in ("]", "}"):
            if not bracketed and self._ends_layers():
                break
            found.append(BLANK if self.next.blank_before and found else HARD)
            found += [*self.above(), *self._item()]
        if bracketed:
            found += [*self.drop(), *self._separator()]
        return [Indent(tuple(found))]

    def _ends_layers(self) -> bool:
        word, then = self.next.text, self.peek()
        if word in SECTIONS:
            return then == ":" or (word in BLOCK_SECTIONS and then == "{")
        return self._declares()

    def _item(self) -> list[Doc]:
        if self.peek() == ":":
            found = [*self.take(), *self.take(), " ", *self._braces(self._item, keep_flat=True)]
            return found + self._separator()
        found = self.take()
        if self.next.text == "(":
            found += self._list("(", ")", self._argument)
        while self.next.text in ("{", "*", "@"):
            if self.next.text == "{":
                found += [" ", *self._braces(self._item, keep_flat=True)]
            elif self.next.text == "*":
                found += [" ", *self.take(), " ", *self._atom()]
            else:
                found += [" ", *self.take(), *self.take()]
        return found + self._separator()

    def _argument(self) -> list[Doc]:
        if self.next.kind == "name" and self.peek() in ("=", ":"):
            return [*self.take(), *self.take("="), *self.expression()]
        return self.expression()

    # ---- values -------------------------------------------------------------------------------

    def expression(self) -> list[Doc]:
        found = self._atom()
        while self.next.text in ("+", "-", "*", "/"):
            found += [" ", *self.take(), " ", *self._atom()]
        return found

    def _atom(self) -> list[Doc]:
        match self.next.text:
            case "-":
                return [*self.take(), *self.take()]
            case "{":
                return self._settings()
            case "[":
                return self._list("[", "]", self.expression)
            case "(":
                return self._list("(", ")", self.expression, is_tuple=True)
        found = self.take()
        if self.last.kind == "name" and self.next.text == "(":
            # `HPO(…)` holds one call, behind which the language has no comma.
            only = self.last.text == "HPO"
            found += self._list("(", ")", self._argument, comma=not only)
        return found

    def _settings(self) -> list[Doc]:
        return self._braces(self._entry, keep_flat=True, comma=True)

    def _entry(self) -> list[Doc]:
        if self.next.text == "@":
            return [*self.take(), *self.take(), *self._separator()]
        return [*self.take(), *self.take(":"), " ", *self.expression(), *self._separator()]

    def _list(
        self,
        opening: str,
        closing: str,
        element: Callable[[], list[Doc]],
        is_tuple: bool = False,
        comma: bool = True,
    ) -> list[Doc]:
        """Elements between brackets: in one line, or each in its own with a comma behind it."""
        found = self.take(opening)
        parts: list[Doc] = []
        count, written = 0, False
        while self.next.text != closing:
            if count:
                parts += [",", SPACE]
            parts += [*self.above(), *element()]
            count += 1
            written = self.next.text == ","
            if written:
                parts += self.drop()
        inside = self.above()[:-1]
        if not count and not inside:
            return [*found, *self.take()]
        one = is_tuple and count == 1
        # `(x)` is x, so a comma must not come in; `(x,)` is a tuple, so it must stay.
        end: list[Doc] = (
            [","] if one and written else [] if one or not (count and comma) else [IfBroken(",")]
        )
        if inside:
            end += [HARD, *inside]
        shut, behind = self._shut(closing)
        return [Group((*found, Indent((SOFT, *parts, *end)), SOFT, *shut)), *behind]

    def _braces(
        self, element: Callable[[], list[Doc]], *, keep_flat: bool, comma: bool = False
    ) -> list[Doc]:
        """A block: in one line where it was written in one and fits, else a line each."""
        line = self.next.line
        found = self.take()
        parts: list[Doc] = []
        gaps: list[bool] = []
        elements: list[list[Doc]] = []
        while self.next.text != "}":
            gaps.append(self.next.blank_before and bool(elements))
            elements.append([*self.above(), *element()])
        flat = keep_flat and self.next.line == line
        for index, each in enumerate(elements):
            if index and flat:
                parts += [IfBroken("", ","), SPACE] if comma else [SPACE]
            elif index:
                parts.append(BLANK if gaps[index] else HARD)
            parts += each
        inside = self.above()[:-1]
        if inside:
            parts += [*([HARD] if parts else []), *inside]
        if not parts:
            return [*found, *self.take()]
        shut, behind = self._shut("}")
        if not flat:
            return [*found, Indent((HARD, *parts)), HARD, *shut, *behind]
        return [Group((*found, Indent((SPACE, *parts)), SPACE, *shut)), *behind]

    def _shut(self, closing: str) -> tuple[list[Doc], list[Doc]]:
        """A closing bracket, and apart from it the comments behind it, which break nothing."""
        behind = self._behind(self.next)
        self.next.after = []
        return self.take(closing), behind


def _plain(token: Token) -> str:
    """A token in its canonical spelling."""
    if token.kind == "name" and token.text.lower() in _LITERALS:
        return token.text.lower()
    if token.kind == "string" and token.text[0] == "'":
        inner = token.text[1:-1]
        if '"' not in inner and "\\" not in inner:
            return f'"{inner}"'
    return token.text
