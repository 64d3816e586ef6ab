"""The normalizations: over a layer's features, over a batch, to a length of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...ir.type import TensorType
from ..checking.site import Site
from .initializers import ONES, ZEROS
from .spec import LayerSpec, Parameter, Wants, define
from .weight import Weight

if TYPE_CHECKING:
    from ...ir.value import Value
    from ..building.construction import Construction

AXIS = Parameter("axis", Wants.INTEGER, -1, "the axis that is normalized, the batch being axis 0")
CENTER = Parameter("center", Wants.BOOLEAN, True, "add a trained bias")
SCALE = Parameter("scale", Wants.BOOLEAN, True, "multiply with a trained gain")


def _epsilon(default: float) -> Parameter:
    return Parameter(
        "epsilon",
        Wants.NUMBER,
        default,
        "added under the root",
        aliases=("layer_norm_epsilon",),
        minimum=0,
    )


def _axis(site: Site) -> int | None:
    """The axis counted from 0, the batch included; reports one that is not there."""
    rank, axis = site.arriving.rank, site.arguments["axis"]
    if not -rank < axis < rank or axis == 0:
        site.error(
            "E0301",
            f"a value of rank {rank - 1} arrives, which has no axis {axis}",
            "axis",
            help="-1 is the last axis; axis 0 is the batch",
        )
        return None
    return int(axis % rank)


def _last_axis_shape(site: Site) -> TensorType | None:
    """The shape stays; the axis must be the last."""
    if not site.require_float():
        return None
    axis = _axis(site)
    if axis is None:
        return site.arriving
    if axis != site.arriving.rank - 1:
        site.error(
            "E0212",
            f"`{site.name}` along another than the last axis cannot be compiled yet",
            "axis",
            help="a Permute before and after it does the same",
        )
        return site.arriving
    return site.arriving if site.require_known_width() else None


# ---- LayerNormalization, RMSNormalization -------------------------------------------------


def _layer_norm_weights(site: Site) -> tuple[Weight, ...]:
    width, a = site.width, site.arguments
    gain = (Weight("gain", (width,), "gamma", ONES),) if a["scale"] else ()
    bias = (Weight("bias", (width,), "beta", ZEROS),) if a["center"] else ()
    return (*gain, *bias)


def _build_layer_norm(make: Construction, x: Value) -> Value:
    gain = make.weight("gain") if make["scale"] else None
    bias = make.weight("bias") if make["center"] else None
    return make("layer_norm", x, gain, bias, axis=-1, epsilon=make["epsilon"])


define(
    LayerSpec(
        "LayerNormalization",
        "(x - mean) / √(variance + epsilon) · gain + bias on the last axis; Ba, Kiros and Hinton "
        "(2016).",
        "layer_normalization",
        (AXIS, _epsilon(1e-3), CENTER, SCALE),
        _last_axis_shape,
        _build_layer_norm,
        aliases=("LayerNorm",),
        weights=_layer_norm_weights,
        weight_kinds=("gamma", "beta"),
        nodes=1,
    )
)


def _rms_weights(site: Site) -> tuple[Weight, ...]:
    return (Weight("gain", (site.width,), "gamma", ONES),)


define(
    LayerSpec(
        "RMSNormalization",
        "x / √(mean(x²) + epsilon) · gain on the last axis; Zhang and Sennrich (2019).",
        "rms_normalization",
        (AXIS, _epsilon(1e-6)),
        _last_axis_shape,
        lambda make, x: make("rms_norm", x, make.weight("gain"), axis=-1, epsilon=make["epsilon"]),
        aliases=("RMSNorm",),
        weights=_rms_weights,
        weight_kinds=("gamma",),
        nodes=1,
    )
)


# ---- UnitNormalization --------------------------------------------------------------------


def _unit_shape(site: Site) -> TensorType | None:
    """The shape stays."""
    if site.require_float():
        _axis(site)
    return site.arriving


def _build_unit(make: Construction, x: Value) -> Value:
    axis = make["axis"] % x.type.rank
    square = make("reduce_sum", make("mul", x, x), axes=(axis,), keepdims=True)
    least = make.number(make["epsilon"] ** 2, "epsilon")
    return make("div", x, make("sqrt", make("maximum", square, least)))


define(
    LayerSpec(
        "UnitNormalization",
        "x / max(‖x‖, epsilon): vectors of length one.",
        "unit_normalization",
        (AXIS, _epsilon(1e-12)),
        _unit_shape,
        _build_unit,
        aliases=("L2Normalization", "L2Normalize"),
        nodes=5,
    )
)


# ---- BatchNormalization -------------------------------------------------------------------


def _batch_norm_shape(site: Site) -> TensorType | None:
    """The shape stays; the axis has a known size."""
    if not site.require_float():
        return None
    axis = _axis(site)
    if axis is None:
        return site.arriving
    return site.arriving if site.require_known_width(axis) else None


def _batch_norm_weights(site: Site) -> tuple[Weight, ...]:
    a = site.arguments
    size = site.arriving.shape[a["axis"]]
    assert isinstance(size, int)
    shape = (size,)
    return (
        Weight("gain", shape, "gamma", ONES, constant=not a["scale"]),
        Weight("bias", shape, "beta", ZEROS, constant=not a["center"]),
        Weight("moving_mean", shape, "moving_mean", ZEROS, state=True),
        Weight("moving_variance", shape, "moving_variance", ONES, state=True),
    )


def _build_batch_norm(make: Construction, x: Value) -> Value:
    return make(
        "batch_norm",
        x,
        make.weight("gain"),
        make.weight("bias"),
        make.weight("moving_mean"),
        make.weight("moving_variance"),
        axis=make["axis"] % x.type.rank,
        epsilon=make["epsilon"],
        momentum=make["momentum"],
        training=True,
    )


define(
    LayerSpec(
        "BatchNormalization",
        "Normalizes each feature by statistics gathered in training; Ioffe and Szegedy (2015).",
        "batch_normalization",
        (
            AXIS,
            Parameter(
                "momentum",
                Wants.NUMBER,
                0.99,
                "of the moving statistics",
                minimum=0,
                below=1.0000001,
            ),
            _epsilon(1e-3),
            CENTER,
            SCALE,
        ),
        _batch_norm_shape,
        _build_batch_norm,
        aliases=("BatchNorm",),
        weights=_batch_norm_weights,
        weight_kinds=("gamma", "beta", "moving_mean", "moving_variance"),
        nodes=1,
    )
)
