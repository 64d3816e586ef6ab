"""The actions of the grammar's rules for values: tokens to expressions.

In: the children of one rule, tokens and nodes already built. Out: expressions of the AST with exact
spans. Problems that the grammar lets through are collected, so that one run reports all of them.

A method is named after its rule in `grammar.lark`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from lark import Token

from ...ir.diagnostic import CompileError, Diagnostic, Label, Severity
from ...ir.span import Span
from . import ast
from .brackets import MAX_NESTING
from .vocabulary import quoted

if TYPE_CHECKING:
    from .source import Source

HPO_KINDS = ("choice", "categorical", "range", "int_range", "log_range")

_MAX_DIGITS = 400
_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", '"': '"', "'": "'"}
_ESCAPE = re.compile(r"\\(.)")

_Node = TypeVar("_Node", ast.Binary, ast.Sequence, ast.Call, ast.Hpo, ast.Settings)


@dataclass(frozen=True, slots=True)
class Arguments:
    """`(…)` behind a name, on its way into a call or a layer."""

    arguments: tuple[ast.Argument, ...]
    span: Span


class ValueBuilder:
    """Builds the values of one source: numbers, names, calls, lists, settings."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.file_name = source.name
        self.problems: list[Diagnostic] = []
        self.has_choices = False
        # Depth of each composite expression. The node is kept with it so that its id stays its own.
        self._depths: dict[int, tuple[int, object]] = {}

    # ---- places ----------------------------------------------------------------------------

    def span(self, first: Any, last: Any = None) -> Span:
        """From the beginning of one token or node to the end of another, or of the same."""
        start: Any = first if isinstance(first, Token) else first.span
        end: Any = start if last is None else last if isinstance(last, Token) else last.span
        return Span(self.file_name, start.line, start.column, end.end_line, end.end_column)

    def name(self, token: Token) -> ast.Name:
        return ast.Name(str(token), self.span(token))

    def problem(
        self, code: str, message: str, span: Span, *labels: Label, help: str | None = None
    ) -> None:
        self.problems.append(Diagnostic(code, Severity.ERROR, message, span, labels, help=help))

    def _nested(self, node: _Node, *children: Any) -> _Node:
        """`node`, after a check that it is not built deeper than readers of the AST can recurse."""
        depth = 1 + max((self._depths.get(id(c), (0, None))[0] for c in children), default=0)
        if depth > MAX_NESTING:
            raise CompileError((too_deep(node.span),))
        self._depths[id(node)] = (depth, node)
        return node

    # ---- values ----------------------------------------------------------------------------

    def number(self, children: list[Token]) -> ast.Number:
        digits = children[-1]
        span = self.span(children[0], digits)
        value: int | float
        if len(digits) > _MAX_DIGITS:
            value = math.inf
        else:
            value = int(digits) if digits.isdecimal() else float(digits)
        if math.isinf(value):
            self.problem("E0116", "this number is too large", span)
            value = 0
        return ast.Number(-value if len(children) == 2 else value, span)

    def string(self, children: list[Token]) -> ast.String:
        return self.string_literal(children[0])

    def string_literal(self, token: Token) -> ast.String:
        text = token[1:-1]
        if "\\" in text:
            text = _ESCAPE.sub(lambda m: _ESCAPES.get(m[1], m[0]), text)
        return ast.String(text, self.span(token))

    def boolean(self, children: list[Token]) -> ast.Boolean:
        return ast.Boolean(children[0].type == "TRUE", self.span(children[0]))

    def none(self, children: list[Token]) -> ast.NoneLiteral:
        return ast.NoneLiteral(self.span(children[0]))

    def reference(self, children: list[Token]) -> ast.Reference:
        token = children[0]
        dollar = token.type == "DOLLAR_NAME"
        return ast.Reference(token[1:] if dollar else str(token), dollar, self.span(token))

    def binary(self, children: list[Any]) -> ast.Binary:
        left, operator, right = children
        node = ast.Binary(str(operator), left, right, self.span(left, right))
        return self._nested(node, left, right)

    def group(self, children: list[Any]) -> ast.Expression:
        # `(x)` is x, with the parentheses in its span; `(x,)` is a tuple.
        inner: Any = replace(children[1], span=self.span(children[0], children[2]))
        if id(children[1]) in self._depths:
            self._depths[id(inner)] = (self._depths[id(children[1])][0], inner)
        node: ast.Expression = inner
        return node

    def parentheses(self, children: list[Any]) -> ast.Sequence:
        return self._sequence(children, bracketed=False)

    def brackets(self, children: list[Any]) -> ast.Sequence:
        return self._sequence(children, bracketed=True)

    def _sequence(self, children: list[Any], *, bracketed: bool) -> ast.Sequence:
        items = nodes(children)
        node = ast.Sequence(items, bracketed, self.span(children[0], children[-1]))
        return self._nested(node, *items)

    def argument(self, children: list[Any]) -> ast.Argument:
        value = children[-1]
        name = self.name(children[0]) if len(children) == 3 else None
        return ast.Argument(name, value, self.span(children[0], value))

    def arguments(self, children: list[Any]) -> Arguments:
        return Arguments(nodes(children), self.span(children[0], children[-1]))

    def call(self, children: list[Any]) -> ast.Call:
        name, arguments = children
        node = ast.Call(self.name(name), arguments.arguments, self.span(name, arguments))
        return self._nested(node, *(a.value for a in arguments.arguments))

    def hpo(self, children: list[Any]) -> ast.Hpo:
        call: ast.Call = children[2]
        if call.name.text not in HPO_KINDS:
            self.problem(
                "E0118",
                f"{quoted(call.name.text)} is no kind of open choice",
                call.name.span,
                help=f"the kinds are {', '.join(HPO_KINDS)}",
            )
        self.has_choices = True
        node = ast.Hpo(call, self.span(children[0], children[-1]))
        return self._nested(node, call)

    def entry(self, children: list[Any]) -> ast.Entry:
        key, value = children[0], children[-1]
        if isinstance(value, Token):
            value = self.string_literal(value)
        return ast.Entry(self.name(key), value, self.span(key, value))

    def settings(self, children: list[Any]) -> ast.Settings:
        entries: tuple[ast.Entry, ...] = nodes(children)
        node = ast.Settings(entries, self.span(children[0], children[-1]))
        return self._nested(node, *(e.value for e in entries))


def too_deep(span: Span) -> Diagnostic:
    """The error of a program nested beyond MAX_NESTING."""
    return Diagnostic(
        "E0102",
        Severity.ERROR,
        f"the program is nested more than {MAX_NESTING} deep here",
        span,
        help="repeat layers with `* N`, or name a part of the network with `define`",
    )


def nodes(children: list[Any]) -> tuple[Any, ...]:
    """The children that are no tokens."""
    return tuple(c for c in children if not isinstance(c, Token))
