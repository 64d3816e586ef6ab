"""Laying text out in lines: what fits stands in one line, what does not is broken at its joints.

In: a `Doc`, pieces of text with the joints at which they may be broken. Out: text. The method is
Wadler's (A prettier printer, 2003), with comments that wait for the end of their line.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """A joint: nothing, or one blank, where its group fits; else a new line. A `hard` one is always
    a new line, and a `blank` one has an empty line before it."""

    flat: str = " "
    hard: bool = False
    blank: bool = False


@dataclass(frozen=True, slots=True)
class IfBroken:
    """One text where the group is broken, another where it is not."""

    text: str
    flat: str = ""


@dataclass(frozen=True, slots=True)
class Behind:
    """A comment that stands at the end of the line, wherever that is."""

    text: str


@dataclass(frozen=True, slots=True)
class Indent:
    parts: tuple[Doc, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Broken as a whole or not at all."""

    parts: tuple[Doc, ...]


Doc = str | Line | IfBroken | Behind | Indent | Group

HARD = Line(hard=True)
BLANK = Line(hard=True, blank=True)
SOFT = Line("")
SPACE = Line()


def render(parts: list[Doc], width: int, indent: int = 2) -> str:
    """The text, without blanks at the ends of lines, one line end behind it."""
    out: list[str] = []
    column = 0
    behind: list[str] = []
    breaks: dict[int, bool] = {}
    stack: list[tuple[int, bool, Doc]] = [(0, True, part) for part in reversed(parts)]
    while stack:
        level, broken, doc = stack.pop()
        match doc:
            case str():
                out.append(doc)
                newline = doc.rfind("\n")
                column = len(doc) - newline - 1 if newline >= 0 else column + len(doc)
            case Behind(text=text):
                behind.append(text)
            case IfBroken(text=text, flat=flat):
                out.append(text if broken else flat)
                column += len(out[-1])
            case Indent(parts=inner):
                stack += [(level + 1, broken, each) for each in reversed(inner)]
            case Group(parts=inner):
                breaking = _must_break(doc, breaks) or not _fits(inner, width - column, stack)
                stack += [(level, breaking, each) for each in reversed(inner)]
            case Line(flat=flat, hard=hard, blank=blank):
                if not (broken or hard):
                    out.append(flat)
                    column += len(flat)
                    continue
                _end_line(out, behind)
                out.append("\n\n" if blank else "\n")
                out.append(" " * (indent * level))
                column = indent * level
    _end_line(out, behind)
    lines = "".join(out).split("\n")
    return "\n".join(line.rstrip(" ") for line in lines).strip("\n") + "\n"


def _end_line(out: list[str], behind: list[str]) -> None:
    # What ends its line comes last.
    for text in sorted(behind, key=lambda each: not each.startswith("/*")):
        out.append(f"  {text}")
    behind.clear()


def _must_break(doc: Doc, known: dict[int, bool]) -> bool:
    """Whether something within a group needs a line of its own."""
    match doc:
        case Line(hard=hard):
            return hard
        case Behind():
            return True
        case str():
            return "\n" in doc
        case Group(parts=parts) | Indent(parts=parts):
            if id(doc) not in known:
                known[id(doc)] = any(_must_break(part, known) for part in parts)
            return known[id(doc)]
        case _:
            return False


def _fits(parts: tuple[Doc, ...], room: int, rest: list[tuple[int, bool, Doc]]) -> bool:
    """Whether the parts fit in one line, together with what follows them up to the next joint."""
    stack: list[tuple[bool, Doc]] = [(False, part) for part in reversed(parts)]
    after = len(rest)
    while room >= 0:
        if not stack:
            if after == 0:
                return True
            after -= 1
            _, broken, doc = rest[after]
            stack.append((broken, doc))
            continue
        broken, doc = stack.pop()
        match doc:
            case str():
                room -= len(doc)
            case IfBroken(flat=flat):
                room -= len(flat)
            case Line(flat=flat, hard=hard):
                if hard or broken:
                    return True
                room -= len(flat)
            case Indent(parts=inner) | Group(parts=inner):
                stack += [(broken, each) for each in reversed(inner)]
            case _:
                pass
    return False
