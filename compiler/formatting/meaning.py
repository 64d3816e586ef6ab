"""Whether two programs are the same but for their layout.

In: two syntax trees. Out: a comparison that leaves out where things are written.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from ..syntax import ast

_PLACES = ("span", "block_span", "inputs_span", "layers_span")


def same_program(one: ast.Program, other: ast.Program) -> bool:
    """Whether the trees are equal, spans left out."""
    parts: dict[type, list[str]] = {}
    pairs: list[tuple[Any, Any]] = [(one, other)]
    while pairs:
        a, b = pairs.pop()
        if type(a) is not type(b):
            return False
        if isinstance(a, tuple):
            if len(a) != len(b):
                return False
            pairs += zip(a, b, strict=True)
        elif is_dataclass(a):
            names = parts.get(type(a))
            if names is None:
                names = parts[type(a)] = [f.name for f in fields(a) if f.name not in _PLACES]
            pairs += ((getattr(a, name), getattr(b, name)) for name in names)
        elif a != b:
            return False
    return True
