"""Dropout and noise: in the graph as training has them, identities at inference."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ...ir.dim import Dim
from ...ir.type import TensorType
from ..checking.site import Site
from .attention import drop
from .spec import LayerSpec, Parameter, Wants, define

if TYPE_CHECKING:
    from ...ir.value import Value
    from ..building.construction import Construction

RATE = Parameter("rate", Wants.NUMBER, doc="the share that is dropped", minimum=0, below=1)
SEED = Parameter(
    "seed", Wants.INTEGER, None, "kept for training; no effect here", optional=True, named_only=True
)


def _shape(site: Site) -> TensorType | None:
    """The shape stays."""
    return site.arriving if site.require_float() else None


define(
    LayerSpec(
        "Dropout",
        "Zeroes a share of the elements in training; Srivastava et al. (2014).",
        "dropout",
        (RATE, SEED),
        _shape,
        lambda make, x: drop(make, x, make["rate"]),
        nodes=1,
    )
)


def _build_spatial(make: Construction, x: Value) -> Value:
    """Drops whole channels: x times a dropout of ones that the positions share."""
    if not make["rate"]:
        return x
    batch, channels = x.type.shape[0], x.type.shape[-1]
    shape: tuple[Dim, ...] = (batch, *(1,) * (x.type.rank - 2), channels)
    ones = make("expand", make.number(1.0, "one"), shape=shape)
    return make("mul", x, drop(make, ones, make["rate"]))


for _axes in (1, 2, 3):
    define(
        LayerSpec(
            f"SpatialDropout{_axes}D",
            "Zeroes a share of the channels in training, each as a whole.",
            f"spatial_dropout{_axes}d",
            (RATE, SEED),
            _shape,
            _build_spatial,
            rank=_axes + 1,
            nodes=3,
        )
    )


def _build_gaussian_noise(make: Construction, x: Value) -> Value:
    deviation = make["stddev"]
    return make("gaussian_noise", x, stddev=deviation, training=True) if deviation else x


define(
    LayerSpec(
        "GaussianNoise",
        "Adds normal noise in training.",
        "gaussian_noise",
        (Parameter("stddev", Wants.NUMBER, doc="its standard deviation", minimum=0), SEED),
        _shape,
        _build_gaussian_noise,
        nodes=1,
    )
)


def _build_gaussian_dropout(make: Construction, x: Value) -> Value:
    """x times normal noise around one, of deviation √(rate / (1 - rate))."""
    rate = make["rate"]
    if not rate:
        return x
    ones = make("expand", make.number(1.0, "one"), shape=x.type.shape)
    deviation = math.sqrt(rate / (1.0 - rate))
    return make("mul", x, make("gaussian_noise", ones, stddev=deviation, training=True))


define(
    LayerSpec(
        "GaussianDropout",
        "Multiplies with normal noise around one in training.",
        "gaussian_dropout",
        (RATE, SEED),
        _shape,
        _build_gaussian_dropout,
        nodes=3,
    )
)
