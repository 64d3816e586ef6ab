"""What is left of a program with syntax errors, so that its healthy parts can be checked.

In: a program parsed without its wrong parts, and the places of these. Out: the program with an
unknown layer where layers are missing: a layer without a name, of which the checker knows that it
was told about. What the missing layers make is unknown to it, so that nothing said about the layers
behind them follows from their loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...ir.span import Span
from . import ast


def with_gaps(program: ast.Program, gaps: Sequence[Span], guessed: Sequence[Span]) -> ast.Program:
    """The program with unknown layers at `gaps`.

    `guessed` are places where a brace was put to read on: of the declaration around one it is not
    known where it ends, so that all its layers are unknown.
    """
    declarations = list(program.declarations)
    for place in guessed:
        declarations = [_hollow(d) if _within(place, d.span) else d for d in declarations]
    for gap in gaps:
        declarations = [_damaged(d, gap) if _within(gap, d.span) else d for d in declarations]
    return replace(program, declarations=tuple(declarations))


def _hollow(declaration: ast.Declaration) -> ast.Declaration:
    if isinstance(declaration, ast.Network):
        missing = (_missing(declaration.name.span),)
        return replace(declaration, layers=missing, inputs=declaration.inputs or _ANY, sections=())
    if isinstance(declaration, ast.Macro | ast.Fragment):
        return replace(declaration, items=(_missing(declaration.span),))
    return declaration


def _damaged(declaration: ast.Declaration, gap: Span) -> ast.Declaration:
    if isinstance(declaration, ast.Network):
        span = declaration.layers_span
        written = declaration.inputs_span
        if written is not None and _within(gap, written):
            layers = (_missing(gap), *(declaration.layers or ()))
            return replace(declaration, layers=layers, inputs=_ANY)
        if span is None:
            # The gap may have been the section of layers, or of the input.
            missing = (_missing(gap),)
            return replace(declaration, layers=missing, inputs=declaration.inputs or _ANY)
        if _before(gap, span) or any(_before(span, s.span, gap) for s in declaration.sections):
            if declaration.inputs is not None:
                return declaration
            layers = (_missing(gap), *(declaration.layers or ()))
            return replace(declaration, layers=layers, inputs=_ANY)
        return replace(declaration, layers=_insert(declaration.layers or (), gap))
    if isinstance(declaration, ast.Macro | ast.Fragment):
        return replace(declaration, items=_insert(declaration.items, gap))
    return declaration


def _insert(items: Sequence[ast.Item], gap: Span) -> tuple[ast.Item, ...]:
    """The items with an unknown layer at `gap`, within the block that encloses it."""
    for index, item in enumerate(items):
        if not _within(gap, item.span):
            continue
        inner: ast.Item
        if isinstance(item, ast.Branch):
            inner = replace(item, items=_insert(item.items, gap))
        elif item.block is not None and item.block_span and _within(gap, item.block_span):
            inner = replace(item, block=_insert(item.block, gap))
        else:
            inner = _missing(gap)
        return (*items[:index], inner, *items[index + 1 :])
    before = [item for item in items if _before(item.span, gap)]
    return (*before, _missing(gap), *items[len(before) :])


def _missing(place: Span) -> ast.Layer:
    return ast.Layer(ast.Name("", place), None, None, None, None, None, place)


_NOWHERE = Span("", 1, 1, 1, 1)
_ANY = (ast.Input(None, (ast.Number(1, _NOWHERE),), _NOWHERE),)
"""An input for a network whose own was not understood; nothing behind an unknown layer sees it."""


def _start(span: Span) -> tuple[int, int]:
    return span.line, span.column


def _end(span: Span) -> tuple[int, int]:
    return span.end_line, span.end_column


def _within(place: Span, span: Span) -> bool:
    return _start(span) <= _start(place) < _end(span)


def _before(*spans: Span) -> bool:
    starts = [_start(span) for span in spans]
    return starts == sorted(starts)
