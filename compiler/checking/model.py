"""The checked program: what the checker hands to the builder.

In: nothing. Out: `Model`, plain values that say what one network means. Every layer is resolved,
its arguments are complete, its types are known, and it is certain that it can be built.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...ir.span import Span
from ...ir.type import TensorType
from ..layers.spec import LayerSpec
from ..layers.weight import Weight


@dataclass(frozen=True, slots=True)
class ModelInput:
    """An input of the model. `role` is `ids`, `values`, `padding` or `pairwise` (masks)."""

    name: str
    type: TensorType
    role: str
    span: Span | None


@dataclass(frozen=True, slots=True)
class Branch:
    """A chain of layers beside others. It starts from the value that arrives at all of them, or
    from the input of the name `input`; `memory` is the index of the branch whose result its
    cross-attentions read. `gives` is the type of its result."""

    name: str
    calls: tuple[LayerCall, ...]
    gives: TensorType
    input: str | None = None
    memory: int | None = None

    def all_calls(self) -> Iterator[LayerCall]:
        """Every layer of the branch."""
        for call in self.calls:
            yield from call.all_calls()


def left_over(branches: Sequence[Branch]) -> tuple[int, ...]:
    """The places of the branches whose results nothing but what follows them reads."""
    read = {branch.memory for branch in branches}
    return tuple(index for index in range(len(branches)) if index not in read)


@dataclass(frozen=True, slots=True)
class LayerCall:
    """One layer at its place in a stream.

    `scope` is the path of its weights; two calls with one scope share them. `arrives` and `gives`
    are the types before and after. `masks` names the mask inputs that join the stream right before
    it. `spans` are the layer and, behind it, the uses of the macros it comes from. `branches` end
    at the layer: a merge makes one value of them. Any other layer takes the one that is left over,
    or of two the last one's value, with the first one's as the memory of its cross-attention.
    """

    spec: LayerSpec
    scope: str
    arguments: Mapping[str, Any]
    weights: tuple[Weight, ...]
    arrives: TensorType
    gives: TensorType
    spans: tuple[Span, ...]
    masks: tuple[str, ...] = ()
    block: tuple[LayerCall, ...] = ()
    device: str | None = None
    branches: tuple[Branch, ...] = ()

    def all_calls(self) -> Iterator[LayerCall]:
        """The calls of its branches, itself, and the calls of its block, at any depth."""
        for branch in self.branches:
            yield from branch.all_calls()
        yield self
        for call in self.block:
            yield from call.all_calls()


@dataclass(frozen=True, slots=True)
class Stream:
    """A chain of layers from one input. `memory` is the index of the stream whose result its
    cross-attentions read, None where there is none."""

    input: str
    calls: tuple[LayerCall, ...]
    memory: int | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """One network. The result of the last stream is its output, called `output`; where there are
    `heads`, branches behind the last stream, each that is left over gives an output of its name
    instead.

    `metadata` holds the sections that do not shape the network (loss, optimizer, train …), each as
    JSON text under its name.
    """

    name: str
    inputs: tuple[ModelInput, ...]
    streams: tuple[Stream, ...]
    output: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    span: Span | None = None
    heads: tuple[Branch, ...] = ()

    def all_calls(self) -> Iterator[LayerCall]:
        """Every layer of every stream and head, blocks included, in the order of building."""
        for stream in self.streams:
            for call in stream.calls:
                yield from call.all_calls()
        for head in self.heads:
            yield from head.all_calls()
