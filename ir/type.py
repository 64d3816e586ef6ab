"""Tensor types.

In: element types and dimensions. Out: `TensorType`, the type of every value in a graph.
"""

from __future__ import annotations

from dataclasses import dataclass

from .dim import Dim, Shape, product
from .dtype import DType


@dataclass(frozen=True, slots=True)
class TensorType:
    """An element type and a shape, batch axis included: `f32[B, 128, 512]`."""

    dtype: DType
    shape: Shape

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def numel(self) -> Dim:
        """The number of elements."""
        return product(self.shape)

    @property
    def nbytes(self) -> Dim:
        """The size in bytes."""
        return self.numel * self.dtype.itemsize

    @property
    def static_shape(self) -> tuple[int, ...]:
        """The shape where no dimension is symbolic. Raises `TypeError` otherwise."""
        if any(not isinstance(dim, int) for dim in self.shape):
            raise TypeError(f"{self} has a symbolic shape")
        return tuple(dim for dim in self.shape if isinstance(dim, int))

    def with_shape(self, shape: Shape) -> TensorType:
        return TensorType(self.dtype, shape)

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(str(dim) for dim in self.shape)}]"
