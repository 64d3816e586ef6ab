"""Transformer blocks: encoder and decoder, pre-norm by default.

Pre-norm: y = x + MHA(LN(x)); z = y + FFN(LN(y)). Post-norm: y = LN(x + MHA(x)); z = LN(y + FFN(y)).
A decoder has cross-attention to the encoder's memory between the two, in the same manner. Their
parameters, rules and weights stand here, their ops in `transformer_block.py`.
"""

from __future__ import annotations

from ...ir.diagnostic import Fix, Label
from ...ir.type import TensorType
from ..checking.site import Site, shape_text
from .activations import activation_weights
from .attention import (
    USE_MASK,
    attention_weights,
    fewer_heads,
    lint_attention,
    nearest_divisors,
)
from .initializers import GLOROT_UNIFORM, ONES, ZEROS
from .spec import Block, LayerSpec, Mask, Parameter, Role, Wants, define
from .transformer_block import build_decoder, build_encoder, decoder_nodes, encoder_nodes
from .weight import Weight

PARAMETERS = (
    Parameter(
        "num_heads", Wants.INTEGER, 8, "how many heads; divides d_model", ("heads",), minimum=1
    ),
    Parameter(
        "d_model",
        Wants.INTEGER,
        None,
        "the width; must be the width that arrives",
        aliases=("model_dim", "embed_dim"),
        minimum=1,
        optional=True,
    ),
    Parameter(
        "dff",
        Wants.INTEGER,
        None,
        "inner width of the feed-forward network; 4 · d_model where it is left out",
        aliases=("ff_dim", "d_ff", "intermediate_dim"),
        minimum=1,
        optional=True,
    ),
    Parameter(
        "dropout_rate",
        Wants.NUMBER,
        0.1,
        "rate on attention probabilities, attention output and feed-forward network",
        aliases=("dropout",),
        minimum=0,
        below=1,
    ),
    Parameter(
        "num_layers", Wants.INTEGER, 1, "this many, one behind the other", ("num_blocks",),
        minimum=1, below=10_001,
    ),
    Parameter(
        "activation", Wants.ACTIVATION, "relu", "between the products of the feed-forward network"
    ),
    Parameter(
        "norm_first",
        Wants.BOOLEAN,
        True,
        "normalize what enters each part (true), or each sum (false)",
        aliases=("normalize_first", "pre_norm"),
    ),
    Parameter(
        "epsilon",
        Wants.NUMBER,
        1e-5,
        "of the norms",
        aliases=("layer_norm_epsilon", "layer_norm_eps"),
        minimum=0,
    ),
    USE_MASK,
    Parameter(
        "attention",
        Wants.CHOICE,
        "full",
        "which keys a query sees",
        choices=("full",),
        pending=("local", "sparse", "linear"),
        aliases=("attention_type",),
    ),
    Parameter(
        "position",
        Wants.CHOICE,
        None,
        "positions that act on the scores",
        choices=(),
        pending=("relative", "rotary", "alibi"),
        optional=True,
    ),
    Parameter("use_bias", Wants.BOOLEAN, True, "biases in all projections", named_only=True),
)  # fmt: skip

DECODER_PARAMETERS = (
    Parameter(
        "causal",
        Wants.BOOLEAN,
        True,
        "each position sees itself and what is before it",
        aliases=("use_causal_mask",),
    ),
    Parameter(
        "cross_attention",
        Wants.CHOICE,
        "auto",
        "attend to the encoder before it: true, false, or auto (if there is one)",
        choices=("auto", True, False),
        aliases=("use_cross_attention",),
    ),
)


# ---- rules --------------------------------------------------------------------------------


def _check(site: Site) -> None:
    """num_heads divides d_model."""
    a = site.arguments
    if not a.usable("num_heads", "d_model") or a["d_model"] is None:
        return
    heads, width = a["num_heads"], a["d_model"]
    if width % heads == 0:
        return
    swapped = heads > width and heads % width == 0
    arriving = site.arriving.shape[-1] if site.flow is not None else width
    if not swapped and arriving != width and isinstance(arriving, int) and arriving % heads == 0:
        # The heads are right: what is wrong is the width, and `_shape` says so.
        return
    a.failed.add("num_heads")
    if swapped:
        a.failed.add("d_model")
    site.error(
        "E0213",
        f"`num_heads` must divide `d_model`: {width} / {heads} is no whole number",
        "num_heads",
        labels=(Label(a.span("d_model"), f"d_model is {width}"),) if a.given("d_model") else (),
        help=f"did you mean num_heads={width}, d_model={heads}?"
        if swapped
        else f"{nearest_divisors(width, heads)} would divide it",
        fix=None if swapped else fewer_heads(site, width, heads),
    )


def _shape(site: Site) -> TensorType | None:
    """[batch, S, d_model] -> the same; completes d_model and dff."""
    x, a = site.arriving, site.arguments
    if not site.require_float() or not site.require_known_width():
        return None
    width = site.width
    if a["d_model"] is not None and a["d_model"] != width and a.usable("d_model"):
        site.error(
            "E0302",
            f"`{site.name}` is {a['d_model']} wide, and what arrives is {width} wide",
            "d_model",
            labels=(
                *site.origin_label(f"this makes {width}: {{name}} gives {shape_text(x)}"),
                Label(site.span("d_model"), f"… but this expects {a['d_model']}"),
            ),
            fix=Fix(f"write {width}", site.span("d_model"), str(width)),
            help=f"give `d_model={width}`"
            + (
                f", or a Dense({a['d_model']}) in front of it"
                if a.usable("num_heads") and a["d_model"] % a["num_heads"] == 0
                else ""
            ),
        )
        return x
    if not a.usable("num_heads"):
        return x
    if width % a["num_heads"]:
        site.error(
            "E0213",
            f"{a['num_heads']} heads do not divide a width of {width}",
            "num_heads",
            labels=site.origin_label("{name} gives " + shape_text(x)),
            help=f"{nearest_divisors(width, a['num_heads'])} would divide it",
            fix=fewer_heads(site, width, a["num_heads"]),
        )
        return x
    a.values["d_model"] = width
    if a["dff"] is None and a.usable("dff"):
        a.values["dff"] = 4 * width
    at = "num_heads" if a.given("num_heads") else None
    lint_attention(site, width // a["num_heads"], at, x.shape[1])
    return _block_shape(site)


def _block_shape(site: Site) -> TensorType | None:
    """A block in the place of the feed-forward network must keep the shape."""
    x = site.arriving
    if site.run_block is None or site.flow is None:
        return x
    after = site.run_block(site.flow)
    if after.type is not None and after.type != x:
        site.error(
            "E0309",
            f"the block replaces the feed-forward network and must keep the shape "
            f"{shape_text(x)}; it gives {shape_text(after.type)}",
            after.origin,
            labels=site.origin_label("{name} gives " + shape_text(x)),
            help=f"end the block with `Dense({x.shape[-1]})`",
        )
    return x


def _decoder_shape(site: Site) -> TensorType | None:
    a = site.arguments
    memory = site.flow.memory if site.flow else None
    if a["cross_attention"] == "auto":
        a.values["cross_attention"] = memory is not None
    elif a["cross_attention"] is True and memory is None and a.usable("cross_attention"):
        site.error(
            "E0221",
            "there is nothing to attend to: no TransformerEncoder stands before this decoder",
            "cross_attention",
            help="leave it out for a decoder alone",
        )
        return site.arriving
    return _shape(site)


def _norm_weights(scope: str, width: int) -> tuple[Weight, ...]:
    return (
        Weight(f"{scope}/gain", (width,), "gamma", ONES),
        Weight(f"{scope}/bias", (width,), "beta", ZEROS),
    )


def _ffn_weights(site: Site) -> tuple[Weight, ...]:
    a, width = site.arguments, site.width
    if site.run_block is not None:
        return ()
    sizes = {"inner": (width, a["dff"]), "outer": (a["dff"], width)}
    weights: list[Weight] = []
    for name, shape in sizes.items():
        weights.append(Weight(f"ffn/{name}/kernel", shape, "kernel", GLOROT_UNIFORM))
        if a["use_bias"]:
            weights.append(Weight(f"ffn/{name}/bias", shape[1:], "bias", ZEROS))
    return (*weights, *activation_weights(a["activation"], a["dff"], "ffn"))


def _attention_weights(site: Site, scope: str, context: int) -> tuple[Weight, ...]:
    a, width = site.arguments, site.width
    size = width // a["num_heads"]
    return (
        *attention_weights(scope, width, context, a["num_heads"], size, size, a["use_bias"]),
        *_norm_weights(f"{scope}_norm", width),
    )


def _encoder_weights(site: Site) -> tuple[Weight, ...]:
    return (
        *_attention_weights(site, "attention", site.width),
        *_ffn_weights(site),
        *_norm_weights("ffn_norm", site.width),
    )


def _decoder_weights(site: Site) -> tuple[Weight, ...]:
    cross: tuple[Weight, ...] = ()
    if site.arguments["cross_attention"] and site.memory is not None:
        context = site.memory.shape[-1]
        assert isinstance(context, int)
        cross = _attention_weights(site, "cross_attention", context)
    return (
        *_attention_weights(site, "attention", site.width),
        *cross,
        *_ffn_weights(site),
        *_norm_weights("ffn_norm", site.width),
    )


KINDS = ("kernel", "bias", "gamma", "beta")

define(
    LayerSpec(
        "TransformerEncoder",
        "Self-attention and a feed-forward network, each with a residual and a norm. A `{ … }` "
        "replaces the feed-forward network.",
        "encoder",
        PARAMETERS,
        _shape,
        build_encoder,
        check=_check,
        mask=Mask.READS,
        role=Role.ENCODER,
        block=Block.OPTIONAL,
        weights=_encoder_weights,
        weight_kinds=KINDS,
        rank=2,
        nodes=encoder_nodes,
    )
)

define(
    LayerSpec(
        "TransformerDecoder",
        "Causal self-attention, cross-attention where an encoder stands before it, and a "
        "feed-forward network, each with a residual and a norm.",
        "decoder",
        PARAMETERS + DECODER_PARAMETERS,
        _decoder_shape,
        build_decoder,
        check=_check,
        mask=Mask.READS,
        role=Role.DECODER,
        block=Block.OPTIONAL,
        weights=_decoder_weights,
        weight_kinds=KINDS,
        rank=2,
        nodes=decoder_nodes,
    )
)
