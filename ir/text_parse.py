"""Reads a graph from its text.

In: what `text_print.py` writes; `#` begins a comment. Out: the graph, or a `GraphTextError` that
says where the text is wrong.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from .dim import Dim, Symbol, parse_dim
from .dtype import DType
from .graph import Graph
from .node import Attribute
from .parameter import Computed, Literal, ParameterSource, Seeded, Stored
from .span import Span
from .spec import InferenceError
from .text_print import RESERVED
from .text_tokens import Tokens
from .type import TensorType
from .value import Kind, Value

_NUMBER = re.compile(r"[-+]?(?:inf\b|nan\b|\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)")
_SYMBOL = re.compile(r"[A-Za-z_]\w*")
_TYPE = re.compile(r"(\w+)\[")
_DTYPES = {dtype.value: dtype for dtype in DType}
_SOURCES = {kind.value: kind for kind in (Kind.CONSTANT, Kind.PARAMETER, Kind.STATE)}


def parse_graph(text: str) -> Graph:
    """The graph that a text describes.

    Raises `GraphTextError` for a mistake in the text, and for an op that cannot take its operands
    or gives other types than the text says.
    """
    reader = _Reader(text)
    graph = reader.graph()
    reader.end()
    return graph


class _Reader(Tokens):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.symbols: dict[str, Symbol] = {}

    # ---- graphs and lines -----------------------------------------------------------------

    def graph(self) -> Graph:
        self.expect("graph")
        self.expect("@")
        graph = Graph(self.word())
        values: dict[str, Value] = {}
        self.expect("{")
        while not self.accept("}"):
            if self.at("%") or self.at("("):
                self.definition(graph, values)
            elif self.accept_word("symbol"):
                self.symbol()
            elif self.accept_word("metadata"):
                key = self.string()
                self.expect("=")
                graph.metadata[key] = self.string()
            elif self.accept_word("output"):
                value = self.operand(values)
                self.expect("as")
                graph.outputs[self.string()] = value
            else:
                raise self.error("expected a definition, an output, a symbol, metadata or '}'")
        return graph

    def symbol(self) -> None:
        name = self.match(_SYMBOL, "the name of a symbol")
        self.expect(">=")
        minimum = self.integer()
        maximum = self.integer() if self.accept("<=") else None
        within = self.dim() if self.accept_word("within") else None
        origin = self.string() if self.at('"') else ""
        if name in self.symbols:
            raise self.error(f"symbol {name} is declared twice")
        self.symbols[name] = Symbol(name, minimum, maximum, origin, within)

    def definition(self, graph: Graph, values: dict[str, Value]) -> None:
        names: list[str] = []
        if self.accept("("):
            self.expect(")")
        else:
            names = self.several(self.name)
        for name in names:
            if name in values:
                raise self.error(f"%{name} is defined twice")
        self.expect("=")
        start = self.position
        word = self.word()
        try:
            if word == "input":
                self.expect(":")
                results = [graph.add_input(self.only(names), self.type())]
            elif word in _SOURCES and not self.at("("):
                name = self.only(names)
                results = [graph.add_source(name, self.source(name), _SOURCES[word])]
            else:
                results = self.node(graph, values, word, names)
        except InferenceError as error:
            self.position = start
            raise self.error(str(error)) from error
        values.update(zip(names, results, strict=True))

    def node(
        self, graph: Graph, values: dict[str, Value], op: str, names: list[str]
    ) -> list[Value]:
        self.expect("(")
        operands = self.until(")", lambda: self.operand_or_none(values))
        attributes = self.attributes()
        regions: list[Graph] = []
        if self.accept_word("regions"):
            self.expect("[")
            while not self.accept("]"):
                regions.append(self.graph())
        self.expect(":")
        types: list[TensorType] = []
        if self.accept("("):
            self.expect(")")
        else:
            types = self.several(self.type)
        if len(types) != len(names):
            raise self.error(f"{op} has {len(names)} results and {len(types)} types")
        scope = self.path() if self.accept_word("in") else ""
        spans = tuple(self.several(self.span)) if self.accept_word("at") else ()
        node = graph.add(
            op,
            operands,
            attributes,
            spans=spans,
            scope=scope,
            names=names,
            types=tuple(types),
            regions=tuple(regions),
        )
        return list(node.results)

    def span(self) -> Span:
        file = self.path()
        numbers = [0, 0, 0, 0]
        for index, mark in enumerate((":", ":", "-", ":")):
            self.expect(mark)
            numbers[index] = self.integer()
        return Span(file, *numbers)

    # ---- values and types -----------------------------------------------------------------

    def name(self) -> str:
        self.expect("%")
        return self.word()

    def only(self, names: list[str]) -> str:
        if len(names) != 1:
            raise self.error("an input or a source defines one value")
        return names[0]

    def operand(self, values: dict[str, Value]) -> Value:
        start = self.position
        name = self.name()
        if name not in values:
            self.position = start
            raise self.error(f"%{name} is not defined above")
        return values[name]

    def operand_or_none(self, values: dict[str, Value]) -> Value | None:
        return None if self.accept("_") else self.operand(values)

    def type(self) -> TensorType:
        start = self.position
        dtype = self.match(_TYPE, "a type")[:-1]
        if dtype not in _DTYPES:
            self.position = start
            raise self.error(f"there is no element type {dtype}")
        return TensorType(_DTYPES[dtype], tuple(self.until("]", self.dim)))

    def dim(self) -> Dim:
        """A dimension: up to the comma, bracket, quote or line that ends it."""
        start, depth = self.position, 0
        while self.position < len(self.text):
            mark = self.text[self.position]
            if depth == 0 and mark in ',)]}"\n':
                break
            depth += (mark == "(") - (mark == ")")
            self.position += 1
        end = self.position
        try:
            dim = parse_dim(self.text[start:end].strip(), self.symbols)
        except ValueError as error:
            self.position = start
            raise self.error(str(error)) from error
        self.blank()
        return dim

    # ---- attributes -----------------------------------------------------------------------

    def attributes(self) -> dict[str, Attribute]:
        if not self.accept("{"):
            return {}

        def one() -> tuple[str, Attribute]:
            name = self.word()
            self.expect("=")
            return name, self.attribute()

        return dict(self.until("}", one))

    def attribute(self) -> Attribute:
        if self.at('"'):
            return self.string()
        if self.accept_word("dim"):
            self.expect("(")
            dim = self.dim()
            self.expect(")")
            return dim
        word = _SYMBOL.match(self.text, self.position)
        if word and word[0] in RESERVED:
            self.position = word.end()
            self.blank()
            named = {"true": True, "false": False, "none": None, "inf": math.inf, "nan": math.nan}
            return named[word[0]] if word[0] in named else _DTYPES[word[0]]
        number = _NUMBER.match(self.text, self.position)
        if number and _ends(self.text, number.end()):
            text = self.match(_NUMBER, "a number")
            return int(text) if re.fullmatch(r"[-+]?\d+", text) else float(text)
        if self.accept("("):
            return tuple(self.until(")", self.attribute))
        return self.dim()

    # ---- sources --------------------------------------------------------------------------

    def source(self, path: str) -> ParameterSource:
        """A source and its type."""
        if self.accept_word("seeded"):
            initializer = self.word()
            self.expect("(")
            arguments: list[tuple[str, float]] = []
            seed, given = 0, path

            def argument() -> None:
                nonlocal seed, given
                name = self.word()
                self.expect("=")
                if name == "seed":
                    seed = self.integer()
                elif name == "path":
                    given = self.string()
                else:
                    arguments.append((name, float(self.match(_NUMBER, "a number"))))

            self.until(")", argument)
            return Seeded(self.typed(), initializer, tuple(arguments), seed, given)
        if self.accept_word("stored"):
            file, tensor = self.string(), self.string()
            return Stored(self.typed(), file, tensor)
        if self.accept_word("computed"):
            op = self.word()
            index = self.integer() if self.accept("@") else 0
            self.expect("(")
            operands = self.until(")", lambda: None if self.accept("_") else self.source(""))
            attributes = self.attributes()
            return Computed(self.typed(), op, attributes, tuple(operands), index)
        return self.literal()

    def typed(self) -> TensorType:
        self.expect(":")
        return self.type()

    def literal(self) -> Literal:
        start = self.position
        if self.accept_word("bytes"):
            text = self.string()
            type = self.typed()
            held = type.dtype.numpy
            try:
                raw = base64.b64decode(text, validate=True)
                array = np.frombuffer(raw, held.newbyteorder("<")).astype(held)
            except (binascii.Error, ValueError) as error:
                raise self.error(f"not the bytes of an array: {error}") from error
        else:
            scalar = not self.accept("[")
            texts = [self.element()] if scalar else self.until("]", self.element)
            type = self.typed()
            array = self.array(texts, type)
        sizes = [dim for dim in type.shape if isinstance(dim, int)]
        if len(sizes) != type.rank or math.prod(sizes) != array.size:
            self.position = start
            raise self.error(f"{array.size} elements are no {type}")
        return Literal(type, array.reshape(sizes))

    def element(self) -> str:
        for word in ("true", "false"):
            if self.accept_word(word):
                return word
        return self.match(_NUMBER, "a number")

    def array(self, texts: list[str], type: TensorType) -> np.ndarray[Any, Any]:
        named = {"true": True, "false": False}
        try:
            if type.dtype is DType.BOOL:
                return np.array([named[text] for text in texts], dtype=bool)
            convert: Callable[[str], Any] = float if type.dtype.is_float else int
            return np.array([convert(text) for text in texts], dtype=type.dtype.numpy)
        except (KeyError, ValueError, OverflowError) as error:
            raise self.error(f"not elements of {type.dtype}: {', '.join(texts)}") from error


def _ends(text: str, place: int) -> bool:
    """Whether an attribute may end here."""
    rest = text[place:].lstrip(" ")
    return not rest or rest[0] in ",)]}\n"
