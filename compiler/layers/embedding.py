"""Embedding of token ids, and positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...ir.dtype import DType
from ...ir.type import TensorType
from ..checking.site import Site, longest, shape_text
from .initializers import EMBEDDINGS
from .spec import LayerSpec, Parameter, Role, Wants, define
from .weight import Weight

if TYPE_CHECKING:
    from ...ir.value import Value
    from ..building.construction import Construction


# ---- Embedding ----------------------------------------------------------------------------


def _check_embedding(site: Site) -> None:
    a = site.arguments
    if not a.usable("input_dim", "output_dim") or a.positional[:2] != ["input_dim", "output_dim"]:
        return
    if a["output_dim"] > 8192 and a["output_dim"] > 4 * a["input_dim"]:
        site.warning(
            "W0207",
            f"vectors of {a['output_dim']} for a vocabulary of {a['input_dim']}: "
            "the two look swapped",
            "output_dim",
            help=f"did you mean input_dim={a['output_dim']}, output_dim={a['input_dim']}?",
        )


def _embedding_shape(site: Site) -> TensorType | None:
    """Ids [batch, …] -> [batch, …, output_dim]."""
    x = site.arriving
    if x.dtype.is_float:
        site.error(
            "E0303",
            f"`{site.name}` takes token ids, and vectors {shape_text(x)} arrive",
            labels=site.origin_label("{name}"),
            help="an Embedding is the first layer behind its input",
        )
        return None
    return TensorType(DType.F32, (*x.shape, site.arguments["output_dim"]))


def _embedding_weights(site: Site) -> tuple[Weight, ...]:
    shape = (site.arguments["input_dim"], site.arguments["output_dim"])
    return (Weight("embeddings", shape, "embeddings", EMBEDDINGS),)


def _build_embedding(make: Construction, ids: Value) -> Value:
    if make["mask_zero"]:
        zero = make.emit.constant(0, DType.I64, "zero")
        mask = make("not_equal", ids, zero)
        before = make.state.key_mask
        make.state.key_mask = mask if before is None else make("logical_and", before, mask)
    return make("gather", make.weight("embeddings"), ids, axis=0)


define(
    LayerSpec(
        "Embedding",
        "A trained vector for each token id. With mask_zero, id 0 is padding.",
        "embedding",
        (
            Parameter(
                "input_dim",
                Wants.INTEGER,
                doc="how many ids there are",
                aliases=("vocab_size",),
                minimum=1,
            ),
            Parameter(
                "output_dim",
                Wants.INTEGER,
                doc="the width of a vector",
                aliases=("embedding_dim",),
                minimum=1,
            ),
            Parameter("mask_zero", Wants.BOOLEAN, False, "id 0 is padding"),
            Parameter(
                "input_length",
                Wants.INTEGER,
                None,
                "accepted from old programs; the input says it",
                optional=True,
                minimum=1,
                named_only=True,
            ),
        ),
        _embedding_shape,
        _build_embedding,
        check=_check_embedding,
        role=Role.EMBEDDING,
        weights=_embedding_weights,
        weight_kinds=("embeddings",),
        shape_by=("output_dim",),
        single=True,
        nodes=3,
    )
)


# ---- PositionalEncoding -------------------------------------------------------------------


def _positions_shape(site: Site) -> TensorType | None:
    """[batch, S, width] -> the same."""
    if not site.require_float():
        return None
    x = site.arriving
    a = site.arguments
    if not site.require_known_width():
        return None
    length, rows = longest(x.shape[1]), a["max_len"]
    if a["encoding_type"] == "sinusoidal":
        if a.given("max_len") and a.usable("max_len") and length is not None and length > rows:
            site.warning(
                "W0303",
                f"max_len={rows}, and the sequence may have {length} positions",
                "max_len",
                help=f"give `max_len={length}`, or leave it out: sinusoidal positions need none",
            )
        return x
    if length is None:
        site.error(
            "E0308",
            f"the table of positions has {rows} rows, and nothing bounds the sequence's length",
            "max_len",
            labels=site.origin_label("{name} gives " + shape_text(x)),
            help=f"bound it with `--max seq={rows}`",
        )
        return None
    if length > rows:
        site.error(
            "E0308",
            f"the table of positions has {rows} rows, and the sequence may have {length}",
            "max_len",
            labels=site.origin_label("{name} gives " + shape_text(x)),
            help=f"give `max_len={length}`",
        )
        return None
    return x


def _positions_weights(site: Site) -> tuple[Weight, ...]:
    if site.arguments["encoding_type"] == "sinusoidal":
        return ()
    return (
        Weight("embeddings", (site.arguments["max_len"], site.width), "embeddings", EMBEDDINGS),
    )


def _build_positions(make: Construction, x: Value) -> Value:
    if make["encoding_type"] == "sinusoidal":
        width = x.type.shape[2]
        return make("add", x, make("sinusoid", make("positions", x, axis=1), width=width))
    table = make.weight("embeddings")
    rows = table
    if x.type.shape[1] != table.type.shape[0]:
        rows = make("slice", table, axis=0, start=0, stop=x.type.shape[1])
    return make("add", x, rows)


define(
    LayerSpec(
        "PositionalEncoding",
        "Adds positions: sines and cosines, interleaved, base 10000 (Vaswani et al. 2017), or one "
        "trained vector for each position.",
        "positions",
        (
            Parameter(
                "max_len",
                Wants.INTEGER,
                5000,
                "rows of the trained table",
                aliases=("max_length", "max_position"),
                minimum=1,
            ),
            Parameter(
                "encoding_type",
                Wants.CHOICE,
                "sinusoidal",
                "sinusoidal, or learnable (learned)",
                aliases=("type",),
                choices=("sinusoidal", "learnable", "learned"),
            ),
        ),
        _positions_shape,
        _build_positions,
        role=Role.POSITIONS,
        weights=_positions_weights,
        weight_kinds=("embeddings",),
        rank=2,
        single=True,
        nodes=3,
    )
)
