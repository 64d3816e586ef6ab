"""The checked program: what the checker hands to the builder.

In: nothing. Out: `Model`, plain values that say what one network means. Every layer is resolved,
its arguments are complete, its types are known, and it is certain that it can be built.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
class LayerCall:
    """One layer at its place in a stream.

    `scope` is the path of its weights; two calls with one scope share them. `arrives` and `gives`
    are the types before and after. `masks` names the mask inputs that join the stream right before
    it. `spans` are the layer and, behind it, the uses of the macros it comes from.
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

    def all_calls(self) -> Iterator[LayerCall]:
        """It and the calls of its block, at any depth."""
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
    """One network. The result of the last stream is its output, called `output`.

    `metadata` holds the sections that do not shape the network (loss, optimizer, train …), each as
    JSON text under its name.
    """

    name: str
    inputs: tuple[ModelInput, ...]
    streams: tuple[Stream, ...]
    output: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    span: Span | None = None

    def all_calls(self) -> Iterator[LayerCall]:
        """Every layer of every stream, blocks included, in the order in which they are built."""
        for stream in self.streams:
            for call in stream.calls:
                yield from call.all_calls()
