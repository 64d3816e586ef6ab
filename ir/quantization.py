"""Which products compute in less than 32 bits, and how: a decision as one value.

In: a precision asked for, and what calibration has found. Out: `QuantizationPlan`, which the pass
`quantize` obeys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .parameter import ParameterSource

if TYPE_CHECKING:
    import numpy as np

SCHEMES: Mapping[str, str] = {
    "fp32": "float32 throughout",
    "int8": "bytes, with a scale for each row of activations and each column of weights",
    "int8-tensor": "bytes, with one scale for all rows: faster, and no row is independent",
    "int8-weights": "weights in blocks of bytes: for models that decode one row at a time",
    "int4-weights": "weights in blocks of half bytes: for models that decode one row at a time",
}
"""How a product may be computed. All but the first are precisions to ask for."""

QUANTIZED = tuple(name for name in SCHEMES if name != "fp32")


@dataclass(frozen=True, slots=True)
class ProductScheme:
    """How one product is computed."""

    scheme: str
    activation_scale: float | None = None
    """For `int8`: what a step of the activations stands for, known before the model runs; None: a
    scale for each row, found when it runs."""
    zero_point: int | None = None
    """For `int8`: the byte that stands for 0 among the activations; None: what suits the op that
    makes them (0 where they cannot be negative, 128 where nothing is known)."""
    clip: ParameterSource | None = None
    """For `int8` and `int8-tensor`: f32[n], the part of each column's largest weight that is kept;
    None: all of it."""

    def __post_init__(self) -> None:
        if self.scheme not in SCHEMES:
            raise ValueError(f"there is no scheme {self.scheme!r}")


FP32 = ProductScheme("fp32")


@dataclass(frozen=True, slots=True)
class QuantizationPlan:
    """The scheme of every product with a constant weight.

    A product is known by the name of its weight's value in the graph that the pass is given, such
    as `encoder[0]/attention/query/kernel`.
    """

    default: str = "fp32"
    products: Mapping[str, ProductScheme] = field(default_factory=dict)
    least_work: int = 1 << 15
    """Products by a weight of fewer elements stay in float32 unless they are named."""

    def __post_init__(self) -> None:
        if self.default not in SCHEMES:
            raise ValueError(f"there is no scheme {self.default!r}")

    factors: Mapping[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    """What columns in front of products are divided by, by the path of the norm's gain or of the
    values' weight: see the pass `equalize`. The rows of the weights behind are multiplied by it."""

    @property
    def is_active(self) -> bool:
        """Whether any product may be computed in less than float32."""
        schemes = {self.default, *(each.scheme for each in self.products.values())}
        return schemes != {"fp32"}
