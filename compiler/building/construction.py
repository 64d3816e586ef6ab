"""Building one layer: what a layer's build rule writes ops with.

In: a graph under construction and a checked layer. Out: `Construction`, an emitter that also knows
the layer's arguments, weights, masks and memory.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...ir.dtype import DType
from ...ir.parameter import Seeded
from ...ir.type import TensorType
from ...ir.value import Kind, Value
from ..layers.initializers import Initializer
from ..layers.weight import Weight

if TYPE_CHECKING:
    from ...ir.emitter import Emitter
    from ...ir.node import Attribute, Node
    from ..checking.model import LayerCall


@dataclass(slots=True)
class State:
    """What travels beside the value of a stream: its masks, and the memory it may read.

    `key_mask` is bool [B, S], True where a position counts; `pairwise` bool [B, S, S], True where
    a query may see a key.
    """

    key_mask: Value | None = None
    pairwise: Value | None = None
    memory: Value | None = None
    memory_mask: Value | None = None


@dataclass(slots=True)
class Construction:
    """The layer that is being built. Calling it writes an op: `make("add", x, y)`."""

    emit: Emitter
    call: LayerCall
    state: State
    seed: int
    parameters: dict[str, Value]
    """Every weight so far by its path, of the whole model: one path is one tensor."""
    build_block: Callable[[Value], Value] | None = None
    branches: tuple[Value, ...] = ()
    """The values of the branches that end at the layer."""
    _weights: dict[str, Weight] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._weights = {weight.path: weight for weight in self.call.weights}

    def __call__(self, op: str, *operands: Value | None, **attributes: Attribute) -> Value:
        return self.node(op, *operands, **attributes).result

    def node(self, op: str, *operands: Value | None, **attributes: Attribute) -> Node:
        """Writes an op that has several results."""
        return self.emit.graph.add(
            op, operands, attributes, spans=self.emit.spans, scope=self.emit.scope
        )

    def __getitem__(self, argument: str) -> Any:
        """The value of an argument."""
        return self.call.arguments[argument]

    def inside(self, scope: str) -> AbstractContextManager[None]:
        """Within it ops belong to a part of the layer, e.g. `attention`."""
        return self.emit.inside(scope)

    def weight(self, path: str) -> Value:
        """A weight that the layer's spec declares, by its path below the layer."""
        full = f"{self.call.scope}/{path}"
        if full not in self.parameters:
            weight = self._weights[path]
            chosen = self.call.arguments.get(f"{weight.kind}_initializer")
            initializer = chosen if isinstance(chosen, Initializer) else weight.initializer
            source = Seeded(
                TensorType(DType.F32, weight.shape),
                initializer.name,
                initializer.arguments,
                self.seed,
                full,
            )
            kind = (
                Kind.STATE if weight.state else Kind.CONSTANT if weight.constant else Kind.PARAMETER
            )
            self.parameters[full] = self.emit.parameter(full, source, kind)
        return self.parameters[full]

    def has_weight(self, path: str) -> bool:
        """Whether the layer has such a weight: biases may be switched off."""
        return path in self._weights

    def number(self, value: float, name: str = "constant") -> Value:
        """A float scalar."""
        return self.emit.constant(value, DType.F32, name)

    def linear(self, x: Value, path: str) -> Value:
        """x · kernel (+ bias) with the weights below `path` (the layer itself where empty)."""
        prefix = f"{path}/" if path else ""
        y = self("matmul", x, self.weight(f"{prefix}kernel"))
        if self.has_weight(f"{prefix}bias"):
            y = self("add", y, self.weight(f"{prefix}bias"))
        return y
