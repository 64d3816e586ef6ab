"""The AST as an indented tree: what `--emit=ast` prints.

In: a `Program`. Out: text, one node a line with its span `line:column-line:column`, the same on
every machine.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from ...ir.span import Span
from . import ast


def print_ast(program: ast.Program) -> str:
    """`program` as text; the nodes within a node stand two columns further right.

    A line gives the node's kind, its own words and numbers, and where it is written. The nodes in
    its fields follow in the order of the AST.
    """
    out: list[str] = []
    _write(program, "", 0, out)
    return "\n".join(out) + "\n"


def _write(node: Any, role: str, indent: int, out: list[str]) -> None:
    lead = "  " * indent + (f"{role}: " if role else "")
    own: list[str] = []
    inner: list[tuple[str, Any]] = []
    for field in fields(node):
        value = getattr(node, field.name)
        if isinstance(value, Span) or value is None or not field.repr:
            continue
        if isinstance(value, ast.Name):
            own.append(value.text)
        elif isinstance(value, tuple):
            if value:
                inner.append((field.name, value))
            elif field.name not in ("declarations", "sections"):
                own.append(f"{field.name}=()")
        elif isinstance(value, bool | int | float | str):
            own.append(_literal(node, field.name, value))
        else:
            inner.append((field.name, value))
    out.append(" ".join([lead + type(node).__name__, *(w for w in own if w), _place(node.span)]))
    for name, value in inner:
        if isinstance(value, tuple):
            for item in value:
                _write(item, _singular(node, name), indent + 1, out)
        else:
            _write(value, name, indent + 1, out)


def _literal(node: Any, name: str, value: bool | int | float | str) -> str:
    match node, name:
        case (ast.Reference(), "name"):
            return f"${value}" if node.dollar else str(value)
        case (ast.Reference(), "dollar"):
            return ""
        case (ast.Sequence(), "bracketed"):
            return "[]" if value else "()"
        case (ast.Binary(), "operator"):
            return str(value)
        case _:
            return repr(value)


def _singular(node: Any, name: str) -> str:
    """How the members of a field are called: layers and items say by their kind what they are."""
    return {"inputs": "input", "dims": "dim", "parameters": "parameter"}.get(name, "")


def _place(span: Span) -> str:
    return f"@{span.line}:{span.column}-{span.end_line}:{span.end_column}"
