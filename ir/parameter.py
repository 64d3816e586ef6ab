"""Where the content of constants and weights comes from, as lazy descriptions.

In: types. Out: `ParameterSource` values, a small expression language over stored, seeded and
literal tensors. Passes rewrite these expressions; `ir/evaluate.py` turns them into arrays one at a
time while a file is written, so that a compilation never holds a whole model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .node import Attribute
from .type import TensorType

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Literal:
    """An array that is at hand. Equal to another of the same type and the same bytes."""

    type: TensorType
    array: np.ndarray[Any, Any]

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Literal)
            and self.type == other.type
            and self.array.tobytes() == other.array.tobytes()
        )

    def __hash__(self) -> int:
        return hash((self.type, self.array.tobytes()))


@dataclass(frozen=True, slots=True)
class Seeded:
    """An initializer drawn from (seed, path): the same on every machine and library version.

    `arguments` are the initializer's own, e.g. `(("minval", -0.05), ("maxval", 0.05))`.
    """

    type: TensorType
    initializer: str
    arguments: tuple[tuple[str, float], ...]
    seed: int
    path: str


@dataclass(frozen=True, slots=True)
class Stored:
    """The tensor called `tensor` in the safetensors file `file`, converted to the type."""

    type: TensorType
    file: str
    tensor: str


@dataclass(frozen=True, slots=True)
class Computed:
    """Result number `index` of an op over other sources, evaluated in float64 where it is float."""

    type: TensorType
    op: str
    attributes: Mapping[str, Attribute] = field(hash=False)
    operands: tuple[ParameterSource | None, ...]
    index: int = 0


ParameterSource = Literal | Seeded | Stored | Computed
