"""Checks that a graph is whole.

In: a graph. Out: nothing, or a `VerificationError` that lists each finding with the rule that
it breaks. The rules are a table; each reads the graph through its public questions and is linear in
its size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .dim import Symbol, SymbolicDim, symbols_of
from .graph import Graph
from .node import Attribute, Node
from .parameter import Computed, Literal, ParameterSource
from .spec import InferenceError, is_attribute, spec_of
from .type import TensorType
from .value import Kind, Value


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, by which rule, and where: at a node, or at none."""

    rule: str
    message: str
    node: Node | None = None

    def __str__(self) -> str:
        place = ""
        if self.node is not None:
            results = ", ".join(str(result) for result in self.node.results)
            place = f" at {results or '()'} = {self.node.op}(…)"
            place += f" in {self.node.scope}" if self.node.scope else ""
        return f"{self.rule}{place}: {self.message}"


class VerificationError(Exception):
    """A graph that breaks rules: a fault of the compiler, not of the program."""

    def __init__(self, graph: str, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        lines = "".join(f"\n  {finding}" for finding in findings)
        super().__init__(f"graph {graph!r} is not valid:{lines}")


Problem = tuple[str, Node | None]
Nodes = Sequence[Node]
"""Every node, in order."""


def verify(graph: Graph) -> None:
    """Raises `VerificationError` where the graph, or one nested in it, breaks a rule."""
    nodes = graph.nodes()
    findings = tuple(
        Finding(rule, message, node)
        for rule, check in RULES.items()
        for message, node in check(graph, nodes)
    )
    if findings:
        raise VerificationError(graph.name, findings)


# ---- structure ----------------------------------------------------------------------------


def _acyclic(graph: Graph, nodes: Nodes) -> Iterator[Problem]:
    """No node needs its own result."""
    if not graph.is_acyclic():
        yield "nodes depend on each other in a circle", None


def _defined(graph: Graph, nodes: Nodes) -> Iterator[Problem]:
    """Every operand and output is an input, a source or a result of this very graph."""
    inputs = set(graph.inputs)

    def is_defined(value: Value) -> bool:
        known = graph.producer(value) is not None or graph.source(value) is not None
        return value in graph and (known or value in inputs)

    for node in nodes:
        for operand in node.operands:
            if operand is not None and not is_defined(operand):
                yield f"the operand {operand} is defined nowhere", node
    for name, output in graph.outputs.items():
        if not is_defined(output):
            yield f"the output {name!r}, {output}, is defined nowhere", None
    if not graph.outputs:
        yield "there is no output", None


def _produced_once(graph: Graph, nodes: Nodes) -> Iterator[Problem]:
    """A result belongs to its node alone, and is neither an input nor a source."""
    inputs = set(graph.inputs)
    if len(inputs) != len(graph.inputs):
        yield "an input is listed twice", None
    for value in graph.inputs:
        if value not in graph or graph.source(value) is not None:
            yield f"the input {value} is not an input of the graph", None
    for node in nodes:
        for result in node.results:
            if graph.producer(result) is not node:
                yield f"{result} is not recorded as its result", node
            if result in inputs or graph.source(result) is not None:
                yield f"{result} is a result and an input or a source", node


def _uses(graph: Graph, nodes: Nodes) -> Iterator[Problem]:
    """The use lists say exactly which operand of which node reads a value."""
    read = 0
    for node in nodes:
        read += sum(operand is not None for operand in node.operands)
    listed = 0
    for value in _values(graph, nodes):
        for node, index in graph.uses(value):
            listed += 1
            if index >= len(node.operands) or node.operands[index] is not value:
                yield f"operand {index} is listed as a use of {value}", node
    if listed != read:
        yield f"nodes read {read} operands, the use lists have {listed}", None


def _names(graph: Graph, nodes: Nodes) -> Iterator[Problem]:
    """No two values share a name."""
    seen: dict[str, Value] = {}
    for value in _values(graph, nodes):
        if seen.setdefault(value.name, value) is not value:
            yield f"two values are called {value}", graph.producer(value)


# ---- types --------------------------------------------------------------------------------


def _attributes(graph: Graph, nodes: Nodes) -> Iterator[Problem]:
    """Nodes have the attributes that their ops have, all of them, of the right types."""
    for node in nodes:
        if "." in node.op:
            for name, value in node.attributes.items():
                if value is not None and not is_attribute((value,), tuple):
                    yield f"attribute {name!r} is {value!r}", node
            continue
        try:
            spec = spec_of(node.op)
            spec.complete(node.attributes)
        except InferenceError as error:
            yield str(error), node
            continue
        for name, expected in spec.attributes.items():
            if name not in node.attributes:
                yield f"the attribute {name!r} is not there", node
            elif not is_attribute(node.attributes[name], expected.kind):
                yield f"attribute {name!r} is {node.attributes[name]!r}", node


def _types(graph: Graph, nodes: Nodes) -> Iterator[Problem]:
    """Result types are those that the op gives for its operands."""
    for node in nodes:
        if "." in node.op:
            continue
        try:
            inferred = _infer(
                node.op,
                [operand.type if operand is not None else None for operand in node.operands],
                node.attributes,
            )
        except InferenceError as error:
            yield str(error), node
            continue
        except Exception as error:
            yield f"types cannot be inferred: {type(error).__name__}: {error}", node
            continue
        types = tuple(result.type for result in node.results)
        if inferred != types:
            yield f"results are {_listed(types)}, but must be {_listed(inferred)}", node


def _infer(
    op: str, types: list[TensorType | None], attributes: Mapping[str, Attribute]
) -> tuple[TensorType, ...]:
    spec = spec_of(op)
    if spec.arrange(types) != tuple(types):
        raise InferenceError(f"{op} has {len(types)} operands, not {len(spec.operands)}")
    return spec.infer(types, spec.complete(attributes))


def _listed(types: tuple[TensorType, ...]) -> str:
    return ", ".join(str(type) for type in types)


def _sources(graph: Graph, nodes: Nodes) -> Iterator[Problem]:
    """Constants and weights have a content of their type, known to the last dimension."""
    checked: set[int] = set()
    known: set[Value] = set()
    for value, source in graph.sources():
        known.add(value)
        if value.kind is Kind.ACTIVATION:
            yield f"{value} has a content, but is of kind activation", None
        if source.type != value.type:
            yield f"{value} is {value.type}, its content {source.type}", None
        for message in _source(source, checked):
            yield f"{value}: {message}", None
    for value in {**dict.fromkeys(graph.inputs), **dict.fromkeys(_read(nodes))}:
        if value.kind is not Kind.ACTIVATION and value not in known:
            yield f"{value} is of kind {value.kind.value}, but has no content", None


def _source(source: ParameterSource, checked: set[int]) -> Iterator[str]:
    pending: list[ParameterSource] = [source]
    while pending:
        each = pending.pop()
        if id(each) in checked:
            continue
        checked.add(id(each))
        if any(not isinstance(dim, int) for dim in each.type.shape):
            yield f"its content has the symbolic shape {each.type}"
        elif isinstance(each, Literal):
            held = each.type.dtype.numpy
            if each.array.shape != each.type.shape or each.array.dtype != held:
                yield f"its array is {each.array.dtype}{list(each.array.shape)}, not {each.type}"
        elif isinstance(each, Computed):
            yield from _computed(each)
            pending += [operand for operand in each.operands if operand is not None]


def _computed(source: Computed) -> Iterator[str]:
    types = [operand.type if operand is not None else None for operand in source.operands]
    try:
        spec = spec_of(source.op)
        inferred = spec.infer(spec.arrange(types), spec.complete(source.attributes))
    except InferenceError as error:
        yield str(error)
        return
    if not 0 <= source.index < len(inferred):
        yield f"{source.op} has no result {source.index}"
    elif inferred[source.index] != source.type:
        yield f"{source.op} gives {inferred[source.index]}, not {source.type}"


def _symbols(graph: Graph, nodes: Nodes) -> Iterator[Problem]:
    """A symbol's name means one symbol, with one set of bounds."""
    seen: dict[str, Symbol] = {}
    for value in _values(graph, nodes):
        if any(isinstance(dim, SymbolicDim) for dim in value.type.shape):
            for symbol in symbols_of(value.type.shape):
                if seen.setdefault(symbol.name, symbol) != symbol:
                    message = f"{value} has another symbol {symbol} than values before it"
                    yield message, graph.producer(value)


def _regions(graph: Graph, nodes: Nodes) -> Iterator[Problem]:
    """Nested graphs are whole themselves."""
    for node in nodes:
        for region in node.regions:
            try:
                verify(region)
            except VerificationError as error:
                yield str(error), node


def _values(graph: Graph, nodes: Nodes) -> Iterator[Value]:
    """Inputs, sources and results, each once where the graph is whole."""
    yield from graph.inputs
    for value, _ in graph.sources():
        yield value
    for node in nodes:
        yield from node.results


def _read(nodes: Nodes) -> Iterator[Value]:
    for node in nodes:
        yield from (operand for operand in node.operands if operand is not None)


RULES: dict[str, Callable[[Graph, Nodes], Iterator[Problem]]] = {
    "acyclic": _acyclic,
    "defined": _defined,
    "produced-once": _produced_once,
    "uses": _uses,
    "names": _names,
    "attributes": _attributes,
    "types": _types,
    "sources": _sources,
    "symbols": _symbols,
    "regions": _regions,
}
"""Every rule by its name; the functions' docstrings say what they demand."""
