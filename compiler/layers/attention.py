"""Multi-head attention: the layer, and the parts that transformer blocks are made of.

Vaswani et al., Attention Is All You Need (2017), section 3.2; parameters as Keras 3 has them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...ir.diagnostic import Fix
from ...ir.dim import Dim
from ...ir.type import TensorType
from ..checking.site import Site, longest
from .initializers import GLOROT_UNIFORM, ZEROS
from .spec import LayerSpec, Mask, Parameter, Role, Wants, define
from .weight import Weight

if TYPE_CHECKING:
    from ...ir.value import Value
    from ..building.construction import Construction

HEADS = Parameter("num_heads", Wants.INTEGER, doc="how many heads", aliases=("heads",), minimum=1)
USE_MASK = Parameter(
    "use_attention_mask",
    Wants.CHOICE,
    False,
    'true: read an input `attention_mask` [batch, S]; "pairwise": one of [batch, S, S]',
    choices=(True, False, "pairwise"),
)
USUAL_HEAD_SIZES = range(32, 257)
"""64 to 128 is usual; outside of this range a head is far from it."""
LONG_SEQUENCE = 1024
"""From here on the square of the length weighs."""


# ---- what a block of attention is made of -------------------------------------------------


def attention_weights(
    scope: str, width: int, context: int, heads: int, key_dim: int, value_dim: int, bias: bool
) -> tuple[Weight, ...]:
    """Query, key, value and output projections below `scope`; [in, heads · head size] kernels."""
    prefix = f"{scope}/" if scope else ""
    sizes = {
        "query": (width, heads * key_dim),
        "key": (context, heads * key_dim),
        "value": (context, heads * value_dim),
        "output": (heads * value_dim, width),
    }
    weights: list[Weight] = []
    for name, shape in sizes.items():
        weights.append(Weight(f"{prefix}{name}/kernel", shape, "kernel", GLOROT_UNIFORM))
        if bias:
            weights.append(Weight(f"{prefix}{name}/bias", shape[1:], "bias", ZEROS))
    return tuple(weights)


def attend(
    make: Construction,
    x: Value,
    context: Value,
    scope: str,
    *,
    heads: int,
    dropout: float,
    causal: bool,
    key_mask: Value | None,
    pairwise: Value | None,
) -> Value:
    """Attention of x [B, Sq, D] to context [B, Sk, C] with the weights below `scope`: [B, Sq, D].

    softmax(Q·Kᵀ / √head size, over what the masks allow) · V, then the output projection. A query
    that may see nothing gets zeros in the place of the weighted sum.
    """
    prefix = f"{scope}/" if scope else ""
    query = _split(make, make.linear(x, f"{prefix}query"), heads, (0, 2, 1, 3))
    key = _split(make, make.linear(context, f"{prefix}key"), heads, (0, 2, 3, 1))
    value = _split(make, make.linear(context, f"{prefix}value"), heads, (0, 2, 1, 3))
    head_size = query.type.shape[-1]
    assert isinstance(head_size, int)
    scale = make.number(1.0 / math.sqrt(head_size), "scale")
    scores = make("mul", make("matmul", query, key), scale)
    mask = _combined_mask(make, x, context, causal, key_mask, pairwise)
    if mask is None:
        probabilities = make("softmax", scores, axis=-1)
    else:
        probabilities = make("masked_softmax", scores, mask, axis=-1)
    probabilities = drop(make, probabilities, dropout)
    mixed = make("transpose", make("matmul", probabilities, value), permutation=(0, 2, 1, 3))
    batch, length, _, size = mixed.type.shape
    merged = make("reshape", mixed, shape=(batch, length, heads * size))
    return make.linear(merged, f"{prefix}output")


def attention_nodes(
    *, bias: bool, dropout: float, causal: bool = False, masked: bool | str = False
) -> int:
    """How many ops `attend` writes at most, the joining of the mask inputs that `masked`, the value
    of `use_attention_mask`, asks for included."""
    projections, split, products, merge = 4 * (1 + bias), 3 * 2, 4, 2
    padding = 2  # [B, S] to [B, 1, 1, S], and
    joined = {True: 2, "pairwise": 4}.get(masked, 0)
    return projections + split + products + merge + (dropout > 0) + 6 * causal + padding + joined


def drop(make: Construction, x: Value, rate: float) -> Value:
    """Dropout as training has it; no op where the rate is 0."""
    return make("dropout", x, rate=float(rate), training=True) if rate > 0 else x


def _split(make: Construction, x: Value, heads: int, permutation: tuple[int, ...]) -> Value:
    """[B, S, heads · size] -> [B, S, heads, size] with its axes permuted."""
    batch, length, width = x.type.shape
    assert isinstance(width, int)
    shape: tuple[Dim, ...] = (batch, length, heads, width // heads)
    return make("transpose", make("reshape", x, shape=shape), permutation=permutation)


def _combined_mask(
    make: Construction,
    x: Value,
    context: Value,
    causal: bool,
    key_mask: Value | None,
    pairwise: Value | None,
) -> Value | None:
    """Padding ∧ causal ∧ pairwise, broadcastable to [B, heads, Sq, Sk]; None for no mask."""
    masks: list[Value] = []
    if key_mask is not None:
        batch, length = key_mask.type.shape
        masks.append(make("reshape", key_mask, shape=(batch, 1, 1, length)))
    if causal:
        keys, queries = make("positions", context, axis=1), make("positions", x, axis=1)
        row = make("reshape", keys, shape=(1, context.type.shape[1]))
        column = make("reshape", queries, shape=(x.type.shape[1], 1))
        masks.append(make("less_equal", row, column))
    if pairwise is not None:
        batch, rows, columns = pairwise.type.shape
        masks.append(make("reshape", pairwise, shape=(batch, 1, rows, columns)))
    combined: Value | None = None
    for mask in masks:
        combined = mask if combined is None else make("logical_and", combined, mask)
    return combined


def lint_attention(site: Site, head_size: int, at: str | None, context: Dim | None) -> None:
    """Hints about head size and length; `at` is the argument that decides the head size."""
    if head_size not in USUAL_HEAD_SIZES:
        site.lint(
            "W0211",
            f"each head has a size of {head_size}; 64 to 128 is usual",
            at,
            help="the size is the width divided by the number of heads: fewer heads make it larger"
            if head_size < min(USUAL_HEAD_SIZES)
            else "the size is the width divided by the number of heads: more make it smaller",
        )
    length = longest(context) if context is not None else None
    if length is not None and length > LONG_SEQUENCE:
        site.lint(
            "W0212",
            f"dense attention over {length} positions: time and memory grow with the square",
            help="shorten the sequence or split it into chunks",
        )


# ---- MultiHeadAttention -------------------------------------------------------------------


def _sizes(site: Site) -> tuple[int, int] | None:
    """Key and value size of a head; reports a width that the heads do not divide."""
    a = site.arguments
    key_dim = a["key_dim"]
    if key_dim is None:
        if site.width % a["num_heads"]:
            report_indivisible(site, a["num_heads"], site.width, "num_heads")
            return None
        key_dim = site.width // a["num_heads"]
    return key_dim, a["value_dim"] if a["value_dim"] is not None else key_dim


def report_indivisible(site: Site, heads: int, width: int, at: str) -> None:
    """An error that `heads` heads do not divide `width`, with the nearest numbers that do."""
    site.error(
        "E0213",
        f"{heads} heads do not divide a width of {width}",
        at,
        labels=site.origin_label("{name}") if not site.arguments.given("d_model") else (),
        help=f"{nearest_divisors(width, heads)} would divide it",
        fix=fewer_heads(site, width, heads),
    )


def fewer_heads(site: Site, width: int, heads: int) -> Fix | None:
    """The mend that takes the largest number of heads below `heads` that divides `width`, where a
    number of heads is written."""
    if not site.arguments.given("num_heads"):
        return None
    divisor = next((n for n in range(min(heads, width), 0, -1) if width % n == 0), 1)
    return Fix(f"write {divisor}", site.span("num_heads"), str(divisor))


def nearest_divisors(width: int, heads: int) -> str:
    """The divisors of `width` around `heads`, in words: `6 or 8`."""
    below = next((n for n in range(min(heads, width), 0, -1) if width % n == 0), None)
    above = next((n for n in range(heads, width + 1) if width % n == 0), None)
    found = [str(n) for n in dict.fromkeys((below, above)) if n is not None]
    return " or ".join(f"num_heads={n}" for n in found)


def _shape(site: Site) -> TensorType | None:
    """[batch, S, width] -> the same."""
    if not site.require_float() or not site.require_known_width():
        return None
    x, a = site.arriving, site.arguments
    if not a.usable("num_heads", "key_dim", "value_dim", "mode"):
        return x
    context = x
    if a["mode"] == "cross":
        if site.flow is None or site.flow.memory is None:
            site.error(
                "E0221",
                "there is nothing to attend to: no encoder and decoder stand before this layer",
                "mode",
                help='use mode="self", or put a TransformerDecoder behind a TransformerEncoder',
            )
            return x
        if site.memory is None:  # what is to be attended to has an error, which has been told
            a.failed.add("mode")
            return x
        context = site.memory
    sizes = _sizes(site)
    if sizes is None:
        return x
    key_dim, value_dim = sizes
    a.values["key_dim"], a.values["value_dim"] = key_dim, value_dim
    if a["causal"] and a["mode"] == "cross":
        site.error(
            "E0215",
            "cross-attention cannot be causal: its keys are another sequence's",
            "causal",
            help='leave out causal=true, or use mode="self"',
        )
    at = "key_dim" if a.given("key_dim") else "num_heads"
    lint_attention(site, key_dim, at, context.shape[1])
    return x


def _weights(site: Site) -> tuple[Weight, ...]:
    a = site.arguments
    context = site.width
    if a["mode"] == "cross" and site.memory is not None:
        dim = site.memory.shape[-1]
        assert isinstance(dim, int)
        context = dim
    return attention_weights(
        "", site.width, context, a["num_heads"], a["key_dim"], a["value_dim"], a["use_bias"]
    )


def _nodes(arguments: Mapping[str, Any]) -> int:
    return attention_nodes(
        bias=arguments["use_bias"],
        dropout=arguments["dropout"],
        causal=arguments["causal"],
        masked=arguments["use_attention_mask"],
    )


def _build(make: Construction, x: Value) -> Value:
    cross = make["mode"] == "cross"
    context = make.state.memory if cross and make.state.memory is not None else x
    return attend(
        make,
        x,
        context,
        "",
        heads=make["num_heads"],
        dropout=make["dropout"],
        causal=make["causal"],
        key_mask=make.state.memory_mask if cross else make.state.key_mask,
        pairwise=None if cross else make.state.pairwise,
    )


define(
    LayerSpec(
        "MultiHeadAttention",
        "Attention with several heads as Keras 3 has it: no residual, no norm, the result as wide "
        'as the input. mode="cross" reads keys and values from the encoder\'s memory.',
        "attention",
        (
            HEADS,
            Parameter(
                "key_dim",
                Wants.INTEGER,
                None,
                "size of a head's queries and keys; width / num_heads where it is left out",
                optional=True,
                minimum=1,
                aliases=("head_dim",),
            ),
            Parameter(
                "value_dim",
                Wants.INTEGER,
                None,
                "size of a head's values; key_dim where it is left out",
                optional=True,
                minimum=1,
            ),
            Parameter(
                "dropout",
                Wants.NUMBER,
                0.0,
                "rate on the attention probabilities",
                aliases=("dropout_rate",),
                minimum=0,
                below=1,
            ),
            Parameter("use_bias", Wants.BOOLEAN, True, "biases in all four projections"),
            Parameter(
                "causal",
                Wants.BOOLEAN,
                False,
                "each position sees itself and what is before it",
                aliases=("use_causal_mask",),
            ),
            Parameter(
                "mode",
                Wants.CHOICE,
                "self",
                "where keys and values come from",
                choices=("self", "cross"),
            ),
            USE_MASK,
        ),
        _shape,
        _build,
        mask=Mask.READS,
        role=Role.ATTENTION,
        weights=_weights,
        weight_kinds=("kernel", "bias"),
        rank=2,
        nodes=_nodes,
    )
)
