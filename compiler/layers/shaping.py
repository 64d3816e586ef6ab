"""Layers that move elements and compute nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ...ir.type import TensorType
from ..checking.site import Site, shape_text
from .spec import LayerSpec, Mask, Parameter, Wants, define

if TYPE_CHECKING:
    from ...ir.value import Value
    from ..building.construction import Construction


def _require_fixed(site: Site) -> tuple[int, ...] | None:
    """The arriving sizes, batch apart; reports an axis whose size is open."""
    sizes = tuple(dim for dim in site.arriving.shape[1:] if isinstance(dim, int))
    if len(sizes) == site.arriving.rank - 1:
        return sizes
    site.error(
        "E0307",
        f"`{site.name}` mixes axes whose sizes must be known; {shape_text(site.arriving)} arrives",
        labels=site.origin_label("{name}"),
        help="give the input fixed sizes (and leave out --dynamic)",
    )
    return None


# ---- Flatten, Reshape ---------------------------------------------------------------------


def _flatten_shape(site: Site) -> TensorType | None:
    """[batch, …] -> [batch, product of the others]."""
    sizes = _require_fixed(site)
    if sizes is None:
        return None
    return site.arriving.with_shape((site.arriving.shape[0], math.prod(sizes)))


def _build_reshape(make: Construction, x: Value) -> Value:
    shape = make.call.gives.shape
    return x if shape == x.type.shape else make("reshape", x, shape=shape)


define(
    LayerSpec(
        "Flatten",
        "All axes behind the batch as one.",
        "flatten",
        (
            Parameter(
                "data_format",
                Wants.CHOICE,
                "channels_last",
                "the order of axes",
                choices=("channels_last",),
                pending=("channels_first",),
                named_only=True,
            ),
        ),
        _flatten_shape,
        _build_reshape,
        mask=Mask.ENDS,
        changes_rank=True,
        nodes=1,
    )
)


def _check_reshape(site: Site) -> None:
    a = site.arguments
    if not a.usable("target_shape"):
        return
    target = a["target_shape"]
    for index, size in enumerate(target):
        if size < 1 and (size != -1 or target.count(-1) > 1):
            items = a.items.get("target_shape", ())
            site.error(
                "E0207",
                "a size must be at least 1; one of them may be -1, which is then computed",
                items[index].span if items else "target_shape",
            )
            a.failed.add("target_shape")
            return


def _reshape_shape(site: Site) -> TensorType | None:
    """[batch, …] -> [batch, target…], the number of elements kept."""
    sizes = _require_fixed(site)
    if sizes is None:
        return None
    target, count = site.arguments["target_shape"], math.prod(sizes)
    known = math.prod(size for size in target if size != -1)
    if (count % known if -1 in target else count != known) or known == 0:
        wanted = "×".join("?" if size == -1 else str(size) for size in target)
        site.error(
            "E0311",
            f"{shape_text(site.arriving)} has {count} elements, which do not fill {wanted}"
            + ("" if -1 in target else f" = {known}"),
            "target_shape",
            labels=site.origin_label("{name} gives " + shape_text(site.arriving)),
        )
        return None
    filled = tuple(count // known if size == -1 else size for size in target)
    return site.arriving.with_shape((site.arriving.shape[0], *filled))


define(
    LayerSpec(
        "Reshape",
        "The same elements in another shape.",
        "reshape",
        (
            Parameter(
                "target_shape",
                Wants.INTEGERS,
                doc="the sizes behind the batch; one may be -1",
                aliases=("shape",),
            ),
        ),
        _reshape_shape,
        _build_reshape,
        check=_check_reshape,
        shape_by=("target_shape",),
        mask=Mask.ENDS,
        changes_rank=True,
        nodes=1,
    )
)


# ---- Permute ------------------------------------------------------------------------------


def _check_permute(site: Site) -> None:
    a = site.arguments
    if a.usable("dims") and sorted(a["dims"]) != list(range(1, len(a["dims"]) + 1)):
        site.error(
            "E0207",
            f"`dims` has each axis from 1 to {len(a['dims'])} once; 1 is the first behind the "
            "batch",
            "dims",
        )
        a.failed.add("dims")


def _permute_shape(site: Site) -> TensorType | None:
    """[batch, a, b, …] -> the axes in another order."""
    dims, x = site.arguments["dims"], site.arriving
    if len(dims) != x.rank - 1:
        site.error(
            "E0301",
            f"`dims` orders {len(dims)} axes, and {shape_text(x)} with {x.rank - 1} arrives",
            "dims",
            labels=site.origin_label("{name}"),
        )
        return None
    return x.with_shape((x.shape[0], *(x.shape[axis] for axis in dims)))


define(
    LayerSpec(
        "Permute",
        "The axes behind the batch in another order; 1 is the first of them.",
        "permute",
        (Parameter("dims", Wants.INTEGERS, doc="the axes in their new order"),),
        _permute_shape,
        lambda make, x: make("transpose", x, permutation=(0, *make["dims"])),
        check=_check_permute,
        shape_by=("dims",),
        mask=Mask.ENDS,
        changes_rank=True,
        nodes=1,
    )
)
