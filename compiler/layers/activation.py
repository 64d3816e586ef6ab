"""Activations as layers of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...ir.type import TensorType
from ..checking.site import Site
from .activations import activate, activation_nodes, activation_weights, prelu
from .initializers import ZEROS
from .normalization import axis_of, mixes_padding
from .spec import LayerSpec, Parameter, Wants, define
from .weight import Weight

if TYPE_CHECKING:
    from ...ir.value import Value
    from ..building.construction import Construction


def _shape(site: Site) -> TensorType | None:
    """The shape stays."""
    return site.arriving if site.require_float() else None


# ---- Activation ---------------------------------------------------------------------------


def _activation_shape(site: Site) -> TensorType | None:
    """The shape stays; slopes for each feature need their number."""
    if not site.require_float():
        return None
    if site.arguments["activation"] == "prelu" and not site.require_known_width():
        return None
    return site.arriving


def _activation_weights(site: Site) -> tuple[Weight, ...]:
    name = site.arguments["activation"]
    return activation_weights(name, site.width) if name == "prelu" else ()


define(
    LayerSpec(
        "Activation",
        "An activation by its name.",
        "activation",
        (Parameter("activation", Wants.ACTIVATION, doc="the activation's name"),),
        _activation_shape,
        lambda make, x: activate(make, make["activation"], x),
        weights=_activation_weights,
        nodes=lambda arguments: activation_nodes(arguments["activation"]),
    )
)


# ---- ReLU, LeakyReLU, ELU, Softmax --------------------------------------------------------


def _build_relu(make: Construction, x: Value) -> Value:
    slope, threshold = make["negative_slope"], make["threshold"]
    if threshold == 0:
        y = make("leaky_relu", x, slope=slope) if slope else make("relu", x)
    else:
        edge = make.number(threshold, "threshold")
        below = make("mul", make("sub", x, edge), make.number(slope, "slope"))
        y = make("where", make("greater_equal", x, edge), x, below)
    if make["max_value"] is None:
        return y
    return make("minimum", y, make.number(make["max_value"], "max_value"))


define(
    LayerSpec(
        "ReLU",
        "x where it is at least the threshold, negative_slope · (x - threshold) below it, and "
        "never more than max_value.",
        "relu",
        (
            Parameter(
                "max_value", Wants.NUMBER, None, "the largest value", optional=True, minimum=0
            ),
            Parameter("negative_slope", Wants.NUMBER, 0.0, "slope below the threshold", minimum=0),
            Parameter("threshold", Wants.NUMBER, 0.0, "where values begin to count", minimum=0),
        ),
        _shape,
        _build_relu,
        nodes=5,
    )
)

define(
    LayerSpec(
        "LeakyReLU",
        "x where it is positive, negative_slope · x elsewhere.",
        "leaky_relu",
        (
            Parameter(
                "negative_slope", Wants.NUMBER, 0.3, "slope below zero", ("alpha",), minimum=0
            ),
        ),
        _shape,
        lambda make, x: make("leaky_relu", x, slope=make["negative_slope"]),
        nodes=1,
    )
)

define(
    LayerSpec(
        "ELU",
        "x where it is positive, alpha · (eˣ - 1) elsewhere.",
        "elu",
        (Parameter("alpha", Wants.NUMBER, 1.0, "the limit below", minimum=0),),
        _shape,
        lambda make, x: make("elu", x, alpha=make["alpha"]),
        nodes=1,
    )
)


def _softmax_shape(site: Site) -> TensorType | None:
    """The shape stays."""
    if not site.require_float():
        return None
    axis = axis_of(site)
    if axis is not None and not mixes_padding(site, (axis,)):
        site.arguments.values["axis"] = axis
    return site.arriving


define(
    LayerSpec(
        "Softmax",
        "eˣ / Σeˣ along an axis.",
        "softmax",
        (Parameter("axis", Wants.INTEGER, -1, "the axis that sums to one"),),
        _softmax_shape,
        lambda make, x: make("softmax", x, axis=make["axis"]),
        nodes=1,
    )
)


# ---- PReLU --------------------------------------------------------------------------------


def _prelu_shape(site: Site) -> TensorType | None:
    """The shape stays; every axis that has slopes of its own has a known size."""
    if not site.require_float():
        return None
    shared = site.arguments["shared_axes"] or ()
    for axis in range(1, site.arriving.rank):
        if axis not in shared and not site.require_known_width(axis):
            return None
    return site.arriving


def _prelu_weights(site: Site) -> tuple[Weight, ...]:
    shared = site.arguments["shared_axes"] or ()
    shape = tuple(
        dim if isinstance(dim, int) and axis not in shared else 1
        for axis, dim in enumerate(site.arriving.shape[1:], 1)
    )
    return (Weight("alpha", shape, "alpha", ZEROS),)


define(
    LayerSpec(
        "PReLU",
        "x where it is positive, alpha · x elsewhere, alpha trained; He et al. (2015).",
        "prelu",
        (
            Parameter(
                "shared_axes",
                Wants.INTEGERS,
                None,
                "axes whose positions share one slope; 1 is the first behind the batch",
                optional=True,
            ),
        ),
        _prelu_shape,
        lambda make, x: prelu(make, x, make.weight("alpha")),
        weights=_prelu_weights,
        weight_kinds=("alpha",),
        nodes=4,
    )
)
