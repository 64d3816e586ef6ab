"""Values: the edges of the graph.

In: types. Out: `Value`, known by its identity; its name is unique in its graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .type import TensorType


class Kind(Enum):
    """Where a value's content comes from."""

    ACTIVATION = "activation"
    """An input of the model, or computed by a node."""
    CONSTANT = "constant"
    """Fixed when the graph is built; training does not change it."""
    PARAMETER = "parameter"
    """Trainable weights."""
    STATE = "state"
    """Kept beside the weights, not trained by gradients: batch-norm statistics, caches."""


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """One tensor of a graph. Who makes and who uses it is the graph's to say."""

    name: str
    type: TensorType
    kind: Kind = Kind.ACTIVATION

    def __str__(self) -> str:
        return f"%{self.name}"
