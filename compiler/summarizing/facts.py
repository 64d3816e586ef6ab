"""The figures of each layer.

In: a model and the graph that was built of it. Out: `NetworkFacts`, a tree of `LayerFacts` in the
order of the program. Shapes leave out the batch, as the language does; work and memory are those
of one run at stated sizes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...ir.diagnostic import ExitStatus, failure
from ...ir.dim import SymbolicDim, evaluate
from ...ir.graph import Graph
from ...ir.span import Span
from ...ir.type import TensorType
from ...ir.value import Kind
from ...ir.work import flops
from ..checking.model import Branch, LayerCall, Model

ASSUMED_SIZE = 128
"""Of an open axis without a maximum."""


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """One layer. `parameters` are trainable elements, `state` those that training updates without
    gradients; both count a shared weight where it is used first. `flops` is the layer's whole work,
    that of its parts included; `activation` the bytes of its result. `children` are its block's
    layers; `branches` end at it."""

    scope: str
    kind: str
    arrives: TensorType
    gives: TensorType
    parameters: int
    state: int
    flops: int
    activation: int
    span: Span | None
    shared: bool = False
    children: tuple[LayerFacts, ...] = ()
    branches: tuple[BranchFacts, ...] = ()

    @property
    def signature(self) -> tuple[object, ...]:
        """Equal for layers that a table may fold into one. Work is left out: the first of several
        blocks prepares the mask for all."""
        inner = tuple(each.signature for each in self.children)
        beside = tuple((b.name, tuple(f.signature for f in b.layers)) for b in self.branches)
        figures = self.parameters, self.state, self.activation
        return (self.kind, self.arrives, self.gives, *figures, self.shared, inner, beside)

    def walk(self) -> Iterator[LayerFacts]:
        """The layers of its branches, itself, and those of its block, at any depth."""
        for branch in self.branches:
            for layer in branch.layers:
                yield from layer.walk()
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class BranchFacts:
    """A branch that ends at a layer, or at an output. `input` is the network's input that it starts
    from, None where it starts from the value before; `memory` the index of the branch beside it
    whose result its cross-attentions read."""

    name: str
    layers: tuple[LayerFacts, ...]
    input: str | None = None
    memory: int | None = None


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """A whole network. `streams` are chains of layers from one input each, `heads` branches that
    end at outputs. `sizes` are those of the symbols, `assumed` the names of those that nothing
    bounds. `constants` are bytes of tables."""

    name: str
    inputs: tuple[tuple[str, TensorType], ...]
    outputs: tuple[tuple[str, TensorType], ...]
    streams: tuple[BranchFacts, ...]
    heads: tuple[BranchFacts, ...]
    sizes: Mapping[str, int]
    assumed: tuple[str, ...]
    parameters: int
    state: int
    constants: int
    flops: int

    def layers(self) -> Iterator[LayerFacts]:
        """Every layer at any depth, in the order of building."""
        for chain in (*self.streams, *self.heads):
            for layer in chain.layers:
                yield from layer.walk()


def network_facts(
    model: Model, graph: Graph, sizes: Mapping[str, int] | None = None
) -> NetworkFacts:
    """The figures at batch 1 and the axes' maxima, unless `sizes` says otherwise.

    Raises `CompileError` E0526 (status USAGE) for a size of an axis that the network lacks.
    """
    known, assumed = _sizes(graph, sizes or {})
    return _Figures(graph, known).network(model, assumed)


class _Figures:
    """Sums over a graph, by scope."""

    def __init__(self, graph: Graph, sizes: Mapping[str, int]) -> None:
        self.graph = graph
        self.sizes = sizes
        self.work: dict[str, int] = {}
        self.elements: dict[Kind, dict[str, int]] = {Kind.PARAMETER: {}, Kind.STATE: {}}
        self.constants = 0
        self.seen: set[str] = set()
        for node in graph.nodes():
            _add(self.work, node.scope, flops(node, sizes))
        for value, _ in graph.sources():
            if value.kind is Kind.CONSTANT:
                self.constants += evaluate(value.type.nbytes, sizes)
            else:
                count = evaluate(value.type.numel, sizes)
                _add(self.elements[value.kind], value.name, count)

    def network(self, model: Model, assumed: tuple[str, ...]) -> NetworkFacts:
        streams = tuple(
            BranchFacts("", self.chain(stream.calls), stream.input, stream.memory)
            for stream in model.streams
        )
        heads = tuple(self.branch(head) for head in model.heads)
        return NetworkFacts(
            model.name,
            tuple((value.name, value.type) for value in self.graph.inputs),
            tuple((name, value.type) for name, value in self.graph.outputs.items()),
            streams,
            heads,
            self.sizes,
            assumed,
            self.elements[Kind.PARAMETER].get("", 0),
            self.elements[Kind.STATE].get("", 0),
            self.constants,
            self.work.get("", 0),
        )

    def chain(self, calls: Sequence[LayerCall]) -> tuple[LayerFacts, ...]:
        return tuple(self.layer(call) for call in calls)

    def branch(self, branch: Branch) -> BranchFacts:
        return BranchFacts(branch.name, self.chain(branch.calls), branch.input, branch.memory)

    def layer(self, call: LayerCall) -> LayerFacts:
        branches = tuple(self.branch(each) for each in call.branches)
        shared = call.scope in self.seen
        self.seen.add(call.scope)
        parameters, state = (
            0 if shared else self.elements[kind].get(call.scope, 0)
            for kind in (Kind.PARAMETER, Kind.STATE)
        )
        return LayerFacts(
            call.scope,
            call.spec.name,
            call.arrives,
            call.gives,
            parameters,
            state,
            0 if shared else self.work.get(call.scope, 0),
            evaluate(call.gives.nbytes, self.sizes),
            call.spans[0] if call.spans else None,
            shared,
            self.chain(call.block),
            branches,
        )


def _add(sums: dict[str, int], scope: str, count: int) -> None:
    """Adds to a scope and to all that it lies in."""
    sums[""] = sums.get("", 0) + count
    end = 0
    while scope and end >= 0:
        end = scope.find("/", end + 1)
        part = scope if end < 0 else scope[:end]
        sums[part] = sums.get(part, 0) + count


def _sizes(graph: Graph, given: Mapping[str, int]) -> tuple[dict[str, int], tuple[str, ...]]:
    batches = {
        each.name
        for value in graph.inputs
        if value.type.shape and isinstance(value.type.shape[0], SymbolicDim)
        for each in value.type.shape[0].symbols()
    }
    symbols = {n: s for n, s in graph.symbols().items() if s.within is None}
    known: dict[str, int] = {}
    assumed: list[str] = []
    for name, symbol in symbols.items():
        wanted = given.get(name, given.get("batch") if name in batches else None)
        if wanted is None:
            wanted = 1 if name in batches else symbol.maximum
        if wanted is None:
            assumed.append(name)
            wanted = ASSUMED_SIZE
        known[name] = wanted
    for name in given:
        if name not in symbols and not (name == "batch" and batches):
            raise failure(
                "E0526",
                f"the network has no open axis `{name}`",
                status=ExitStatus.USAGE,
                help="its open axes are "
                + ", ".join("batch" if each in batches else each for each in symbols),
            )
    return known, tuple(assumed)
