"""Building: from a checked model to the graph of primitive ops.

In: a `Model` and a seed. Out: a `Graph`. Every layer writes its ops by the rule of its spec.
Nothing is checked here any more: a rule that gives another type than its shape rule said is a fault
of the compiler.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...ir.dtype import DType
from ...ir.emitter import Emitter
from ...ir.graph import Graph
from ...ir.value import Value
from ..checking.model import Branch, LayerCall, Model, Stream, left_over
from ..checking.nesting import room_for_nesting
from .construction import Construction, State


def build(model: Model, *, seed: int = 0) -> Graph:
    """The graph of a model, dropout and noise included, with weights drawn from `seed`.

    Weights are called by their paths, ops belong to the scopes of their layers.
    """
    graph = Graph(model.name)
    graph.metadata.update(model.metadata)
    with room_for_nesting():
        return _Builder(graph, model, seed).build()


class _Builder:
    def __init__(self, graph: Graph, model: Model, seed: int) -> None:
        self.graph = graph
        self.model = model
        self.seed = seed
        self.emit = Emitter(graph)
        self.inputs = {each.name: graph.add_input(each.name, each.type) for each in model.inputs}
        self.roles = {each.name: each.role for each in model.inputs}
        self.parameters: dict[str, Value] = {}

    def build(self) -> Graph:
        results: list[tuple[Value, State]] = []
        for stream in self.model.streams:
            state = self._state(stream, results)
            value = self._chain(stream.calls, self.inputs[stream.input], state)
            results.append((value, state))
        if self.model.heads:
            ended = self._branches(self.model.heads, *results[-1])
            for index in left_over(self.model.heads):
                self.graph.outputs[self.model.heads[index].name] = ended[index][0]
        else:
            self.graph.outputs[self.model.output] = results[-1][0]
        return self.graph

    def _branches(
        self, branches: Sequence[Branch], value: Value, state: State
    ) -> list[tuple[Value, State]]:
        """The result of each branch, and what travels beside it."""
        results: list[tuple[Value, State]] = []
        for branch in branches:
            own = replace(state) if branch.input is None else State()
            if branch.memory is not None:
                memory, beside = results[branch.memory]
                own.memory, own.memory_mask = memory, beside.key_mask
            start = value if branch.input is None else self.inputs[branch.input]
            results.append((self._chain(branch.calls, start, own), own))
        return results

    def _state(self, stream: Stream, results: list[tuple[Value, State]]) -> State:
        if stream.memory is None:
            return State()
        memory, state = results[stream.memory]
        return State(memory=memory, memory_mask=state.key_mask)

    def _chain(self, calls: tuple[LayerCall, ...], value: Value, state: State) -> Value:
        for call in calls:
            value = self._call(call, value, state)
        return value

    def _call(self, call: LayerCall, value: Value, state: State) -> Value:
        ended = self._branches(call.branches, value, state)
        if ended and call.spec.merge is None:
            left = left_over(call.branches)
            value, own = ended[left[-1]]
            state.key_mask, state.pairwise = own.key_mask, own.pairwise
            state.memory, state.memory_mask = own.memory, own.memory_mask
            if len(left) > 1:
                memory, beside = ended[left[0]]
                state.memory, state.memory_mask = memory, beside.key_mask
        elif ended:
            value = ended[0][0]
        outer = self.emit.scope, self.emit.spans
        self.emit.scope, self.emit.spans = call.scope, call.spans
        for name in call.masks:
            self._join_mask(name, state)
        make = Construction(self.emit, call, state, self.seed, self.parameters)
        make.branches = tuple(each for each, _ in ended)
        if call.block:
            make.build_block = lambda x: self._block(call, x, state)
        result = call.spec.build(make, value)
        if result.type != call.gives:
            raise AssertionError(
                f"{call.spec.name} at {call.spans[0]} gives {result.type}, not {call.gives}"
            )
        if call.spec.merge is not None:
            state.key_mask = call.spec.merge.mask(make, tuple(own.key_mask for _, own in ended))
            state.pairwise = None
        if not call.spec.mask_with(call.arguments).keeps:
            state.key_mask = state.pairwise = None
        self.emit.scope, self.emit.spans = outer
        return result

    def _block(self, call: LayerCall, x: Value, state: State) -> Value:
        """A block of layers; masks that it ends or joins are its own."""
        masks = state.key_mask, state.pairwise
        result = self._chain(call.block, x, state)
        state.key_mask, state.pairwise = masks
        return result

    def _join_mask(self, name: str, state: State) -> None:
        """A mask input becomes a part of the masks of the stream."""
        mask = self.inputs[name]
        if mask.type.dtype is not DType.BOOL:
            zero = self.emit.constant(0, mask.type.dtype, "zero")
            mask = self.emit("not_equal", mask, zero)
        if self.roles[name] == "pairwise":
            before, state.pairwise = state.pairwise, mask
        else:
            before, state.key_mask = state.key_mask, mask
        if before is not None:
            both = self.emit("logical_and", before, mask)
            if self.roles[name] == "pairwise":
                state.pairwise = both
            else:
                state.key_mask = both
