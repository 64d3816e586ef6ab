"""Layers around layers, and the layer that says which steps count, as Keras 3 has them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...ir.type import TensorType
from ..checking.site import Site
from .merging import ALL_MASKED
from .spec import Block, LayerSpec, Parameter, Role, Wants, define

if TYPE_CHECKING:
    from ...ir.value import Value
    from ..building.construction import Construction


# ---- Bidirectional ------------------------------------------------------------------------


def _both_ways_shape(site: Site) -> TensorType | None:
    """The width of both together, or of one where they are added up."""
    forward, backward = (flow.type for _, flow in site.branches)
    if forward is None or backward is None:
        return None
    if site.arguments["merge_mode"] != "concat":
        return forward
    return forward.with_shape((*forward.shape[:-1], forward.shape[-1] + backward.shape[-1]))


def _build_both_ways(make: Construction, x: Value) -> Value:
    """The backward steps are brought into the order of the forward ones."""
    forward, backward = make.branches
    if backward.type.rank == 3:
        backward = make("reverse", backward, axis=1)
    mode = make["merge_mode"]
    if mode == "concat":
        return make("concat", forward, backward, axis=forward.type.rank - 1)
    result = make("mul" if mode == "mul" else "add", forward, backward)
    return make("mul", result, make.number(0.5)) if mode == "ave" else result


define(
    LayerSpec(
        "Bidirectional",
        "Runs a recurrent layer forwards and, with weights of its own, backwards.",
        "bidirectional",
        (
            Parameter(
                "merge_mode",
                Wants.CHOICE,
                "concat",
                "how the two results become one",
                choices=("concat", "sum", "mul", "ave"),
            ),
        ),
        _both_ways_shape,
        _build_both_ways,
        block=Block.BOTH_WAYS,
        merge=ALL_MASKED,
        nodes=3,
    )
)


# ---- TimeDistributed ----------------------------------------------------------------------


def _each_step_shape(site: Site) -> TensorType | None:
    """[batch, S, …] -> [batch, S, what the block makes of […]]."""
    x = site.arriving
    if x.rank < 3:
        site.error(
            "E0301",
            f"`{site.name}` applies a layer to each step of a sequence, and single values arrive",
            labels=site.origin_label("{name}"),
            help="leave it out: the layer alone does the same",
        )
        return None
    if site.run_block is None or site.flow is None:
        return None
    steps = x.with_shape((x.shape[0] * x.shape[1], *x.shape[2:]))
    after = site.run_block(replace(site.flow.without_masks(), type=steps)).type
    return None if after is None else after.with_shape((*x.shape[:2], *after.shape[1:]))


def _build_each_step(make: Construction, x: Value) -> Value:
    assert make.build_block is not None
    shape = x.type.shape
    steps = make("reshape", x, shape=(shape[0] * shape[1], *shape[2:]))
    state = make.state
    masks = state.key_mask, state.pairwise
    state.key_mask = state.pairwise = None
    result = make.build_block(steps)
    state.key_mask, state.pairwise = masks
    return make("reshape", result, shape=(*shape[:2], *result.type.shape[1:]))


define(
    LayerSpec(
        "TimeDistributed",
        "Applies a layer, or a block of layers, to each step of a sequence by itself.",
        "time_distributed",
        (),
        _each_step_shape,
        _build_each_step,
        block=Block.WRAPPED,
        nodes=2,
    )
)


# ---- Masking ------------------------------------------------------------------------------


def _masking_shape(site: Site) -> TensorType | None:
    """[batch, S, width] -> the same."""
    return site.arriving if site.require_float() else None


def _build_masking(make: Construction, x: Value) -> Value:
    """Steps that do not count are zeros behind it."""
    differs = make("not_equal", x, make.number(make["mask_value"]))
    mask = make("reduce_max", differs, axes=(2,), keepdims=False)
    before = make.state.key_mask
    make.state.key_mask = mask if before is None else make("logical_and", before, mask)
    column = make("reshape", mask, shape=(*mask.type.shape, 1))
    return make("where", column, x, make.number(0.0))


define(
    LayerSpec(
        "Masking",
        "Steps whose features all have one value are padding from here on.",
        "masking",
        (Parameter("mask_value", Wants.NUMBER, 0.0, "the value that says padding"),),
        _masking_shape,
        _build_masking,
        role=Role.MASKING,
        rank=2,
        nodes=5,
    )
)
