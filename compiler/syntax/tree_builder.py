"""The actions of the grammar's rules for declarations, sections and layers.

In: the children of one rule, tokens and nodes already built. Out: the nodes of the AST from layers
up to the `Program`, with exact spans. What the grammar lets through but the form of the language
does not (a section twice, two blocks behind one layer) is collected in `problems`, so that one run
reports all of it. No tree of the parser is ever made.

A method is named after its rule in `grammar.lark`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from lark import Token

from ...ir.diagnostic import Diagnostic, Fix, Label, Severity
from ...ir.span import Span
from ..messages.suggestions import closest
from . import ast
from .value_builder import Arguments, ValueBuilder, nodes
from .vocabulary import DECLARATIONS, PYTHON, quoted

SECTION_ALIASES = {"inputs": "input", "training": "train", "execute": "execution"}


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


class TreeBuilder(ValueBuilder):
    """Builds the AST of one source."""

    # ---- layers ----------------------------------------------------------------------------

    def device(self, children: list[Token]) -> _Device:
        return _Device(self.string_literal(children[1]), self.span(children[0], children[1]))

    def repeat(self, children: list[Any]) -> _Repeat:
        return _Repeat(children[1], self.span(children[0], children[1]))

    def block(self, children: list[Any]) -> _Block:
        return _Block(nodes(children), self.span(children[0], children[-1]))

    def layer(self, children: list[Any]) -> ast.Layer:
        name, *rest = children
        arguments: Arguments | None = None
        if rest and isinstance(rest[0], Arguments):
            arguments = rest.pop(0)
        block = self._once(name, "block", [p for p in rest if isinstance(p, _Block)])
        repeat = self._once(name, "repetition", [p for p in rest if isinstance(p, _Repeat)])
        device = self._once(name, "device", [p for p in rest if isinstance(p, _Device)])
        return ast.Layer(
            name=self.name(name),
            arguments=arguments.arguments if arguments else None,
            block=block.items if block else None,
            block_span=block.span if block else None,
            repeat=repeat.times if repeat else None,
            device=device.device if device else None,
            span=self.span(name, children[-1]),
        )

    def _once(self, name: Token, what: str, found: list[Any]) -> Any:
        for extra in found[1:]:
            self.problem(
                "E0115",
                f"{quoted(name)} has a second {what}",
                extra.span,
                Label(found[0].span, f"the first {what} is here"),
            )
        return found[0] if found else None

    def branch(self, children: list[Any]) -> ast.Branch:
        name, _, block = children
        return ast.Branch(self.name(name), block.items, self.span(name, block))

    # ---- inputs ----------------------------------------------------------------------------

    def dim(self, children: list[Token]) -> ast.Number | ast.NoneLiteral | ast.Reference:
        token = children[-1]
        if token.type == "NONE":
            return self.none(children)
        if token.type == "NAME":
            return self.reference(children)
        number = self.number(children)
        if not isinstance(number.value, int):
            self.problem("E0119", f"a dimension is a whole number, not {token}", number.span)
        return number

    def shape(self, children: list[Any]) -> ast.Input:
        span = self.span(children[0], children[-1])
        dims = nodes(children)
        if not dims:
            self.problem(
                "E0119",
                "a shape needs at least one dimension",
                span,
                help="write the sizes without the batch, like `(512,)` or `(28, 28, 1)`",
            )
        return ast.Input(None, dims, span)

    def named_input(self, children: list[Any]) -> ast.Input:
        shape = self._as_input(children[2])
        return replace(shape, name=self.name(children[0]), span=self.span(children[0], shape))

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
            self.problem(
                "E0119", "no input is named between these braces", self.span(rest[0], last)
            )
        if isinstance(last, ast.Input):
            last = shapes[-1]
        return _Inputs(shapes, keyword, self.span(keyword, last))

    fragment_inputs = inputs_section

    # ---- sections --------------------------------------------------------------------------

    def layer_list(self, children: list[Any]) -> _Block:
        return _Block(nodes(children), self.span(children[0], children[-1]))

    def layers_section(self, children: list[Any]) -> _Layers:
        keyword, colon, *rest = children
        rest = [c for c in rest if not isinstance(c, Token)]
        bracketed = rest and isinstance(rest[0], _Block)
        items = rest[0].items if bracketed else tuple(rest)
        return _Layers(items, keyword, self.span(keyword, rest[-1] if rest else colon))

    fragment_layers = layers_section

    def value_section(self, children: list[Any]) -> ast.Section:
        keyword, _, value, *settings = children
        return ast.Section(
            self.name(keyword),
            value,
            settings[0] if settings else None,
            self.span(keyword, children[-1]),
        )

    def block_section(self, children: list[Any]) -> ast.Section:
        keyword, value = children[0], children[-1]
        return ast.Section(self.name(keyword), value, None, self.span(keyword, value))

    # ---- declarations ----------------------------------------------------------------------

    def network(self, children: list[Any]) -> ast.Network:
        keyword, name, _, *found = children
        inputs: _Inputs | None = None
        layers: _Layers | None = None
        sections: list[ast.Section] = []
        first: dict[str, Span] = {}
        for section in nodes(found):
            word = section.keyword
            if isinstance(word, Token):
                word = self.name(word)
            canonical = SECTION_ALIASES.get(word.text, word.text)
            if canonical in first:
                self.problem(
                    "E0114",
                    f"network {quoted(name)} has a second section {quoted(word.text)}",
                    word.span,
                    Label(first[canonical], "the first one is here"),
                    help="join the two, or remove one",
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
            name=self.name(name),
            inputs=inputs.inputs if inputs else None,
            inputs_span=inputs.span if inputs else None,
            layers=layers.items if layers else None,
            layers_span=layers.span if layers else None,
            sections=tuple(sections),
            span=self.span(keyword, children[-1]),
        )

    def parameter(self, children: list[Any]) -> ast.Parameter:
        token = children[0]
        name = ast.Name(token.removeprefix("$"), self.span(token))
        default = children[2] if len(children) == 3 else None
        return ast.Parameter(name, default, self.span(token, children[-1]))

    def macro(self, children: list[Any]) -> ast.Macro:
        keyword, name, *rest = children
        parameters = tuple(c for c in rest if isinstance(c, ast.Parameter))
        block: _Block = rest[-1]
        return ast.Macro(self.name(name), parameters, block.items, self.span(keyword, block))

    def research_body(self, children: list[Any]) -> Token:
        first, last = children[0], children[-1]
        return Token(
            "RESEARCH_BODY",
            self.source.text[first.start_pos : last.end_pos],
            first.start_pos,
            first.line,
            first.column,
            last.end_line,
            last.end_column,
            last.end_pos,
        )

    def research(self, children: list[Any]) -> ast.Research:
        keyword, *_ = children
        body = children[-1]
        name = self.name(children[1]) if len(children) == 3 else None
        return ast.Research(name, str(body)[1:-1].strip(), self.span(keyword, body))

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
        span = self.source.span(0, len(self.source.text))
        return ast.Program(tuple(declarations), span, self.has_choices)

    def _fragment(self, pieces: list[Any]) -> ast.Fragment:
        self._check_keywords(pieces)
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
            inputs_open = False
            if isinstance(piece, _Inputs):
                if first_inputs is not None:
                    self.problem(
                        "E0114",
                        f"a second section `{piece.keyword}`",
                        self.span(piece.keyword),
                        Label(self.span(first_inputs), "the first one is here"),
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
            self.span(pieces[0], pieces[-1]),
            tuple(inputs) if inputs is not None else None,
        )

    def _check_keywords(self, pieces: list[Any]) -> None:
        """`netwrok Name { … }` reads like two layers; say what it was meant to be."""
        for piece, behind in pairwise(pieces):
            if not (isinstance(piece, ast.Layer) and isinstance(behind, ast.Layer)):
                continue
            if piece.name.text in PYTHON and piece.span == piece.name.span:
                self.problem(
                    "E0110",
                    f"{quoted(piece.name.text)} is Python, not Neural",
                    piece.name.span,
                    help=PYTHON[piece.name.text],
                )
            if piece.span != piece.name.span or behind.block is None:
                continue
            keyword = closest(piece.name.text, DECLARATIONS)
            if keyword is not None:
                self.problems.append(misspelled(piece.name.text, piece.name.span, keyword))


def misspelled(word: str, span: Span, keyword: str, what: str = "keyword") -> Diagnostic:
    """The error of `word`, which is nearly `keyword`."""
    return Diagnostic(
        "E0112",
        Severity.ERROR,
        f"{quoted(word)} is no {what}",
        span,
        help=f"did you mean `{keyword}`?",
        fixes=(Fix(f"write `{keyword}`", span, keyword),),
    )


def no_branch(name: str, span: Span) -> Diagnostic:
    """The error of `name:` among layers with anything but a block behind it."""
    return Diagnostic(
        "E0117",
        Severity.ERROR,
        f"{quoted(name + ':')} is neither a section nor a branch with its layers in braces",
        span,
        help="a branch is written `name: { … }`",
    )
