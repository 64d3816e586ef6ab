"""Brackets of a source text, found before it is parsed.

In: a text. Out: a `BracketScan`: which bracket closes which, and the first thing that makes the
text unreadable whatever its grammar: an open string or comment, a bracket without its partner,
brackets nested too deep. It knows strings and comments and nothing else of the language, so its
answer stands even where the parser has lost its way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

MAX_NESTING = 200

CLOSERS = {"(": ")", "[": "]", "{": "}"}

FaultKind = Literal["string", "comment", "nesting", "unclosed", "mismatch", "stray"]

_MARKS = re.compile(
    r"""
      (?<=\w)'(?=\w)
    | "[^"\\\n]*(?:\\.[^"\\\n]*)*"
    | '[^'\\\n]*(?:\\.[^'\\\n]*)*'
    | \#[^\n]*
    | //[^\n]*
    | /\*[^*]*\*+(?:[^/*][^*]*\*+)*/
    | (?P<open>[(\[{])
    | (?P<close>[)\]}])
    | (?P<string>["'])
    | (?P<comment>/\*)
    """,
    re.VERBOSE,
)
_NETWORK_BEFORE_BRACE = re.compile(r"(?m)^\s*network\s+\w+\s*\Z")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at `offset`; `opener` is the bracket that it leaves without a partner."""

    kind: FaultKind
    offset: int
    opener: int | None = None


@dataclass(slots=True)
class BracketScan:
    """The brackets of `text` in pairs, up to the first fault."""

    text: str
    partner: dict[int, int] = field(default_factory=dict)
    """Offset of an opening bracket to that of its closing one."""
    unclosed: tuple[int, ...] = ()
    """The brackets that are still open at the fault, or at the end, outermost first."""
    fault: Fault | None = None

    def open_at(self, offset: int) -> list[int]:
        """The brackets that are open just before `offset`, outermost first."""
        closed_later = [o for o, c in self.partner.items() if o < offset <= c]
        return sorted(closed_later + [o for o in self.unclosed if o < offset])


def scan_brackets(text: str) -> BracketScan:
    """Pair the brackets of `text`; linear in its length."""
    scan = BracketScan(text)
    stack: list[int] = []
    inner_network: tuple[int, int] | None = None

    def stopped(fault: Fault) -> BracketScan:
        scan.unclosed, scan.fault = tuple(stack), fault
        return scan

    for mark in _MARKS.finditer(text):
        kind = mark.lastgroup
        if kind is None:
            continue
        offset = mark.start()
        if kind == "open":
            if stack and text[offset] == "{" and inner_network is None:
                before = _NETWORK_BEFORE_BRACE.search(text, max(0, offset - 200), offset)
                if before:
                    word = text.index("network", before.start())
                    inner_network = (word, stack[-1])
            if len(stack) == MAX_NESTING:
                return stopped(Fault("nesting", offset))
            stack.append(offset)
        elif kind == "close":
            if not stack:
                return stopped(Fault("stray", offset))
            if CLOSERS[text[stack[-1]]] != text[offset]:
                return stopped(Fault("mismatch", offset, stack[-1]))
            scan.partner[stack.pop()] = offset
        else:
            return stopped(Fault("string" if kind == "string" else "comment", offset))
    if stack:
        # A network that begins within another says better than the end of the file which brace
        # was forgotten.
        where, opener = inner_network or (len(text), stack[-1])
        return stopped(Fault("unclosed", where, opener))
    return scan
