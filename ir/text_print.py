"""Writes a graph as text.

In: a graph. Out: its text, in the order of `Graph.nodes`, which `text_parse.py` reads back.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from .dim import Symbol, SymbolicDim, symbols_of
from .dtype import DType
from .graph import Graph
from .node import Attribute, Node
from .parameter import Computed, Literal, ParameterSource, Seeded, Stored
from .span import Span
from .spec import AttributeSpec, spec_of
from .type import TensorType
from .value import Value

WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
"""A name that needs no quotes."""
PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./\[\]-]*")
"""A scope or a file that needs no quotes."""
RESERVED = frozenset({"true", "false", "none", "inf", "nan", "dim", *(d.value for d in DType)})
"""Words that mean something else than a symbol where an attribute stands."""

_SHORT = 16
"""Elements up to which an array is written as numbers."""


def print_graph(graph: Graph, *, locations: bool = False) -> str:
    """The graph's text. With `locations` each node also says its scope and its source places.

    Raises `ValueError` where one name stands for two symbols.
    """
    symbols: dict[str, Symbol] = {}
    for each in _symbols(graph):
        if symbols.setdefault(each.name, each) != each:
            raise ValueError(f"two symbols of graph {graph.name!r} are called {each.name!r}")
    lines = [f"graph @{_word(graph.name)} {{"]
    lines += [f"  {_symbol(each)}" for each in symbols.values()]
    lines += [f"  {line}" for line in _body(graph, locations)]
    return "\n".join([*lines, "}\n"])


# ---- the lines ----------------------------------------------------------------------------


def _body(graph: Graph, locations: bool) -> Iterator[str]:
    for key, text in graph.metadata.items():
        yield f"metadata {_quoted(key)} = {_quoted(text)}"
    for value in graph.inputs:
        yield f"{_value(value)} = input : {value.type}"
    for value, source in graph.sources():
        content = _source(source, value.name)
        yield f"{_value(value)} = {value.kind.value} {content} : {value.type}"
    for node in graph.nodes():
        yield from _node(node, locations)
    for name, value in graph.outputs.items():
        yield f"output {_value(value)} as {_quoted(name)}"


def _node(node: Node, locations: bool) -> Iterator[str]:
    results = ", ".join(_value(result) for result in node.results) or "()"
    operands = list(node.operands)
    while operands and operands[-1] is None:
        operands.pop()
    if "." in node.op:
        operands = list(node.operands)
    given = ", ".join(_value(operand) if operand is not None else "_" for operand in operands)
    line = f"{results} = {_word(node.op)}({given})"
    shown = _shown(node.op, node.attributes)
    if shown:
        line += f" {shown}"
    if node.regions:
        yield f"{line} regions ["
        for region in node.regions:
            yield f"  graph @{_word(region.name)} {{"
            for inner in _body(region, locations):
                yield f"    {inner}"
            yield "  }"
        line = "]"
    types = ", ".join(str(result.type) for result in node.results) or "()"
    yield f"{line} : {types}{_places(node) if locations else ''}"


def _places(node: Node) -> str:
    text = f"  in {_path(node.scope)}" if node.scope else ""
    if node.spans:
        text += ("" if text else " ") + " at " + ", ".join(_span(span) for span in node.spans)
    return text


def _span(span: Span) -> str:
    ends = f"{span.line}:{span.column}-{span.end_line}:{span.end_column}"
    return f"{_path(span.file)}:{ends}"


def _symbol(symbol: Symbol) -> str:
    text = f"symbol {symbol.name} >= {symbol.minimum}"
    if symbol.maximum is not None:
        text += f" <= {symbol.maximum}"
    if symbol.within is not None:
        text += f" within {symbol.within}"
    return f"{text} {_quoted(symbol.origin)}" if symbol.origin else text


def _symbols(graph: Graph) -> Iterator[Symbol]:
    """Every symbol, as often as it occurs, also those of attributes and nested graphs."""
    for value in graph.inputs:
        yield from symbols_of(value.type.shape)
    for value, _ in graph.sources():
        yield from symbols_of(value.type.shape)
    for node in graph.nodes():
        for attribute in node.attributes.values():
            yield from _symbols_within(attribute)
        for region in node.regions:
            yield from _symbols(region)
        for result in node.results:
            yield from symbols_of(result.type.shape)


def _symbols_within(attribute: Attribute) -> Iterator[Symbol]:
    if isinstance(attribute, SymbolicDim):
        yield from attribute.symbols()
    elif isinstance(attribute, tuple):
        for each in attribute:
            yield from _symbols_within(each)


# ---- attributes ---------------------------------------------------------------------------


def _shown(op: str, attributes: Mapping[str, Attribute]) -> str:
    """The attributes in braces, without those that have their defaults."""
    specs: Mapping[str, AttributeSpec] = {} if "." in op else spec_of(op).attributes
    shown = []
    for name, value in attributes.items():
        text = _attribute(value)
        spec = specs.get(name)
        if spec is None or spec.required or _attribute(spec.default) != text:
            shown.append(f"{_word(name)} = {text}")
    return f"{{{', '.join(shown)}}}" if shown else ""


def _attribute(value: Attribute) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, tuple):
        items = ", ".join(_attribute(each) for each in value)
        return f"({items},)" if len(value) == 1 else f"({items})"
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, SymbolicDim):
        text = str(value)
        unclear = text[0] == "(" or any(each.name in RESERVED for each in value.symbols())
        return f"dim({text})" if unclear else text
    return str(value)


# ---- sources ------------------------------------------------------------------------------


def _source(source: ParameterSource, path: str) -> str:
    """A source without its type. `path` is the name that a seeded one need not repeat."""
    match source:
        case Literal():
            return _literal(source)
        case Seeded():
            arguments = [f"{_word(name)}={_float(value)}" for name, value in source.arguments]
            arguments.append(f"seed={source.seed}")
            if source.path != path:
                arguments.append(f"path={_quoted(source.path)}")
            return f"seeded {_word(source.initializer)}({', '.join(arguments)})"
        case Stored():
            return f"stored {_quoted(source.file)} {_quoted(source.tensor)}"
        case Computed():
            operands = ", ".join(
                "_" if operand is None else f"{_source(operand, '')} : {operand.type}"
                for operand in source.operands
            )
            index = f"@{source.index}" if source.index else ""
            shown = _shown_all(source.attributes)
            return f"computed {_word(source.op)}{index}({operands}){shown}"


def _shown_all(attributes: Mapping[str, Attribute]) -> str:
    shown = ", ".join(f"{_word(name)} = {_attribute(value)}" for name, value in attributes.items())
    return f" {{{shown}}}" if shown else ""


def _literal(source: Literal) -> str:
    array = source.array
    if array.size <= _SHORT:
        texts = [element(item, source.type) for item in array.reshape(-1)]
        if None not in texts:
            numbers = [text for text in texts if text is not None]
            return numbers[0] if array.ndim == 0 else f"[{', '.join(numbers)}]"
    raw = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    return f'bytes "{base64.b64encode(raw).decode("ascii")}"'


def element(item: Any, type: TensorType) -> str | None:
    """The shortest text that reads back as the same bits; None for a NaN that carries data."""
    if type.dtype is DType.BOOL:
        return "true" if item else "false"
    if not type.dtype.is_float:
        return str(int(item))
    if np.isnan(item):
        return "nan" if item.tobytes() == item.dtype.type(math.nan).tobytes() else None
    text = _float(float(str(item)))
    back = item.dtype.type(float(text))
    return text if back.tobytes() == item.tobytes() else _float(float(item))


# ---- words --------------------------------------------------------------------------------


def _float(number: float) -> str:
    """Always with a point, an exponent or a word, so that it differs from an int."""
    return repr(float(number))


def _value(value: Value) -> str:
    return f"%{_word(value.name)}"


def _word(name: str) -> str:
    return name if WORD.fullmatch(name) else _quoted(name)


def _path(text: str) -> str:
    return text if PATH.fullmatch(text) else _quoted(text)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
