"""Layers that repeat, add or cut off parts of a value, channels last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...ir.type import TensorType
from ..checking.site import Site, longest, shape_text
from .pooling import DATA_FORMAT
from .spec import LayerSpec, Mask, Parameter, Wants, define

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...ir.value import Value
    from ..building.construction import Construction


# ---- RepeatVector, UpSampling -------------------------------------------------------------


def _repeated_shape(site: Site) -> TensorType | None:
    """[batch, width] -> [batch, n, width]."""
    if not site.require_float():
        return None
    return site.floats((site.arguments["n"], *site.arriving.shape[1:]))


def _build_repeated(make: Construction, x: Value) -> Value:
    batch, width = x.type.shape
    return make("expand", make("reshape", x, shape=(batch, 1, width)), shape=make.call.gives.shape)


define(
    LayerSpec(
        "RepeatVector",
        "A vector as each of n steps of a sequence.",
        "repeat_vector",
        (Parameter("n", Wants.INTEGER, doc="how many steps", minimum=1),),
        _repeated_shape,
        _build_repeated,
        mask=Mask.ENDS,
        shape_by=("n",),
        rank=1,
        changes_rank=True,
        nodes=2,
    )
)


def _enlarged_shape(site: Site) -> TensorType | None:
    """[batch, spatial…, channels] -> [batch, spatial · size…, channels]."""
    if not site.require_float():
        return None
    *spatial, channels = site.arriving.shape[1:]
    sizes = site.arguments["size"]
    return site.floats((*(d * n for d, n in zip(spatial, sizes, strict=True)), channels))


def _build_enlarged(make: Construction, x: Value) -> Value:
    mode = "linear" if make.call.arguments.get("interpolation") == "bilinear" else "nearest"
    return make("resize", x, scales=(1, *make["size"], 1), mode=mode)


INTERPOLATION = Parameter(
    "interpolation",
    Wants.CHOICE,
    "nearest",
    "what stands between the elements: each of them again, or lines from one to the next",
    choices=("nearest", "bilinear"),
    pending=("bicubic", "lanczos3", "lanczos5"),
    named_only=True,
)


for _axes in (1, 2, 3):
    define(
        LayerSpec(
            f"UpSampling{_axes}D",
            "Each element repeated"
            + (", or lines between them, " if _axes == 2 else " ")
            + "along the spatial axes.",
            f"up_sampling{_axes}d",
            (
                Parameter(
                    "size", Wants.SIZES, (2,) * _axes, "how many times", minimum=1, axes=_axes
                ),
                *((INTERPOLATION,) if _axes == 2 else ()),
                DATA_FORMAT,
            ),
            _enlarged_shape,
            _build_enlarged,
            mask=Mask.ENDS,
            shape_by=("size",),
            rank=_axes + 1,
            nodes=1,
        )
    )


# ---- ZeroPadding, Cropping ----------------------------------------------------------------

Pairs = tuple[tuple[int, int], ...]


def _pairs(site: Site, name: str, axes: int) -> Pairs | None:
    """What is added or cut at both ends of each axis: a number for all, a number or a pair for
    each. Reports anything else."""
    value = site.arguments[name]
    each = value if isinstance(value, tuple) and axes > 1 else (value,) * axes
    if len(each) == axes:
        pairs = [(one, one) if isinstance(one, int) else one for one in each]
        if all(
            isinstance(pair, tuple)
            and len(pair) == 2
            and all(type(n) is int and 0 <= n <= 2**40 for n in pair)
            for pair in pairs
        ):
            return tuple(pairs)
    ends = "(1, 2)" if axes == 1 else "((1, 2), (0, 3))"
    site.arguments.failed.add(name)
    site.error(
        "E0206",
        f"`{name}` of `{site.name}` is a whole number, or numbers for both ends of each axis",
        name,
        help=f"for example {name}=1 or {name}={ends}",
    )
    return None


def _padded_shape(axes: int) -> Callable[[Site], TensorType | None]:
    def shape(site: Site) -> TensorType | None:
        """Each spatial axis grows by what is added."""
        pairs = _pairs(site, "padding", axes)
        if pairs is None or not site.require_float():
            return None
        site.arguments.values["padding"] = pairs
        *spatial, channels = site.arriving.shape[1:]
        return site.floats((*(d + sum(p) for d, p in zip(spatial, pairs, strict=True)), channels))

    return shape


def _build_padded(make: Construction, x: Value) -> Value:
    return make("pad", x, pads=((0, 0), *make["padding"], (0, 0)), value=0.0)


def _cropped_shape(axes: int) -> Callable[[Site], TensorType | None]:
    def shape(site: Site) -> TensorType | None:
        """Each spatial axis shrinks by what is cut off; something is left."""
        pairs = _pairs(site, "cropping", axes)
        if pairs is None or not site.require_float():
            return None
        site.arguments.values["cropping"] = pairs
        *spatial, channels = site.arriving.shape[1:]
        for dim, pair in zip(spatial, pairs, strict=True):
            most = longest(dim)
            if most is not None and most <= sum(pair):
                site.error(
                    "E0304",
                    f"cutting {pair[0]} and {pair[1]} off an axis of {dim} leaves nothing: "
                    f"{shape_text(site.arriving)} arrives",
                    "cropping",
                    labels=site.origin_label("{name}"),
                )
                return None
        return site.floats((*(d - sum(p) for d, p in zip(spatial, pairs, strict=True)), channels))

    return shape


def _build_cropped(make: Construction, x: Value) -> Value:
    for axis, (before, behind) in enumerate(make["cropping"], 1):
        if before or behind:
            size = x.type.shape[axis]
            x = make("slice", x, axis=axis, start=before, stop=size - behind)
    return x


for _axes in (1, 2, 3):
    define(
        LayerSpec(
            f"ZeroPadding{_axes}D",
            "Zeros at the ends of the spatial axes.",
            f"zero_padding{_axes}d",
            (
                Parameter("padding", Wants.ANYTHING, 1, "how many, or for both ends of each axis"),
                DATA_FORMAT,
            ),
            _padded_shape(_axes),
            _build_padded,
            mask=Mask.ENDS,
            shape_by=("padding",),
            rank=_axes + 1,
            nodes=1,
        )
    )
    define(
        LayerSpec(
            f"Cropping{_axes}D",
            "The spatial axes without their ends.",
            f"cropping{_axes}d",
            (
                Parameter(
                    "cropping",
                    Wants.ANYTHING,
                    0 if _axes == 2 else 1,  # Keras crops nothing of images unless told to
                    "how many, or for both ends of each axis",
                ),
                DATA_FORMAT,
            ),
            _cropped_shape(_axes),
            _build_cropped,
            mask=Mask.ENDS,
            shape_by=("cropping",),
            rank=_axes + 1,
            nodes=_axes,
        )
    )
