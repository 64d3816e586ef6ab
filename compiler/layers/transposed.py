"""Transposed convolutions over one, two and three axes: from fewer places to more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...ir.dim import Dim
from ...ir.type import TensorType
from ..checking.site import Site, longest, shape_text
from .activations import activate, activation_nodes, activation_weights
from .convolution import check_groups, groups_divide
from .core import ACTIVATION, USE_BIAS
from .initializers import GLOROT_UNIFORM, ZEROS
from .spec import LayerSpec, Mask, Parameter, Wants, define
from .weight import Weight
from .windows import channels_first, channels_last, window_parameters

if TYPE_CHECKING:
    from ...ir.value import Value
    from ..building.construction import Construction


def cut_and_added(
    padding: str, window: int, stride: int, dilation: int, wished: int | None
) -> tuple[int, int, int]:
    """What is cut off before and behind one axis of (size - 1) · stride + span elements, and how
    many zeros stand behind it; Keras 3's rule, which is TensorFlow's.

    valid: all of them, and zeros up to one stride where the window is shorter; same: size · stride
    of them, or (size - 1) · stride + span % 2 + `wished`, the odd one cut off behind.
    """
    span = dilation * (window - 1) + 1
    if padding == "valid":
        return 0, 0, max(span, stride) - span if wished is None else wished
    kept = stride + span - 2 if wished is None else span + span % 2 - 2 + wished
    before = min((kept + 1) // 2, span - 1)
    behind = span - 1 - (kept - before)
    return span - 1 - before, max(behind, 0), max(-behind, 0)


def _each_axis(site_or_make: Site | Construction) -> list[tuple[int, int, int]]:
    a = site_or_make.arguments if isinstance(site_or_make, Site) else site_or_make
    steps = zip(a["kernel_size"], a["strides"], a["dilation_rate"], strict=True)
    wished = a["output_padding"] or (None,) * len(a["strides"])
    return [
        cut_and_added(a["padding"], window, stride, dilation, wish)
        for (window, stride, dilation), wish in zip(steps, wished, strict=True)
    ]


def _check(site: Site) -> None:
    """groups divides filters; zeros behind are fewer than a stride."""
    check_groups(site)
    a = site.arguments
    if not a.usable("output_padding", "strides") or a["output_padding"] is None:
        return
    for added, stride in zip(a["output_padding"], a["strides"], strict=True):
        if added >= stride:
            site.error(
                "E0317",
                f"`output_padding` adds fewer places than a stride has: {added} for a stride of "
                f"{stride} cannot be",
                "output_padding",
                help='leave it out: then padding="same" gives the size times the stride',
            )
            a.failed.add("output_padding")
            return


def _shape(site: Site) -> TensorType | None:
    """[batch, spatial…, channels] -> [batch, spatial · stride…, filters], more or less."""
    a = site.arguments
    if not site.require_float() or not site.require_known_width() or not groups_divide(site):
        return None
    spatial: list[Dim] = []
    for axis, (before, behind, added) in enumerate(_each_axis(site)):
        size = site.arriving.shape[1 + axis]
        span = a["dilation_rate"][axis] * (a["kernel_size"][axis] - 1) + 1
        found = (size - 1) * a["strides"][axis] + span - before - behind + added
        most = longest(found)
        if most is not None and most < 1:
            site.error(
                "E0318",
                f"nothing would be left of the axis of {size}: {shape_text(site.arriving)} arrives",
                "output_padding",
                labels=site.origin_label("{name}"),
                help='leave `output_padding` out, or use padding="valid"',
            )
            return None
        spatial.append(found)
    return site.floats((*spatial, a["filters"]))


def _weights(site: Site) -> tuple[Weight, ...]:
    a = site.arguments
    filters = a["filters"]
    shape = (*a["kernel_size"], filters // a["groups"], site.width)
    kernel = Weight("kernel", shape, "kernel", GLOROT_UNIFORM)
    bias = (Weight("bias", (filters,), "bias", ZEROS),) if a["use_bias"] else ()
    return (kernel, *bias, *activation_weights(a["activation"], filters))


def _build(make: Construction, x: Value) -> Value:
    kernel = make.weight("kernel")
    axes = kernel.type.rank - 2
    each = _each_axis(make)
    y = make(
        "conv_transpose",
        channels_first(make, x),
        make("transpose", kernel, permutation=(axes + 1, axes, *range(axes))),
        make.weight("bias") if make["use_bias"] else None,
        strides=make["strides"],
        pads=tuple((before, behind) for before, behind, _ in each),
        output_padding=tuple(added for _, _, added in each),
        dilations=make["dilation_rate"],
        groups=make["groups"],
    )
    return activate(make, make["activation"], channels_last(make, y))


for _axes in (1, 2, 3):
    _ones = (1,) * _axes
    define(
        LayerSpec(
            f"Conv{_axes}DTranspose",
            f"Transposed convolution over {_axes} {'axis' if _axes == 1 else 'axes'}: each place "
            "spreads over a window of the result; the kernel is [window…, filters / groups, "
            "channels].",
            f"conv{_axes}d_transpose",
            (
                Parameter("filters", Wants.INTEGER, doc="channels of the result", minimum=1),
                Parameter(
                    "kernel_size", Wants.SIZES, doc="size of the window", minimum=1, axes=_axes
                ),
                Parameter(
                    "strides",
                    Wants.SIZES,
                    _ones,
                    "steps of the window in the result",
                    aliases=("stride",),
                    minimum=1,
                    axes=_axes,
                ),
                *window_parameters(_axes, transposed=True),
                Parameter(
                    "output_padding",
                    Wants.SIZES,
                    None,
                    "places behind the result, fewer than a stride; as many as the padding needs "
                    "where it is left out",
                    minimum=0,
                    axes=_axes,
                    optional=True,
                    named_only=True,
                ),
                Parameter(
                    "dilation_rate",
                    Wants.SIZES,
                    _ones,
                    "distance within the window",
                    aliases=("dilation",),
                    minimum=1,
                    axes=_axes,
                ),
                Parameter("groups", Wants.INTEGER, 1, "separate parts of the channels", minimum=1),
                ACTIVATION,
                USE_BIAS,
            ),
            _shape,
            _build,
            check=_check,
            mask=Mask.ENDS,
            aliases=(f"Convolution{_axes}DTranspose", f"Deconvolution{_axes}D"),
            weights=_weights,
            weight_kinds=("kernel", "bias"),
            shape_by=(
                "filters",
                "kernel_size",
                "strides",
                "padding",
                "output_padding",
                "dilation_rate",
            ),
            rank=_axes + 1,
            nodes=lambda arguments: 4 + activation_nodes(arguments["activation"]),
        )
    )
