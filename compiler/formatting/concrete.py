"""The concrete syntax of a program: every word of it, with its part in the layout.

In: a source that can be parsed. Out: its lexemes in order, none missing but separators that the
layout makes superfluous. The grammar is the one of the parser; its actions here note for each word
what stands before it (nothing, a blank, the beginning of a line) and which brackets it belongs to.

A method is named after its rule in `grammar.lark`; a rule without a method needs no more than the
blanks that its words bring.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..syntax.grammar_cache import run_parser
from .lexemes import Group, Lexeme

_GLUED = frozenset({"COMMA", "SEMICOLON", "COLON", "EQUAL"})
_SEPARATORS = frozenset({"COMMA", "SEMICOLON"})
_LITERALS = {"TRUE": "true", "FALSE": "false", "NONE": "None"}
_DECLARATIONS = ("network", "macro", "research")


@dataclass(slots=True, eq=False)
class Part:
    """What a rule was read from."""

    rule: str
    words: list[Word]
    first: Lexeme
    last: Lexeme


Word = Lexeme | Part


def lexemes_of(text: str) -> list[Lexeme]:
    """The words of `text`, which must be a program without syntax errors, in order; dropped ones
    among them."""
    builder: Any = _Builder(text)
    run_parser(text, "file", builder)
    return [builder.lexemes[start] for start in sorted(builder.lexemes)]


class _Builder:
    """Notes the layout of each rule as the parser reduces it, inner rules first."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lexemes: dict[int, Lexeme] = {}

    def __getattribute__(self, name: str) -> Any:
        own = object.__getattribute__(self, "__dict__")
        if name in own or name.startswith("_"):
            return object.__getattribute__(self, name)
        method = getattr(type(self), name, None)
        return lambda children: _reduced(self, name, children, method)

    # ---- layers ----------------------------------------------------------------------------

    def block(self, words: list[Word]) -> None:
        _braces(words)

    def layer_list(self, words: list[Word]) -> None:
        _drop([w for w in words if isinstance(w, Lexeme)])

    def device(self, words: list[Word]) -> None:
        _glue(words[1])

    # ---- inputs ----------------------------------------------------------------------------

    def shape(self, words: list[Word]) -> None:
        if _kind(words[0]) == "SHAPE":
            _drop(words[:1])
            words = words[1:]
        _lexeme(words[0]).text, _lexeme(words[-1]).text = "(", ")"
        self._list(words)
        closer = _lexeme(words[-1])
        closer.comma = sum(isinstance(word, Part) for word in words) == 1
        assert closer.closes is not None
        closer.closes.rigid = True

    def dim(self, words: list[Word]) -> None:
        _glue(*words[1:])

    def named_input(self, words: list[Word]) -> None:
        _as_shape(words[2])
        _drop(words[3:])

    def inputs_section(self, words: list[Word]) -> None:
        values = words[2:]
        if _rule(values[0]) == "named_input":
            _indent(words[1], values)
            return
        _as_shape(values[0])
        if _kind(values[0]) in ("LSQB", "LBRACE"):
            closer = max(i for i, w in enumerate(values) if _kind(w) in ("RSQB", "RBRACE"))
            brackets = values[: closer + 1]
            if _kind(values[0]) == "LSQB":
                self._list(brackets)
            else:
                _braces(brackets, commas=True)
        if _kind(values[-1]) in _SEPARATORS:
            _drop(values[-1:])

    fragment_inputs = inputs_section

    # ---- sections --------------------------------------------------------------------------

    def layers_section(self, words: list[Word]) -> None:
        items = [w for w in words[2:] if isinstance(w, Part)]
        _drop([w for w in words[2:] if _kind(w) in _SEPARATORS])
        if items and items[0].rule == "layer_list":
            items = [w for w in items[0].words if isinstance(w, Part)]
        _indent(words[1], items)

    fragment_layers = layers_section

    def block_section(self, words: list[Word]) -> None:
        _drop([w for w in words[1:] if _kind(w) == "COLON"])

    # ---- declarations ----------------------------------------------------------------------

    def network(self, words: list[Word]) -> None:
        _lines(words[2:])

    def macro(self, words: list[Word]) -> None:
        if _kind(words[2]) == "LPAR":
            _glue(words[2])
            self._list(words[2:-1])

    def parameter(self, words: list[Word]) -> None:
        _glue(*words[1:])

    def file(self, words: list[Word]) -> None:
        _drop([w for w in words if isinstance(w, Lexeme)])
        pieces = [w for w in words if isinstance(w, Part)]
        before: Part | None = None
        opener: Lexeme | None = None
        members: tuple[str, ...] = ()
        listed: list[Word] = []
        for piece in pieces:
            piece.first.begins_line = True
            piece.first.apart = before is not None and (
                before.rule in _DECLARATIONS or piece.rule in _DECLARATIONS
            )
            if piece.rule in members and opener is not None:
                listed.append(piece)
                before = piece
                continue
            if opener is not None:
                _indent(opener, listed)
            opener, listed = None, []
            if piece.rule == "fragment_layers" and len(piece.words) == 2:
                opener, members = piece.last, ("layer", "branch")
            elif piece.rule == "fragment_inputs" and _rule(piece.words[2]) == "named_input":
                # Indented by itself so far; further ones join it.
                opener, members = _lexeme(piece.words[1]), ("named_input",)
                opener.deeper, piece.last.deeper = 0, piece.last.deeper + 1
                listed = [piece.words[2]]
            before = piece
        if opener is not None:
            _indent(opener, listed)

    # ---- values ----------------------------------------------------------------------------

    def arguments(self, words: list[Word]) -> None:
        _glue(words[0])
        self._list(words)

    def argument(self, words: list[Word]) -> None:
        if len(words) == 3:
            _lexeme(words[1]).text = "="
            _glue(words[2])

    def number(self, words: list[Word]) -> None:
        _glue(*words[1:])

    def hpo(self, words: list[Word]) -> None:
        _glue(*words[1:])

    def group(self, words: list[Word]) -> None:
        self._list(words, ends_with_comma=False)

    def brackets(self, words: list[Word]) -> None:
        self._list(words)

    def parentheses(self, words: list[Word]) -> None:
        self._list(words)
        # `(x)` is x; the comma makes a tuple of it.
        items = sum(_kind(word) != "COMMA" for word in words[1:-1])
        _lexeme(words[-1]).comma = items == 1

    def settings(self, words: list[Word]) -> None:
        _braces(words, commas=True)

    def entry(self, words: list[Word]) -> None:
        if len(words) == 3:
            _lexeme(words[1]).text = ":"
        else:
            _glue(words[1])

    # ---- what rules have in common -----------------------------------------------------------

    def _list(self, words: Sequence[Word], *, ends_with_comma: bool = True) -> None:
        """Brackets around items with commas between them, and behind the last one where each has
        its own line."""
        opener, closer = _lexeme(words[0]), _lexeme(words[-1])
        if _kind(words[-2]) == "COMMA":
            _drop(words[-2:-1])
        items = [w for w in words[1:-1] if _kind(w) != "COMMA"]
        group = opener.opens = closer.closes = Group(rigid=not items)
        for number, item in enumerate(items):
            first = _first(item)
            first.group, first.space = group, " " if number else ""
        closer.group, closer.space = group, ""
        closer.broken_comma = bool(items) and ends_with_comma


def _reduced(
    builder: _Builder,
    rule: str,
    children: list[Any],
    method: Callable[[_Builder, list[Word]], None] | None,
) -> Word:
    """The action of a rule: what its children are as words, after `method` has looked at them."""
    if rule == "research_body":
        # Kept as it is written, line ends and all.
        start, end = children[0].start_pos, children[-1].end_pos
        for child in children:
            if isinstance(child, Lexeme):
                del builder.lexemes[child.start]
        body = Lexeme(builder.text[start:end], "RESEARCH_BODY", start, end, 0)
        builder.lexemes[start] = body
        return body
    words: list[Word] = []
    for child in children:
        if not isinstance(child, Lexeme | Part):
            start = child.start_pos
            space = "" if child.type in _GLUED else " "
            child = Lexeme(_spelled(child), child.type, start, child.end_pos, child.line, space)
            builder.lexemes[start] = child
        words.append(child)
    if not words:
        nothing = Lexeme("", rule, 0, 0, 0)
        return Part(rule, words, nothing, nothing)
    if method is not None:
        method(builder, words)
    kept = [w for w in words if not _first(w).dropped] or words
    return Part(rule, words, _first(kept[0]), _last(kept[-1]))


def _spelled(token: Any) -> str:
    """A token in its canonical spelling."""
    if token.type in _LITERALS:
        return _LITERALS[token.type]
    if token.type == "STRING" and token[0] == "'" and '"' not in token and "\\" not in token:
        return f'"{token[1:-1]}"'
    return str(token)


def _as_shape(word: Word) -> None:
    """`784` as `(784,)`."""
    if isinstance(word, Lexeme) and word.kind == "NUMBER":
        word.text = f"({word.text},)"


def _lines(words: Sequence[Word]) -> None:
    """Brackets around items of which each begins a line, whatever separators they had."""
    opener, closer = _lexeme(words[0]), _lexeme(words[-1])
    items = [w for w in words[1:-1] if isinstance(w, Part)]
    _drop([w for w in words[1:-1] if isinstance(w, Lexeme)])
    opener.opens = closer.closes = Group(hard=bool(items), rigid=not items)
    closer.space = ""
    for item in items:
        _first(item).begins_line = True
    closer.begins_line = bool(items)
    closer.group = closer.closes


def _braces(words: Sequence[Word], *, commas: bool = False) -> None:
    """Braces that stay in one line if they are written in one and fit: entries with `commas`
    between them, or a single layer. Else a line for each item, without separators."""
    opener, closer = _lexeme(words[0]), _lexeme(words[-1])
    items = [w for w in words[1:-1] if isinstance(w, Part)]
    if opener.line != closer.line or not items or (len(items) > 1 and not commas):
        _lines(words)
        return
    _drop([w for w in words[1:-1] if isinstance(w, Lexeme)])
    group = opener.opens = closer.closes = Group()
    for number, item in enumerate(items):
        first = _first(item)
        first.group, first.comma = group, commas and number > 0
    closer.group = group


def _indent(opener: Word, items: Sequence[Word]) -> None:
    """Items one level deeper than what stands before `opener`, with no brackets around them."""
    if not items:
        return
    for item in items:
        _first(item).begins_line = True
    last = _last(items[-1])
    _last(opener).deeper += 1
    last.deeper -= 1
    last.tail_of = _first(items[-1])


def _drop(words: Sequence[Word]) -> None:
    for word in words:
        _lexeme(word).dropped = True


def _glue(*words: Word) -> None:
    for word in words:
        _first(word).space = ""


def _kind(word: Word) -> str:
    return word.kind if isinstance(word, Lexeme) else ""


def _rule(word: Word) -> str:
    return word.rule if isinstance(word, Part) else ""


def _lexeme(word: Word) -> Lexeme:
    assert isinstance(word, Lexeme)
    return word


def _first(word: Word) -> Lexeme:
    return word if isinstance(word, Lexeme) else word.first


def _last(word: Word) -> Lexeme:
    return word if isinstance(word, Lexeme) else word.last
