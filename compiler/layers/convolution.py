"""Convolutions over one, two and three axes, channels last as Keras has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...ir.diagnostic import Label
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


def check_groups(site: Site) -> None:
    """groups divides filters."""
    a = site.arguments
    if a.usable("filters", "groups") and a["filters"] % a["groups"]:
        a.failed.add("groups")
        site.error(
            "E0310",
            f"{a['groups']} groups do not divide {a['filters']} filters",
            "groups",
            labels=(Label(a.span("filters"), f"{a['filters']} filters"),),
        )


def groups_divide(site: Site) -> bool:
    """Whether groups divides the channels that arrive; reports it where not."""
    a = site.arguments
    if not a.usable("groups") or site.width % a["groups"] == 0:
        return True
    site.error(
        "E0310",
        f"{a['groups']} groups do not divide the {site.width} channels that arrive",
        "groups",
        labels=site.origin_label("{name}"),
    )
    return False


def _shape(site: Site) -> TensorType | None:
    """[batch, spatial…, channels] -> [batch, windows…, filters]."""
    a = site.arguments
    if not site.require_float() or not site.require_known_width() or not groups_divide(site):
        return None
    spatial = sliding(site, a["kernel_size"], a["strides"], a["dilation_rate"], "kernel_size")
    return None if spatial is None else site.floats((*spatial, a["filters"]))


def _weights(site: Site) -> tuple[Weight, ...]:
    a = site.arguments
    filters = a["filters"]
    shape = (*a["kernel_size"], site.width // a["groups"], filters)
    kernel = Weight("kernel", shape, "kernel", GLOROT_UNIFORM)
    bias = (Weight("bias", (filters,), "bias", ZEROS),) if a["use_bias"] else ()
    return (kernel, *bias, *activation_weights(a["activation"], filters))


def _build(make: Construction, x: Value) -> Value:
    kernel = make.weight("kernel")
    axes = kernel.type.rank - 2
    weight = make("transpose", kernel, permutation=(axes + 1, axes, *range(axes)))
    y = make(
        "conv",
        channels_first(make, x),
        weight,
        make.weight("bias") if make["use_bias"] else None,
        strides=make["strides"],
        pads=pads(
            make["padding"],
            x.type.shape[1:-1],
            make["kernel_size"],
            make["strides"],
            make["dilation_rate"],
        ),
        dilations=make["dilation_rate"],
        groups=make["groups"],
    )
    return activate(make, make["activation"], channels_last(make, y))


for _axes in (1, 2, 3):
    define(
        LayerSpec(
            f"Conv{_axes}D",
            f"Convolution over {_axes} {'axis' if _axes == 1 else 'axes'}; the kernel is "
            "[window…, channels / groups, filters].",
            f"conv{_axes}d",
            (
                Parameter("filters", Wants.INTEGER, doc="channels of the result", minimum=1),
                Parameter(
                    "kernel_size", Wants.SIZES, doc="size of the window", minimum=1, axes=_axes
                ),
                Parameter(
                    "strides",
                    Wants.SIZES,
                    (1,) * _axes,
                    "steps of the window",
                    aliases=("stride",),
                    minimum=1,
                    axes=_axes,
                ),
                *window_parameters(_axes, causal=_axes == 1),
                Parameter(
                    "dilation_rate",
                    Wants.SIZES,
                    (1,) * _axes,
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
            check=check_groups,
            mask=Mask.ENDS,
            aliases=(f"Convolution{_axes}D",),
            weights=_weights,
            weight_kinds=("kernel", "bias"),
            shape_by=(
                "filters",
                "kernel_size",
                "strides",
                "padding",
                "dilation_rate",
            ),
            rank=_axes + 1,
            nodes=lambda arguments: 4 + activation_nodes(arguments["activation"]),
        )
    )
