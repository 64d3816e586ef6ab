"""How deep programs may be nested, and the room that working on them takes.

In: nothing. Out: the limit, and a context in which recursion along the nesting has room.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

NESTING_LIMIT = 200
"""Blocks and macros within each other, and brackets within each other."""

_FRAMES_PER_LEVEL = 12
"""More than any stage needs for one level of nesting."""


@contextmanager
def room_for_nesting() -> Iterator[None]:
    """Within it a program of the allowed depth does not meet Python's limit of recursion."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, 1000 + NESTING_LIMIT * _FRAMES_PER_LEVEL))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
