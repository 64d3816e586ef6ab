"""SelectPosition: one position of a sequence, such as the token that stands for all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...ir.dtype import DType
from ...ir.type import TensorType
from ..checking.site import Site, longest, shape_text
from .spec import LayerSpec, Mask, Parameter, Wants, define

if TYPE_CHECKING:
    from ...ir.value import Value
    from ..building.construction import Construction


def _shape(site: Site) -> TensorType | None:
    """[batch, positions, width] -> [batch, width], or [batch, 1, width]."""
    if not site.require_float():
        return None
    x, index = site.arriving, site.arguments["index"]
    most = longest(x.shape[1])
    if most is not None and not -most <= index < most:
        site.error(
            "E0316",
            f"there is no position {index}: {shape_text(x)} arrives",
            "index",
            labels=site.origin_label("{name} gives " + shape_text(x)),
            help=f"the positions are 0 to {most - 1}, or -{most} to -1 from the end",
        )
        return None
    return site.floats((*((1,) if site.arguments["keepdims"] else ()), x.shape[2]))


def _build(make: Construction, x: Value) -> Value:
    index, mask = make["index"], make.state.key_mask
    if mask is not None:
        row = make("take_rows", x, _counted(make, mask, index))
    else:
        start = index if index >= 0 else x.type.shape[1] + index
        row = make("slice", x, axis=1, start=start, stop=start + 1)
    return row if make["keepdims"] else make("reshape", row, shape=make.call.gives.shape)


def _counted(make: Construction, mask: Value, index: int) -> Value:
    """The position of each member, [B, 1], that lies as far as `index` says behind its first one
    that counts, or before its last one. It stays within the sequence; where nothing counts, the
    first and the last one are 0."""
    if index == 0:
        return make("argmax", mask, axis=1, keepdims=True)
    positions = make("positions", mask, axis=1)
    if index > 0:
        end = make("reduce_max", positions, axes=(0,), keepdims=True)
        first = make("argmax", mask, axis=1, keepdims=True)
        behind = make("add", first, make.emit.constant(index, DType.I64, "distance"))
        return make("minimum", behind, end)
    zero = make.emit.constant(0, DType.I64, "zero")
    counted = make("where", mask, positions, zero)
    last = make("reduce_max", counted, axes=(1,), keepdims=True)
    if index == -1:
        return last
    before = make("add", last, make.emit.constant(index + 1, DType.I64, "distance"))
    return make("maximum", before, zero)


define(
    LayerSpec(
        "SelectPosition",
        "One position of a sequence: the first one, or with index=-1 the last one, that padding "
        "leaves.",
        "select_position",
        (
            Parameter(
                "index",
                Wants.INTEGER,
                0,
                "which position, from 0, or from -1 backwards; with a padding mask counted from "
                "the first or the last position that counts in each row of the batch",
            ),
            Parameter("keepdims", Wants.BOOLEAN, False, "keep the axis of positions, 1 long"),
        ),
        _shape,
        _build,
        mask=Mask.CONSUMES,
        aliases=("SelectToken",),
        shape_by=("index", "keepdims"),
        rank=2,
        nodes=7,
    )
)
