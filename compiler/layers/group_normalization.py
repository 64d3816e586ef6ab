"""Normalization over the places of an image and a group of its channels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...ir.type import TensorType
from ..checking.site import Site
from .initializers import ONES, ZEROS
from .normalization import AXIS, CENTER, SCALE, axis_of, mixes_padding
from .spec import LayerSpec, Parameter, Wants, define
from .weight import Weight

if TYPE_CHECKING:
    from ...ir.value import Value
    from ..building.construction import Construction

EPSILON = Parameter("epsilon", Wants.NUMBER, 1e-3, "added under the root", minimum=0)


def _shape(site: Site) -> TensorType | None:
    """[batch, …, channels] -> the same; groups divide the channels."""
    if not site.require_float():
        return None
    axis = axis_of(site)
    if axis is None or not site.require_known_width(axis):
        return None
    if site.arriving.rank == 3 and mixes_padding(site, (1,)):
        return None
    a, width = site.arguments, site.arriving.shape[axis]
    assert isinstance(width, int)
    a.values["axis"] = axis
    groups = a.values.get("groups", width)
    groups = width if groups == -1 else groups
    if groups < 1 or width % groups:
        site.error(
            "E0310",
            f"{groups} groups do not divide the {width} channels that arrive",
            "groups",
            labels=site.origin_label("{name}"),
            help=f"groups={_nearest(groups, width)} would; groups=-1 normalizes each channel by "
            "itself",
        )
        return None
    a.values["groups"] = groups
    return site.arriving


def _nearest(groups: int, width: int) -> int:
    """The largest number of groups up to the wanted one that divides the width."""
    return max(n for n in range(1, min(max(groups, 1), width) + 1) if not width % n)


def _weights(site: Site) -> tuple[Weight, ...]:
    a = site.arguments
    width = site.arriving.shape[a["axis"]]
    assert isinstance(width, int)
    shape = (width,)
    gain = (Weight("gain", shape, "gamma", ONES),) if a["scale"] else ()
    bias = (Weight("bias", shape, "beta", ZEROS),) if a["center"] else ()
    return (*gain, *bias)


def _build(make: Construction, x: Value) -> Value:
    """One op, which passes move to the channels' side."""
    return make(
        "group_norm",
        x,
        make.weight("gain") if make["scale"] else None,
        make.weight("bias") if make["center"] else None,
        axis=make["axis"],
        groups=make["groups"],
        epsilon=make["epsilon"],
    )


GROUPS = Parameter(
    "groups", Wants.INTEGER, 32, "parts of the channels; -1 for each channel by itself"
)

for _name, _scope, _own, _named, _aliases, _doc in (
    (
        "GroupNormalization",
        "group_normalization",
        (GROUPS, AXIS),
        (),
        ("GroupNorm",),
        "(x - mean) / √(variance + epsilon) · gain + bias over all places and a group of channels; "
        "Wu and He (2018).",
    ),
    (
        "InstanceNormalization",
        "instance_normalization",
        (),
        (replace(AXIS, named_only=True),),
        ("InstanceNorm",),
        "Group normalization with one channel a group; Ulyanov et al. (2016).",
    ),
):
    define(
        LayerSpec(
            _name,
            _doc,
            _scope,
            (*_own, EPSILON, CENTER, SCALE, *_named),
            _shape,
            _build,
            aliases=_aliases,
            weights=_weights,
            weight_kinds=("gamma", "beta"),
            nodes=1,
        )
    )
