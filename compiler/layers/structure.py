"""Layers that hold other layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...ir.type import TensorType
from ..checking.site import Site, shape_text
from .spec import Block, LayerSpec, define

if TYPE_CHECKING:
    from ...ir.value import Value
    from ..building.construction import Construction


def _residual_shape(site: Site) -> TensorType | None:
    """The block's result has the shape of its input."""
    x = site.arriving
    if not site.require_float() or site.run_block is None or site.flow is None:
        return None
    after = site.run_block(site.flow)
    if after.type is not None and after.type != x:
        site.error(
            "E0309",
            f"a residual adds the block's result {shape_text(after.type)} to its input "
            f"{shape_text(x)}, and the shapes must agree",
            after.origin,
            labels=site.origin_label("{name} gives " + shape_text(x)),
            help=f"end the block with `Dense({x.shape[-1]})`"
            if x.shape[:-1] == after.type.shape[:-1]
            else "the layers of the block must keep the shape",
        )
    return x


def _build_residual(make: Construction, x: Value) -> Value:
    assert make.build_block is not None
    return make("add", x, make.build_block(x))


define(
    LayerSpec(
        "ResidualConnection",
        "Adds the result of its block to the block's input.",
        "residual",
        (),
        _residual_shape,
        _build_residual,
        block=Block.REQUIRED,
        aliases=("Residual",),
        nodes=1,
    )
)
