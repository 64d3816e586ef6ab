"""Dense and Output: products with a matrix of weights on the last axis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...ir.type import TensorType
from ..checking.site import Site, shape_text
from .activations import activate, activation_nodes, activation_weights
from .initializers import GLOROT_UNIFORM, ZEROS
from .spec import LayerSpec, Parameter, Wants, define
from .weight import Weight

if TYPE_CHECKING:
    from ...ir.value import Value
    from ..building.construction import Construction

UNITS = Parameter("units", Wants.INTEGER, doc="the width of the result", minimum=1)
USE_BIAS = Parameter("use_bias", Wants.BOOLEAN, True, "add a bias")
ACTIVATION = Parameter("activation", Wants.ACTIVATION, "linear", "what is applied to the result")
KINDS = ("kernel", "bias")


def _shape(site: Site) -> TensorType | None:
    """[batch, …, width] -> [batch, …, units]."""
    if not site.require_float():
        return None
    x = site.arriving
    if x.rank < 2:
        site.error("E0301", f"`{site.name}` needs at least one dimension")
        return None
    if not site.require_known_width():
        return None
    if x.rank >= 4:
        site.warning(
            "W0302",
            f"an image-like value {shape_text(x)} arrives, and `{site.name}` acts on its last axis "
            "only",
            help="is `Flatten()` missing in front of it?",
        )
    return x.with_shape((*x.shape[:-1], site.arguments["units"]))


def _weights(site: Site) -> tuple[Weight, ...]:
    units = site.arguments["units"]
    kernel = Weight("kernel", (site.width, units), "kernel", GLOROT_UNIFORM)
    bias = Weight("bias", (units,), "bias", ZEROS)
    slopes = activation_weights(site.arguments["activation"], units)
    return (kernel, *((bias,) if site.arguments["use_bias"] else ()), *slopes)


def _nodes(arguments: Mapping[str, Any]) -> int:
    return 1 + bool(arguments["use_bias"]) + activation_nodes(arguments["activation"])


def _build(make: Construction, x: Value) -> Value:
    return activate(make, make["activation"], make.linear(x, ""))


define(
    LayerSpec(
        "Dense",
        "x · kernel + bias on the last axis, whatever the rank, then an activation.",
        "dense",
        (UNITS, ACTIVATION, USE_BIAS),
        _shape,
        _build,
        weights=_weights,
        weight_kinds=KINDS,
        shape_by=("units",),
        nodes=_nodes,
    )
)


CROSS_ENTROPIES = ("categorical_crossentropy", "sparse_categorical_crossentropy")
BINARY_LOSSES = ("binary_crossentropy", "binary_focal_crossentropy")


def _default_activation(loss: str | None) -> str:
    if loss in CROSS_ENTROPIES:
        return "softmax"
    return "sigmoid" if loss in BINARY_LOSSES else "linear"


def _check_output(site: Site) -> None:
    if not site.arguments.given("activation"):
        site.arguments.values["activation"] = _default_activation(site.loss)


def _output_nodes(arguments: Mapping[str, Any]) -> int:
    """Where the activation is not given, the loss may bring one that is one op."""
    return max(_nodes(arguments), 2 + bool(arguments["use_bias"]))


define(
    LayerSpec(
        "Output",
        "A Dense layer as the head: its activation follows from the loss (softmax for "
        "cross-entropy, sigmoid for binary cross-entropy, else linear) unless it is given.",
        "output",
        (UNITS, ACTIVATION, USE_BIAS),
        _shape,
        _build,
        check=_check_output,
        weights=_weights,
        weight_kinds=KINDS,
        shape_by=("units",),
        single=True,
        nodes=_output_nodes,
    )
)
