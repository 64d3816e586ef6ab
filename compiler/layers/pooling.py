"""Pooling by windows and over whole sequences and images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...ir.dtype import DType
from ...ir.type import TensorType
from ..checking.site import Site
from .spec import LayerSpec, Mask, Parameter, Wants, define
from .windows import channels_first, channels_last, pads, sliding, window_parameters

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...ir.value import Value
    from ..building.construction import Construction

LOWEST = -3.4028234663852886e38
"""The smallest finite float32: where the maximum of what counts is looked for."""


# ---- windows ------------------------------------------------------------------------------


def _complete_strides(site: Site) -> None:
    """Strides are the window's size where they are left out."""
    a = site.arguments
    if a["strides"] is None:
        a.values["strides"] = a["pool_size"]


def _window_shape(site: Site) -> TensorType | None:
    """[batch, spatial…, channels] -> [batch, windows…, channels]."""
    if not site.require_float():
        return None
    a = site.arguments
    window = a["pool_size"]
    spatial = sliding(site, window, a["strides"], (1,) * len(window), "pool_size")
    return None if spatial is None else site.floats((*spatial, site.arriving.shape[-1]))


def _window_build(op: str) -> Callable[[Construction, Value], Value]:
    def build(make: Construction, x: Value) -> Value:
        window, strides = make["pool_size"], make["strides"]
        sizes = pads(make["padding"], x.type.shape[1:-1], window, strides, (1,) * len(window))
        y = make(op, channels_first(make, x), kernel=window, strides=strides, pads=sizes)
        return channels_last(make, y)

    return build


# ---- over everything ----------------------------------------------------------------------


def _global_shape(site: Site) -> TensorType | None:
    """[batch, spatial…, channels] -> [batch, channels], or [batch, 1…, channels]."""
    if not site.require_float():
        return None
    x = site.arriving
    ones = (1,) * (x.rank - 2) if site.arguments["keepdims"] else ()
    return site.floats((*ones, x.shape[-1]))


def _reduce(make: Construction, op: str, x: Value) -> Value:
    axes = tuple(range(1, x.type.rank - 1))
    return make(op, x, axes=axes, keepdims=make["keepdims"])


def _counted(make: Construction, mask: Value, x: Value, other: float) -> Value:
    """x where the mask [B, S] counts a position, `other` elsewhere."""
    batch, length = mask.type.shape
    column = make("reshape", mask, shape=(batch, length, 1))
    return make("where", column, x, make.number(other, "masked"))


def _along_result(make: Construction, x: Value, like: Value) -> Value:
    """One number a row [B, 1] in the rank of a result."""
    if like.type.rank == x.type.rank:
        return x
    return make("reshape", x, shape=(x.type.shape[0], *(1,) * (like.type.rank - 1)))


def _build_mean(make: Construction, x: Value) -> Value:
    mask = make.state.key_mask
    if mask is None or x.type.rank != 3:
        return _reduce(make, "reduce_mean", x)
    total = _reduce(make, "reduce_sum", _counted(make, mask, x, 0.0))
    ones = make("cast", mask, to=DType.F32)
    count = make("reduce_sum", ones, axes=(1,), keepdims=True)
    count = make("maximum", count, make.number(1.0, "one"))
    return make("div", total, _along_result(make, count, total))


def _build_max(make: Construction, x: Value) -> Value:
    mask = make.state.key_mask
    if mask is None or x.type.rank != 3:
        return _reduce(make, "reduce_max", x)
    largest = _reduce(make, "reduce_max", _counted(make, mask, x, LOWEST))
    some = make("reduce_max", mask, axes=(1,), keepdims=True)
    some = _along_result(make, some, largest)
    return make("where", some, largest, make.number(0.0, "zero"))


KEEPDIMS = Parameter("keepdims", Wants.BOOLEAN, False, "keep the pooled axes with a size of 1")
DATA_FORMAT = Parameter(
    "data_format",
    Wants.CHOICE,
    "channels_last",
    "the order of axes",
    choices=("channels_last",),
    pending=("channels_first",),
    named_only=True,
)

for _axes in (1, 2, 3):
    for _name, _op, _what in (
        ("Max", "max_pool", "largest value"),
        ("Average", "average_pool", "mean"),
    ):
        define(
            LayerSpec(
                f"{_name}Pooling{_axes}D",
                f"The {_what} of each window.",
                f"{_name.lower()}_pooling{_axes}d",
                (
                    Parameter(
                        "pool_size",
                        Wants.SIZES,
                        (2,) * _axes,
                        "size of the window",
                        minimum=1,
                        axes=_axes,
                    ),
                    Parameter(
                        "strides",
                        Wants.SIZES,
                        None,
                        "steps of the window; its size where they are left out",
                        aliases=("stride",),
                        minimum=1,
                        axes=_axes,
                        optional=True,
                    ),
                    *window_parameters(_axes),
                ),
                _window_shape,
                _window_build(_op),
                check=_complete_strides,
                mask=Mask.ENDS,
                aliases=(f"{'Avg' if _name == 'Average' else 'Max'}Pool{_axes}D",),
                shape_by=("pool_size", "strides", "padding"),
                rank=_axes + 1,
                nodes=3,
            )
        )
    for _name, _build, _what, _most in (
        ("Average", _build_mean, "mean", 8),
        ("Max", _build_max, "largest value", 6),
    ):
        define(
            LayerSpec(
                f"Global{_name}Pooling{_axes}D",
                f"The {_what} over {'the sequence' if _axes == 1 else 'the image'}"
                + (", padding left out; zeros where nothing counts." if _axes == 1 else "."),
                f"global_{_name.lower()}_pooling{_axes}d",
                (KEEPDIMS, DATA_FORMAT),
                _global_shape,
                _build,
                mask=Mask.CONSUMES if _axes == 1 else Mask.ENDS,
                shape_by=("keepdims",),
                rank=_axes + 1,
                nodes=_most if _axes == 1 else 1,
            )
        )
