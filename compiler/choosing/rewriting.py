"""Writing chosen values into a syntax tree.

In: a program, new values for its expressions, and arguments for its layers and sections. Out: the
program with them; what is not changed stays the same object.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, cast

from ...ir.span import Span
from ..syntax import ast
from .slots import REPEAT


@dataclass(slots=True)
class Changes:
    """What is to be written: `values` by the expression they replace, and `added` arguments by the
    node that gets them. Both are keyed by identity; the program keeps the nodes alive."""

    values: dict[int, ast.Expression] = field(default_factory=dict)
    added: dict[int, dict[str, ast.Expression]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.values or self.added)


def rewritten(program: ast.Program, changes: Changes) -> ast.Program:
    """The program with the changes."""
    return cast("ast.Program", _rewrite(program, changes)) if changes else program


def at(node: Any, span: Span) -> Any:
    """A node of the tree of which every part stands at `span`."""
    return _placed(node, span)


def _rewrite(node: Any, changes: Changes) -> Any:
    if isinstance(node, tuple):
        parts = tuple(_rewrite(each, changes) for each in node)
        same = all(new is old for new, old in zip(parts, node, strict=True))
        return node if same else parts
    if not is_dataclass(node) or isinstance(node, Span | ast.Name | ast.Research):
        return node
    if id(node) in changes.values:
        return changes.values[id(node)]
    added = changes.added.get(id(node))
    new = {
        each.name: inner
        for each in fields(node)
        if (inner := _rewrite(getattr(node, each.name), changes)) is not getattr(node, each.name)
    }
    if new:
        node = replace(node, **new)  # type: ignore[type-var]
    return _with_arguments(node, added) if added else node


def _with_arguments(node: Any, added: Mapping[str, ast.Expression]) -> Any:
    if isinstance(node, ast.Macro):
        parameters = (
            replace(p, default=added[p.name.text]) if p.name.text in added else p
            for p in node.parameters
        )
        return replace(node, parameters=tuple(parameters))
    if isinstance(node, ast.Layer) and REPEAT in added:
        node = replace(node, repeat=added[REPEAT])
    named = tuple(
        ast.Argument(ast.Name(name, node.name.span), value, node.name.span)
        for name, value in added.items()
        if name != REPEAT
    )
    if not named:
        return node
    return replace(node, arguments=(*(node.arguments or ()), *named))


def _placed(node: Any, span: Span) -> Any:
    if isinstance(node, Span):
        return span
    if isinstance(node, tuple):
        return tuple(_placed(each, span) for each in node)
    if is_dataclass(node) and not isinstance(node, type):
        return replace(node, **{f.name: _placed(getattr(node, f.name), span) for f in fields(node)})
    return node
