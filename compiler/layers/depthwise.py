"""Convolutions of each channel by itself, alone and with a product of the channels behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...ir.type import TensorType
from ..checking.site import Site
from .activations import activate, activation_nodes, activation_weights
from .core import ACTIVATION, USE_BIAS
from .initializers import GLOROT_UNIFORM, ZEROS
from .spec import LayerSpec, Mask, Parameter, Wants, define
from .weight import Weight
from .windows import channels_first, channels_last, pads, sliding, window_parameters

if TYPE_CHECKING:
    from ...ir.value import Value
    from ..building.construction import Construction

MULTIPLIER = Parameter(
    "depth_multiplier", Wants.INTEGER, 1, "filters for each channel that arrives", minimum=1
)


def _window(axes: int, *behind: Parameter) -> tuple[Parameter, ...]:
    """The window's parameters; `behind` are those between padding and dilation."""
    ones = (1,) * axes
    return (
        Parameter("kernel_size", Wants.SIZES, doc="size of the window", minimum=1, axes=axes),
        Parameter(
            "strides",
            Wants.SIZES,
            ones,
            "steps of the window",
            aliases=("stride",),
            minimum=1,
            axes=axes,
        ),
        *window_parameters(axes),
        *behind,
        Parameter(
            "dilation_rate",
            Wants.SIZES,
            ones,
            "distance within the window",
            aliases=("dilation",),
            minimum=1,
            axes=axes,
        ),
    )


def _shape(site: Site) -> TensorType | None:
    """[batch, spatial…, channels] -> [batch, windows…, channels · multiplier, or filters]."""
    a = site.arguments
    if not site.require_float() or not site.require_known_width():
        return None
    spatial = sliding(site, a["kernel_size"], a["strides"], a["dilation_rate"], "kernel_size")
    if spatial is None:
        return None
    return site.floats((*spatial, a.values.get("filters") or site.width * a["depth_multiplier"]))


def _depthwise_weights(site: Site) -> tuple[Weight, ...]:
    a = site.arguments
    shape = (*a["kernel_size"], site.width, a["depth_multiplier"])
    columns = site.width * a["depth_multiplier"]
    bias = (Weight("bias", (columns,), "bias", ZEROS),) if a["use_bias"] else ()
    kernel = Weight("kernel", shape, "depthwise", GLOROT_UNIFORM)
    return (kernel, *bias, *activation_weights(a["activation"], columns))


def _separable_weights(site: Site) -> tuple[Weight, ...]:
    a = site.arguments
    multiplier, filters = a["depth_multiplier"], a["filters"]
    each = (*a["kernel_size"], site.width, multiplier)
    across = (*(1 for _ in a["kernel_size"]), site.width * multiplier, filters)
    bias = (Weight("bias", (filters,), "bias", ZEROS),) if a["use_bias"] else ()
    return (
        Weight("depthwise_kernel", each, "depthwise", GLOROT_UNIFORM),
        Weight("pointwise_kernel", across, "pointwise", GLOROT_UNIFORM),
        *bias,
        *activation_weights(a["activation"], filters),
    )


def _each_channel(make: Construction, x: Value, kernel: Value, bias: Value | None) -> Value:
    """x [batch, channels, spatial…] under a kernel [window…, channels, multiplier]."""
    axes = kernel.type.rank - 2
    turned = make("transpose", kernel, permutation=(axes, axes + 1, *range(axes)))
    channels, multiplier, *window = turned.type.static_shape
    weight = make("reshape", turned, shape=(channels * multiplier, 1, *window))
    sizes = x.type.shape[2:]
    strides, dilations = make["strides"], make["dilation_rate"]
    return make(
        "conv",
        x,
        weight,
        bias,
        strides=strides,
        pads=pads(make["padding"], sizes, make["kernel_size"], strides, dilations),
        dilations=dilations,
        groups=channels,
    )


def _build_depthwise(make: Construction, x: Value) -> Value:
    kernel = make.weight("kernel")
    bias = make.weight("bias") if make["use_bias"] else None
    y = _each_channel(make, channels_first(make, x), kernel, bias)
    return activate(make, make["activation"], channels_last(make, y))


def _build_separable(make: Construction, x: Value) -> Value:
    y = _each_channel(make, channels_first(make, x), make.weight("depthwise_kernel"), None)
    kernel = make.weight("pointwise_kernel")
    axes = kernel.type.rank - 2
    y = make(
        "conv",
        y,
        make("transpose", kernel, permutation=(axes + 1, axes, *range(axes))),
        make.weight("bias") if make["use_bias"] else None,
        strides=(1,) * axes,
        pads=((0, 0),) * axes,
        dilations=(1,) * axes,
        groups=1,
    )
    return activate(make, make["activation"], channels_last(make, y))


SHAPED_BY = ("kernel_size", "strides", "padding", "dilation_rate", "depth_multiplier")

for _axes in (1, 2):
    _over = "axis" if _axes == 1 else "axes"
    define(
        LayerSpec(
            f"DepthwiseConv{_axes}D",
            f"Convolution of each channel by itself over {_axes} {_over}; the kernel is "
            "[window…, channels, depth_multiplier].",
            f"depthwise_conv{_axes}d",
            (*_window(_axes, MULTIPLIER), ACTIVATION, USE_BIAS),
            _shape,
            _build_depthwise,
            mask=Mask.ENDS,
            weights=_depthwise_weights,
            weight_kinds=("depthwise", "bias"),
            shape_by=SHAPED_BY,
            rank=_axes + 1,
            nodes=lambda arguments: 5 + activation_nodes(arguments["activation"]),
        )
    )
    define(
        LayerSpec(
            f"SeparableConv{_axes}D",
            f"Convolution of each channel by itself over {_axes} {_over}, then a product of the "
            "channels at each place.",
            f"separable_conv{_axes}d",
            (
                Parameter("filters", Wants.INTEGER, doc="channels of the result", minimum=1),
                *_window(_axes),
                MULTIPLIER,
                ACTIVATION,
                USE_BIAS,
            ),
            _shape,
            _build_separable,
            mask=Mask.ENDS,
            weights=_separable_weights,
            weight_kinds=("depthwise", "pointwise", "bias"),
            shape_by=("filters", *SHAPED_BY),
            rank=_axes + 1,
            nodes=lambda arguments: 7 + activation_nodes(arguments["activation"]),
        )
    )
