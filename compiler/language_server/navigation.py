"""Where things are: definitions, uses, the outline, what can be folded.

In: an analysis and an offset. Out: spans, and a tree of symbols.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...ir.span import Span
from ..layers.spec import layer_named
from ..syntax import ast
from .analysis import Analysis

_WORD = re.compile(r"\$?[^\W\d]\w*")


@dataclass(frozen=True, slots=True)
class Symbol:
    """`kind` is network, macro, layer, branch, section or input."""

    name: str
    kind: str
    detail: str
    span: Span
    name_span: Span
    children: tuple[Symbol, ...] = ()


def word_at(analysis: Analysis, offset: int) -> tuple[str, Span] | None:
    """The word under the cursor."""
    for match in _WORD.finditer(analysis.source.text):
        if match.start() <= offset <= match.end():
            return match[0], analysis.source.span(match.start(), match.end())
    return None


def definition(analysis: Analysis, offset: int) -> Span | None:
    """Where the macro, or the parameter of one, is declared that is used here."""
    found = _declared(analysis, offset)
    return found[0] if found is not None else None


def references(analysis: Analysis, offset: int) -> list[Span]:
    """Every use of the macro or parameter that is meant here, its declaration first."""
    found = _declared(analysis, offset)
    return [found[0], *found[1]] if found is not None else []


def outline(analysis: Analysis) -> list[Symbol]:
    """The declarations of a program with what they hold."""
    found: list[Symbol] = []
    for each in analysis.program.declarations if analysis.program is not None else ():
        match each:
            case ast.Network(name=name, span=span):
                inside = [*_inputs(each.inputs or ()), *_items(each.layers or ())]
                inside += [_section(section) for section in each.sections]
                found.append(Symbol(name.text, "network", "", span, name.span, tuple(inside)))
            case ast.Macro(name=name, span=span, items=items, parameters=parameters):
                inner = ", ".join(p.name.text for p in parameters)
                children = tuple(_items(items))
                found.append(Symbol(name.text, "macro", f"({inner})", span, name.span, children))
            case ast.Fragment(items=items, sections=sections):
                found += [*_items(items), *(_section(section) for section in sections)]
    return found


def foldings(analysis: Analysis) -> list[tuple[int, int]]:
    """First and last lines, from 1, of brackets and comments over several lines."""
    from ..syntax.brackets import scan_brackets

    source = analysis.source
    found = set()
    for start, end in scan_brackets(source.text).partner.items():
        span = source.span(start, end)
        if span.end_line > span.line:
            found.add((span.line, span.end_line))
    for match in re.finditer(r"/\*.*?\*/", source.text, re.DOTALL):
        span = source.span(match.start(), match.end())
        if span.end_line > span.line:
            found.add((span.line, span.end_line))
    return sorted(found)


# ---- macros and their parameters ----------------------------------------------------------------


def _declared(analysis: Analysis, offset: int) -> tuple[Span, list[Span]] | None:
    found = word_at(analysis, offset)
    if found is None or analysis.program is None:
        return None
    word, span = found
    for macro in analysis.program.macros:
        uses = list(_uses(analysis, macro))
        if span == macro.name.span or span in [use.name.span for use in uses]:
            return macro.name.span, [use.name.span for use in uses]
        for parameter in macro.parameters:
            name = parameter.name.text
            inner = list(references_in(macro, name))
            inner += [
                given.name.span
                for use in uses
                for given in use.arguments or ()
                if given.name is not None and given.name.text == name
            ]
            if span in (parameter.name.span, *inner) and word.lstrip("$") == name:
                return parameter.name.span, inner
    return None


def _uses(analysis: Analysis, macro: ast.Macro) -> Iterator[ast.Layer | ast.Call]:
    """The layers that are a macro's, those that a wrapper takes as its argument too."""
    name = macro.name.text.lower()
    for layer in analysis.layers():
        if layer.name.text.lower() == name:
            yield layer
        spec = layer_named(layer.name.text)
        if spec is not None and spec.block.wraps:
            for given in layer.arguments or ():
                inner: ast.Expression | None = given.value
                while isinstance(inner, ast.Call):
                    if inner.name.text.lower() == name:
                        yield inner
                    inner = inner.arguments[0].value if inner.arguments else None


def references_in(node: object, name: str) -> Iterator[Span]:
    """The references to a parameter in the body and the defaults of its macro."""
    from dataclasses import fields, is_dataclass

    if isinstance(node, ast.Reference):
        if node.name == name:
            yield node.span
    elif isinstance(node, tuple):
        for each in node:
            yield from references_in(each, name)
    elif is_dataclass(node) and not isinstance(node, Span | type):
        for each in fields(node):
            yield from references_in(getattr(node, each.name), name)


# ---- the outline --------------------------------------------------------------------------------


def _items(items: Sequence[ast.Item]) -> Iterator[Symbol]:
    for item in items:
        if isinstance(item, ast.Branch):
            inner = tuple(_items(item.items))
            yield Symbol(item.name.text, "branch", "", item.span, item.name.span, inner)
        elif item.name.text:
            inner = tuple(_items(item.block or ()))
            times = f"* {item.repeat.value}" if isinstance(item.repeat, ast.Number) else ""
            yield Symbol(item.name.text, "layer", times, item.span, item.name.span, inner)


def _section(section: ast.Section) -> Symbol:
    keyword = section.keyword
    return Symbol(keyword.text, "section", "", section.span, keyword.span)


def _inputs(inputs: Sequence[ast.Input]) -> Iterator[Symbol]:
    for each in inputs:
        name = each.name.text if each.name is not None else "input"
        yield Symbol(name, "input", "", each.span, each.name.span if each.name else each.span)
