"""The normalizations: over a layer's features, over a batch, to a length of one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...ir.type import TensorType
from ..checking.site import Site
from .initializers import ONES, ZEROS
from .spec import LayerSpec, Parameter, Wants, define
from .weight import Weight

if TYPE_CHECKING:
    from ...ir.value import Value
    from ..building.construction import Construction

AXIS = Parameter("axis", Wants.INTEGER, -1, "the axis of the features, the batch being axis 0")
AXES = Parameter(
    "axis",
    Wants.INTEGERS,
    (-1,),
    "the axis that is normalized, or several as one; the batch is axis 0",
)
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


def axis_of(site: Site) -> int | None:
    """The axis counted from 0, the batch included; reports one that is not there."""
    return None if (axes := _counted(site, (site.arguments["axis"],))) is None else axes[0]


def _counted(site: Site, axes: tuple[int, ...]) -> tuple[int, ...] | None:
    rank = site.arriving.rank
    for axis in axes:
        if not -rank < axis < rank or axis == 0:
            site.error(
                "E0301",
                f"a value of rank {rank - 1} arrives, which has no axis {axis}",
                "axis",
                help="-1 is the last axis; axis 0 is the batch",
            )
            return None
    return tuple(sorted({axis % rank for axis in axes}))


def mixes_padding(site: Site, axes: tuple[int, ...]) -> bool:
    """Whether a layer along these axes would read what padding holds; reports it."""
    if site.flow is None or not site.flow.padding or 1 not in axes:
        return False
    site.error(
        "E0212",
        f"`{site.name}` over the steps of a sequence with padding cannot be compiled yet: it would "
        "count what the padding holds",
        labels=site.origin_label("{name}"),
        help="along the last axis each step is normalized by itself",
    )
    return True


def _axes_shape(site: Site) -> TensorType | None:
    """The shape stays; the axes, in ascending order from here on, have known sizes."""
    if not site.require_float():
        return None
    axes = _counted(site, site.arguments["axis"])
    if axes is None or mixes_padding(site, axes):
        return site.arriving
    site.arguments.values["axis"] = axes
    return site.arriving if all(map(site.require_known_width, axes)) else None


def _sizes(site: Site) -> tuple[int, ...]:
    """The sizes of the axes: the shape of gains and biases."""
    dims = [site.arriving.shape[axis] for axis in site.arguments["axis"]]
    return tuple(dim for dim in dims if isinstance(dim, int))


def _along(make: Construction, op: str, x: Value, *scales: Value | None) -> Value:
    """A norm over the axes as one, which stands last."""
    axes, rank = make["axis"], x.type.rank
    order = (*(axis for axis in range(rank) if axis not in axes), *axes)
    last = order == tuple(range(rank))
    if not last:
        x = make("transpose", x, permutation=order)
    apart = x.type.shape
    if len(axes) > 1:
        size = math.prod(dim for dim in apart[-len(axes) :] if isinstance(dim, int))
        x = make("reshape", x, shape=(*apart[: -len(axes)], size))
        scales = tuple(s if s is None else make("reshape", s, shape=(size,)) for s in scales)
    y = make(op, x, *scales, axis=-1, epsilon=make["epsilon"])
    if len(axes) > 1:
        y = make("reshape", y, shape=apart)
    if not last:
        y = make("transpose", y, permutation=tuple(order.index(axis) for axis in range(rank)))
    return y


def _nodes(arguments: Mapping[str, Any]) -> int:
    """The norm; reshapes of several axes and their scales; transposes."""
    axes = arguments["axis"] or ()
    return 1 + (4 if len(axes) > 1 else 0) + (2 if axes != (-1,) else 0)


# ---- LayerNormalization, RMSNormalization -------------------------------------------------


def _layer_norm_weights(site: Site) -> tuple[Weight, ...]:
    shape, a = _sizes(site), site.arguments
    gain = (Weight("gain", shape, "gamma", ONES),) if a["scale"] else ()
    bias = (Weight("bias", shape, "beta", ZEROS),) if a["center"] else ()
    return (*gain, *bias)


def _build_layer_norm(make: Construction, x: Value) -> Value:
    gain = make.weight("gain") if make["scale"] else None
    bias = make.weight("bias") if make["center"] else None
    return _along(make, "layer_norm", x, gain, bias)


define(
    LayerSpec(
        "LayerNormalization",
        "(x - mean) / √(variance + epsilon) · gain + bias along an axis, or several; Ba, Kiros and "
        "Hinton (2016).",
        "layer_normalization",
        (AXES, _epsilon(1e-3), CENTER, SCALE),
        _axes_shape,
        _build_layer_norm,
        aliases=("LayerNorm",),
        weights=_layer_norm_weights,
        weight_kinds=("gamma", "beta"),
        nodes=_nodes,
    )
)


def _rms_weights(site: Site) -> tuple[Weight, ...]:
    return (Weight("gain", _sizes(site), "gamma", ONES),)


define(
    LayerSpec(
        "RMSNormalization",
        "x / √(mean(x²) + epsilon) · gain along an axis, or several; Zhang and Sennrich (2019).",
        "rms_normalization",
        (AXES, _epsilon(1e-6)),
        _axes_shape,
        lambda make, x: _along(make, "rms_norm", x, make.weight("gain")),
        aliases=("RMSNorm",),
        weights=_rms_weights,
        weight_kinds=("gamma",),
        nodes=_nodes,
    )
)


# ---- UnitNormalization --------------------------------------------------------------------


def _unit_shape(site: Site) -> TensorType | None:
    """The shape stays."""
    if site.require_float():
        axes = _counted(site, site.arguments["axis"])
        if axes is not None and not mixes_padding(site, axes):
            site.arguments.values["axis"] = axes
    return site.arriving


def _build_unit(make: Construction, x: Value) -> Value:
    square = make("reduce_sum", make("mul", x, x), axes=make["axis"], keepdims=True)
    least = make.number(make["epsilon"] ** 2, "epsilon")
    return make("div", x, make("sqrt", make("maximum", square, least)))


define(
    LayerSpec(
        "UnitNormalization",
        "x / max(‖x‖, epsilon): vectors of length one.",
        "unit_normalization",
        (AXES, _epsilon(1e-12)),
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
    axis = axis_of(site)
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
