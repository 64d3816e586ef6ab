"""Going on behind a syntax error.

In: a text, its brackets and where the parser stopped. Out: the part of the text without which the
rest can be parsed for more errors, if there is one.
"""

from __future__ import annotations

import re
from typing import Any

from .brackets import BracketScan
from .error_site import offset_of, tokens
from .vocabulary import BLOCK_SECTIONS, DECLARATIONS, SECTIONS

_SECTION_START = re.compile(
    rf"\b(?:(?:{'|'.join(SECTIONS)})\s*:|(?:{'|'.join(BLOCK_SECTIONS)})\s*\{{"
    rf"|(?:{'|'.join(DECLARATIONS)})\s+\w+\s*[{{(])"
)

_NEEDS_BEHIND = (":", "=", "*", "@", "+", "-", "/", ",")
_NEEDS_BEFORE = ("(", "[", "{", "*", "@", ":", "=", ",", "+", "-", "/")


def recoverable_region(text: str, scan: BracketScan, error: Any) -> tuple[int, int] | None:
    """The lines of the item or entry around `error`, if the text makes sense without them.

    None where what is wrong cannot be told from what is around it: another error found behind it
    might be nothing but its consequence.
    """
    offset = offset_of(text, error)
    if scan.fault is not None:
        if scan.fault.kind == "stray" and scan.fault.offset == offset:
            return offset, offset + 1
        opener = scan.fault.opener
        if scan.fault.kind == "unclosed" and scan.fault.offset < len(text) and scan.unclosed:
            # Another network begins within one that never ended: read on there.
            return text.rfind("\n", 0, scan.unclosed[0]) + 1, scan.fault.offset
        return line_of(text, opener) if opener is not None and text[opener] != "{" else None
    stack = scan.open_at(offset)
    accepts = error.interactive_parser.accepts()
    if stack and "LAYERS" in accepts and "NAME" not in accepts:
        # Layers without their section: all of them, up to the next section.
        brace = stack[-1]
        section = _SECTION_START.search(text, offset)
        limit = scan.partner[brace]
        end = min(section.start(), limit) if section else limit
        return (offset, end) if offset < end and text[brace] == "{" else None
    braces = [i for i, bracket in enumerate(stack) if text[bracket] == "{"]
    if not braces:
        return None
    brace = stack[braces[-1]]
    inner = stack[braces[-1] + 1 :]
    line = text.rfind("\n", 0, inner[0] if inner else offset) + 1
    start = max(brace + 1, line)
    limit = scan.partner[brace]
    end = scan.partner[inner[0]] if inner else offset
    while True:
        newline = text.find("\n", end)
        end = limit if newline < 0 else min(newline, limit)
        beyond = [c for o, c in scan.partner.items() if start <= o < end <= c]
        if not beyond:
            break
        end = max(beyond)
    # Brackets that begin before the region must not end in it.
    if any(o < start <= c < end for o, c in scan.partner.items()):
        return None
    return (start, end) if _can_be_missed(text, start, end) else None


def line_of(text: str, offset: int) -> tuple[int, int] | None:
    """The line around an offset, if it holds an item and no more: no section begins in it, and no
    brace begins or ends."""
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    end = len(text) if end < 0 else end
    line = text[start:end]
    if _SECTION_START.search(line) or "{" in line or "}" in line:
        return None
    return start, end


def _can_be_missed(text: str, start: int, end: int) -> bool:
    """Whether the text around the region is whole without it."""
    region = text[start:end]
    inside = tokens(region)
    if not inside or _SECTION_START.search(region) or inside[-1].text in _NEEDS_BEHIND[:-1]:
        return False
    after = tokens(text[end:])
    if after and after[0].text in _NEEDS_BEFORE:
        return False
    before = [token.text for token in tokens(text[:start])]
    if before[-2:] == ["layers", ":"]:
        return True
    return not before or before[-1] not in (*_NEEDS_BEHIND, *DECLARATIONS)
