"""The actions of the grammar's rules: tokens to AST nodes, as the parser reduces them.

In: the children of one rule, tokens and nodes already built. Out: AST nodes with exact spans. What
the grammar lets through but the form of the language does not (a section twice, two blocks behind
one layer) is collected in `problems`, so that one run reports all of it.

A method is named after its rule in `grammar.lark`. No tree of the parser is ever made.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from lark import Token

from ..ir.diagnostic import CompileError, Diagnostic, Label, Severity
from ..ir.span import Span
from . import ast
from .brackets import MAX_NESTING

if TYPE_CHECKING:
    from .source import Source

HPO_KINDS = ("choice", "categorical", "range", "int_range", "log_range")

SECTION_ALIASES = {"inputs": "input", "training": "train", "execute": "execution"}

_MAX_DIGITS = 400
_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", '"': '"', "'": "'"}
_ESCAPE = re.compile(r"\\(.)")

_Node = TypeVar("_Node", ast.Binary, ast.Sequence, ast.Call, ast.Hpo, ast.Settings)


@dataclass(frozen=True, slots=True)
class _Arguments:
    arguments: tuple[ast.Argument, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class _Block:
    items: tuple[ast.Item, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class _Repeat:
    times: ast.Expression
    span: Span


@dataclass(frozen=True, slots=True)
class _Device:
    device: ast.String
    span: Span


@dataclass(frozen=True, slots=True)
class _Inputs:
    inputs: tuple[ast.Input, ...]
    keyword: Token
    span: Span


@dataclass(frozen=True, slots=True)
class _Layers:
    items: tuple[ast.Item, ...]
    keyword: Token
    span: Span


class TreeBuilder:
    """Builds the AST of one source."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.file_name = source.name
        self.problems: list[Diagnostic] = []
        # Depth of each composite expression. The node is kept with it so that its id stays its own.
        self._depths: dict[int, tuple[int, object]] = {}

    # ---- places ----------------------------------------------------------------------------

    def _span(self, first: Any, last: Any = None) -> Span:
        if isinstance(first, Token):
            line, column = first.line, first.column
        else:
            line, column = first.span.line, first.span.column
        if last is None:
            last = first
        if isinstance(last, Token):
            return Span(self.file_name, line, column, last.end_line, last.end_column)
        return Span(self.file_name, line, column, last.span.end_line, last.span.end_column)

    def _name(self, token: Token) -> ast.Name:
        return ast.Name(str(token), self._span(token))

    def _problem(
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
        span = self._span(children[0], digits)
        value: int | float
        if len(digits) > _MAX_DIGITS:
            value = math.inf
        else:
            value = int(digits) if digits.isdecimal() else float(digits)
        if math.isinf(value):
            self._problem("E0116", "this number is too large", span)
            value = 0
        return ast.Number(-value if len(children) == 2 else value, span)

    def string(self, children: list[Token]) -> ast.String:
        return self._string(children[0])

    def _string(self, token: Token) -> ast.String:
        text = token[1:-1]
        if "\\" in text:
            text = _ESCAPE.sub(lambda m: _ESCAPES.get(m[1], m[0]), text)
        return ast.String(text, self._span(token))

    def boolean(self, children: list[Token]) -> ast.Boolean:
        return ast.Boolean(children[0].type == "TRUE", self._span(children[0]))

    def none(self, children: list[Token]) -> ast.NoneLiteral:
        return ast.NoneLiteral(self._span(children[0]))

    def reference(self, children: list[Token]) -> ast.Reference:
        token = children[0]
        dollar = token.type == "DOLLAR_NAME"
        return ast.Reference(token[1:] if dollar else str(token), dollar, self._span(token))

    def binary(self, children: list[Any]) -> ast.Binary:
        left, operator, right = children
        node = ast.Binary(str(operator), left, right, self._span(left, right))
        return self._nested(node, left, right)

    def group(self, children: list[Any]) -> ast.Expression:
        # `(x)` is x, with the parentheses in its span; `(x,)` is a tuple.
        inner: Any = replace(children[1], span=self._span(children[0], children[2]))
        if id(children[1]) in self._depths:
            self._depths[id(inner)] = (self._depths[id(children[1])][0], inner)
        return inner  # type: ignore[no-any-return]

    def tuple(self, children: list[Any]) -> ast.Sequence:
        return self._sequence(children, bracketed=False)

    def list(self, children: list[Any]) -> ast.Sequence:
        return self._sequence(children, bracketed=True)

    def _sequence(self, children: list[Any], *, bracketed: bool) -> ast.Sequence:
        items = _nodes(children)
        node = ast.Sequence(items, bracketed, self._span(children[0], children[-1]))
        return self._nested(node, *items)

    def argument(self, children: list[Any]) -> ast.Argument:
        value = children[-1]
        name = self._name(children[0]) if len(children) == 3 else None
        return ast.Argument(name, value, self._span(children[0], value))

    def arguments(self, children: list[Any]) -> _Arguments:
        return _Arguments(_nodes(children), self._span(children[0], children[-1]))

    def call(self, children: list[Any]) -> ast.Call:
        name, arguments = children
        node = ast.Call(self._name(name), arguments.arguments, self._span(name, arguments))
        return self._nested(node, *(a.value for a in arguments.arguments))

    def hpo(self, children: list[Any]) -> ast.Hpo:
        call: ast.Call = children[2]
        if call.name.text not in HPO_KINDS:
            self._problem(
                "E0118",
                f"`{call.name.text}` is no kind of open choice",
                call.name.span,
                help=f"the kinds are {', '.join(HPO_KINDS)}",
            )
        node = ast.Hpo(call, self._span(children[0], children[-1]))
        return self._nested(node, call)

    def entry(self, children: list[Any]) -> ast.Entry:
        key, value = children[0], children[-1]
        if isinstance(value, Token):
            value = self._string(value)
        return ast.Entry(self._name(key), value, self._span(key, value))

    def settings(self, children: list[Any]) -> ast.Settings:
        entries: tuple[ast.Entry, ...] = _nodes(children)
        node = ast.Settings(entries, self._span(children[0], children[-1]))
        return self._nested(node, *(e.value for e in entries))

    # ---- layers ----------------------------------------------------------------------------

    def device(self, children: list[Token]) -> _Device:
        return _Device(self._string(children[1]), self._span(children[0], children[1]))

    def repeat(self, children: list[Any]) -> _Repeat:
        return _Repeat(children[1], self._span(children[0], children[1]))

    def block(self, children: list[Any]) -> _Block:
        return _Block(_nodes(children), self._span(children[0], children[-1]))

    def layer(self, children: list[Any]) -> ast.Layer:
        name, *rest = children
        arguments: _Arguments | None = None
        if rest and isinstance(rest[0], _Arguments):
            arguments = rest.pop(0)
        block = self._once(name, "block", [p for p in rest if isinstance(p, _Block)])
        repeat = self._once(name, "repetition", [p for p in rest if isinstance(p, _Repeat)])
        device = self._once(name, "device", [p for p in rest if isinstance(p, _Device)])
        return ast.Layer(
            name=self._name(name),
            arguments=arguments.arguments if arguments else None,
            block=block.items if block else None,
            block_span=block.span if block else None,
            repeat=repeat.times if repeat else None,
            device=device.device if device else None,
            span=self._span(name, children[-1]),
        )

    def _once(self, name: Token, what: str, found: list[Any]) -> Any:
        for extra in found[1:]:
            self._problem(
                "E0115",
                f"`{name}` has a second {what}",
                extra.span,
                Label(found[0].span, f"the first {what} is here"),
            )
        return found[0] if found else None

    def branch(self, children: list[Any]) -> ast.Branch:
        name, _, block = children
        return ast.Branch(self._name(name), block.items, self._span(name, block))

    # ---- inputs ----------------------------------------------------------------------------

    def dim(self, children: list[Token]) -> ast.Number | ast.NoneLiteral | ast.Reference:
        token = children[-1]
        if token.type == "NONE":
            return self.none(children)
        if token.type == "NAME":
            return self.reference(children)
        number = self.number(children)
        if not isinstance(number.value, int):
            self._problem("E0119", f"a dimension is a whole number, not {token}", number.span)
        return number

    def shape(self, children: list[Any]) -> ast.Input:
        span = self._span(children[0], children[-1])
        dims = _nodes(children)
        if not dims:
            self._problem(
                "E0119",
                "a shape needs at least one dimension",
                span,
                help="write the sizes without the batch, like `(512,)` or `(28, 28, 1)`",
            )
        return ast.Input(None, dims, span)

    def named_input(self, children: list[Any]) -> ast.Input:
        shape = self._as_input(children[2])
        return replace(shape, name=self._name(children[0]), span=self._span(children[0], shape))

    def _as_input(self, shape: ast.Input | Token) -> ast.Input:
        if isinstance(shape, Token):
            dim = self.dim([shape])
            return ast.Input(None, (dim,), dim.span)
        return shape

    def inputs_section(self, children: list[Any]) -> _Inputs:
        keyword, _, *rest = children
        shapes = tuple(
            self._as_input(c) for c in rest if not isinstance(c, Token) or c.type == "NUMBER"
        )
        last = next(c for c in reversed(rest) if not (isinstance(c, Token) and c.type == "COMMA"))
        if not shapes:
            self._problem(
                "E0119", "no input is named between these braces", self._span(rest[0], last)
            )
        if isinstance(last, ast.Input):
            last = shapes[-1]
        return _Inputs(shapes, keyword, self._span(keyword, last))

    fragment_inputs = inputs_section

    # ---- sections --------------------------------------------------------------------------

    def layer_list(self, children: list[Any]) -> _Block:
        return _Block(_nodes(children), self._span(children[0], children[-1]))

    def layers_section(self, children: list[Any]) -> _Layers:
        keyword, colon, *rest = children
        rest = [c for c in rest if not isinstance(c, Token)]
        if rest and isinstance(rest[0], _Block):
            items = rest[0].items
        else:
            items = tuple(rest)
        return _Layers(items, keyword, self._span(keyword, rest[-1] if rest else colon))

    fragment_layers = layers_section

    def value_section(self, children: list[Any]) -> ast.Section:
        keyword, _, value, *settings = children
        return ast.Section(
            self._name(keyword),
            value,
            settings[0] if settings else None,
            self._span(keyword, children[-1]),
        )

    def block_section(self, children: list[Any]) -> ast.Section:
        keyword, value = children[0], children[-1]
        return ast.Section(self._name(keyword), value, None, self._span(keyword, value))

    # ---- declarations ----------------------------------------------------------------------

    def network(self, children: list[Any]) -> ast.Network:
        keyword, name, _, *found = children
        inputs: _Inputs | None = None
        layers: _Layers | None = None
        sections: list[ast.Section] = []
        first: dict[str, Span] = {}
        for section in _nodes(found):
            word = section.keyword
            if isinstance(word, Token):
                word = self._name(word)
            canonical = SECTION_ALIASES.get(word.text, word.text)
            if canonical in first:
                self._problem(
                    "E0114",
                    f"network `{name}` has a second section `{word.text}`",
                    word.span,
                    Label(first[canonical], "the first one is here"),
                )
                continue
            first[canonical] = word.span
            if isinstance(section, _Inputs):
                inputs = section
            elif isinstance(section, _Layers):
                layers = section
            else:
                sections.append(section)
        return ast.Network(
            name=self._name(name),
            inputs=inputs.inputs if inputs else None,
            inputs_span=inputs.span if inputs else None,
            layers=layers.items if layers else None,
            layers_span=layers.span if layers else None,
            sections=tuple(sections),
            span=self._span(keyword, children[-1]),
        )

    def parameter(self, children: list[Any]) -> ast.Parameter:
        token = children[0]
        name = ast.Name(token.removeprefix("$"), self._span(token))
        default = children[2] if len(children) == 3 else None
        return ast.Parameter(name, default, self._span(token, children[-1]))

    def macro(self, children: list[Any]) -> ast.Macro:
        keyword, name, *rest = children
        parameters = tuple(c for c in rest if isinstance(c, ast.Parameter))
        block: _Block = rest[-1]
        return ast.Macro(self._name(name), parameters, block.items, self._span(keyword, block))

    def research_body(self, children: list[Any]) -> Token:
        # Only the place of the outermost braces matters; the text is taken from the source.
        first, last = children[0], children[-1]
        return Token.new_borrow_pos(
            "RESEARCH_BODY", self.source.text[first.start_pos : last.end_pos], first
        ).update(value=self.source.text[first.start_pos : last.end_pos])

    def research(self, children: list[Any]) -> ast.Research:
        keyword, *_ = children
        body = children[-1]
        name = self._name(children[1]) if len(children) == 3 else None
        return ast.Research(name, str(body)[1:-1].strip(), self._span(keyword, body))

    def file(self, children: list[Any]) -> ast.Program:
        declarations: list[ast.Declaration] = []
        loose: list[Any] = []
        for child in [c for c in children if not isinstance(c, Token)] + [None]:
            if child is None or isinstance(child, ast.Network | ast.Macro | ast.Research):
                if loose:
                    declarations.append(self._fragment(loose))
                    loose = []
                if child is not None:
                    declarations.append(child)
            else:
                loose.append(child)
        return ast.Program(tuple(declarations), self.source.span(0, len(self.source.text)))

    def _fragment(self, pieces: list[Any]) -> ast.Fragment:
        items: list[ast.Item] = []
        sections: list[ast.Section] = []
        inputs: list[ast.Input] | None = None
        inputs_open = False
        first_inputs: Token | None = None
        for piece in pieces:
            if isinstance(piece, ast.Input):
                if inputs is not None and inputs_open:
                    inputs.append(piece)
                else:
                    assert piece.name is not None
                    self.problems.append(no_branch(piece.name.text, piece.name.span))
                continue
            inputs_open = isinstance(piece, _Inputs) and piece.inputs[:1] != ()
            if isinstance(piece, _Inputs):
                if first_inputs is not None:
                    self._problem(
                        "E0114",
                        f"a second section `{piece.keyword}`",
                        self._span(piece.keyword),
                        Label(self._span(first_inputs), "the first one is here"),
                    )
                first_inputs, inputs = piece.keyword, list(piece.inputs)
                inputs_open = bool(inputs) and inputs[0].name is not None
            elif isinstance(piece, _Layers):
                items.extend(piece.items)
            elif isinstance(piece, ast.Section):
                sections.append(piece)
            else:
                items.append(piece)
        return ast.Fragment(
            tuple(items),
            tuple(sections),
            self._span(pieces[0], pieces[-1]),
            tuple(inputs) if inputs is not None else None,
        )


def too_deep(span: Span) -> Diagnostic:
    """The error of a program nested beyond MAX_NESTING."""
    return Diagnostic(
        "E0102",
        Severity.ERROR,
        f"the program is nested more than {MAX_NESTING} deep here",
        span,
        help="repeat layers with `* N`, or name a part of the network with `define`",
    )


def no_branch(name: str, span: Span) -> Diagnostic:
    """The error of `name:` among layers with anything but a block behind it."""
    return Diagnostic(
        "E0117",
        Severity.ERROR,
        f"`{name}:` is neither a section nor a branch with its layers in braces",
        span,
        help=f"a branch is written `{name}: {{ … }}`",
    )


def _nodes(children: list[Any]) -> tuple[Any, ...]:
    """The children that are no tokens."""
    return tuple(c for c in children if not isinstance(c, Token))
