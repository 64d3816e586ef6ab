"""Where a cursor stands, told from the text before it, whether the program can be parsed or not.

In: a text and an offset. Out: `Cursor`: the brackets that are open there with what they belong to,
the argument within a call, the word that is being written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..syntax.vocabulary import BLOCK_SECTIONS, SECTIONS

_TOKEN = re.compile(
    r"""
      (?P<comment>\#[^\n]*|//[^\n]*|/\*.*?(?:\*/|\Z))
    | (?P<string>"[^"\\\n]*(?:\\.[^"\\\n]*)*"?|'[^'\\\n]*(?:\\.[^'\\\n]*)*'?)
    | (?P<word>\$?[^\W\d]\w*|\$)
    | (?P<mark>[^\s\w])
    """,
    re.VERBOSE | re.DOTALL,
)
DECLARING = {"network", "define", "macro", "research"}


@dataclass(slots=True)
class Frame:
    """An open bracket. `kind` is call, list, network, macro, settings, block, inputs or research;
    `name` what it belongs to: a layer, a section, a network. `section` is the one that a network's
    frame is in; `argument` the name that is being given a value, `index` how many commas came
    before, `given` the names that have values already."""

    kind: str
    name: str
    section: str = ""
    argument: str = ""
    index: int = 0
    given: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Cursor:
    """`frames` are the open brackets from the outermost in. `word` is what is being written and
    `start` its offset; `quote` the quotation mark that is open, if one is; `in_comment` says that
    nothing written here counts. `previous` is the word or mark before. `section` is that of bare
    sections outside a network."""

    frames: list[Frame]
    word: str
    start: int
    quote: str
    in_comment: bool
    previous: str
    section: str

    @property
    def after_colon(self) -> bool:
        return self.previous == ":"

    @property
    def frame(self) -> Frame | None:
        return self.frames[-1] if self.frames else None

    @property
    def macro(self) -> str:
        """The macro in whose body the cursor stands."""
        return next((each.name for each in self.frames if each.kind == "macro"), "")


def cursor_at(text: str, offset: int) -> Cursor:
    """What stands before an offset."""
    before = text[:offset]
    root = Frame("file", "")
    frames: list[Frame] = [root]
    words: list[tuple[str, int]] = []
    quote, in_comment = "", False
    word, start = "", offset
    for match in _TOKEN.finditer(before):
        piece, kind = match[0], match.lastgroup
        at_end = match.end() == len(before)
        word, start = "", offset
        if kind == "comment":
            closed = piece.startswith("/*") and piece.endswith("*/") and len(piece) > 3
            in_comment = at_end and not closed
            continue
        in_comment = False
        if kind == "string":
            is_open = len(piece) == 1 or piece[-1] != piece[0]
            if at_end and is_open:
                quote, word, start = piece[0], piece[1:], match.start() + 1
            else:
                words.append(("", match.end()))
            continue
        if kind == "word":
            if at_end:
                word, start = piece, match.start()
            else:
                words.append((piece, match.end()))
            continue
        _mark(piece, frames, words)
        words.append((piece, match.end()))
    previous = words[-1][0] if words else ""
    return Cursor(frames[1:], word, start, quote, in_comment, previous, root.section)


def _mark(piece: str, frames: list[Frame], words: list[tuple[str, int]]) -> None:
    frame = frames[-1]
    last = words[-1][0] if words else ""
    if piece in "([{":
        frames.append(_opened(piece, frames, words))
    elif piece in ")]}":
        if len(frames) > 1:
            frames.pop()
    elif piece in "=:":
        if frame.kind in ("call", "settings") and (last[:1].isalpha() or last[:1] == "_"):
            frame.argument = last
            frame.given.append(last)
        elif piece == ":" and frame.kind in ("network", "file") and last in SECTIONS:
            frame.section = last
    elif piece in ",;":
        frame.argument = ""
        frame.index += 1


def _opened(piece: str, frames: list[Frame], words: list[tuple[str, int]]) -> Frame:
    frame = frames[-1]
    last = words[-1][0] if words else ""
    before = words[-2][0] if len(words) > 1 else ""
    is_word = last[:1].isalpha() or last[:1] == "_"
    if piece == "(" and is_word:
        return Frame("parameters" if before in ("define", "macro") else "call", last)
    if piece == "[" and last == ":" and before == "layers":
        return Frame("block", before)
    if piece != "{":
        return Frame("list", frame.name, frame.section, frame.argument)
    declared = next(
        (
            (word, words[index + 1][0] if index + 1 < len(words) else "")
            for index, (word, _) in reversed(list(enumerate(words[-40:], max(len(words) - 40, 0))))
            if word in DECLARING or word in "{}"
        ),
        ("", ""),
    )
    if frame.kind == "file" and declared[0] in DECLARING:
        kind = {"network": "network", "research": "research"}.get(declared[0], "macro")
        return Frame(kind, declared[1])
    if last in BLOCK_SECTIONS or (last == ":" and before in BLOCK_SECTIONS):
        return Frame("settings", last if last in BLOCK_SECTIONS else before)
    if last == ":" and before in ("input", "inputs"):
        return Frame("inputs", before)
    if last == ":" and before in ("loss", "metrics", "optimizer"):
        return Frame("settings", before)
    if frame.kind == "settings":
        return Frame("settings", frame.argument or last)
    if last == "=" and frame.kind == "call":
        return Frame("settings", frame.argument)
    if frame.section == "optimizer" and last != ":":
        return Frame("settings", _optimizer(words))
    return Frame("block", last)


def _optimizer(words: list[tuple[str, int]]) -> str:
    """The optimizer that settings in braces belong to; "optimizer" where its name is quoted."""
    for index in range(len(words) - 2, 0, -1):
        if words[index][0] == ":" and words[index - 1][0] == "optimizer":
            return words[index + 1][0] or "optimizer"
    return "optimizer"
