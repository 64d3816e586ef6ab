"""What transformer blocks compute: the ops of an encoder and of a decoder, and how many those are.

In: the value that arrives and a block's complete arguments. Out: the ops of its parts, each with
its residual sum and its norm, in the order that norm_first says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .activations import activate, activation_nodes
from .attention import attend, attention_nodes, drop

if TYPE_CHECKING:
    from ...ir.value import Value
    from ..building.construction import Construction


def _norm(make: Construction, x: Value, scope: str) -> Value:
    with make.inside(scope):
        gain, bias = make.weight(f"{scope}/gain"), make.weight(f"{scope}/bias")
        return make("layer_norm", x, gain, bias, axis=-1, epsilon=make["epsilon"])


def _residual(
    make: Construction, x: Value, scope: str, part: Callable[[Construction, Value], Value]
) -> Value:
    """One part of a block with its sum and its norm, in the order that norm_first says."""
    first = make["norm_first"]
    entering = _norm(make, x, f"{scope}_norm") if first else x
    with make.inside(scope):
        leaving = drop(make, part(make, entering), make["dropout_rate"])
    with make.inside(""):
        total = make("add", x, leaving)
    return total if first else _norm(make, total, f"{scope}_norm")


def _self_attention(make: Construction, x: Value, causal: bool) -> Value:
    state = make.state
    return attend(
        make,
        x,
        x,
        "attention",
        heads=make["num_heads"],
        dropout=make["dropout_rate"],
        causal=causal,
        key_mask=state.key_mask,
        pairwise=state.pairwise,
    )


def _cross_attention(make: Construction, x: Value) -> Value:
    memory = make.state.memory
    assert memory is not None
    return attend(
        make,
        x,
        memory,
        "cross_attention",
        heads=make["num_heads"],
        dropout=make["dropout_rate"],
        causal=False,
        key_mask=make.state.memory_mask,
        pairwise=None,
    )


def _feed_forward(make: Construction, x: Value) -> Value:
    if make.build_block is not None:
        return make.build_block(x)
    with make.inside("inner"):
        hidden = activate(make, make["activation"], make.linear(x, "ffn/inner"), "ffn")
        hidden = drop(make, hidden, make["dropout_rate"])
    with make.inside("outer"):
        return make.linear(hidden, "ffn/outer")


def build_encoder(make: Construction, x: Value) -> Value:
    x = _residual(make, x, "attention", lambda make, x: _self_attention(make, x, causal=False))
    return _residual(make, x, "ffn", _feed_forward)


def build_decoder(make: Construction, x: Value) -> Value:
    causal = make["causal"]
    x = _residual(make, x, "attention", lambda make, x: _self_attention(make, x, causal))
    if make["cross_attention"]:
        x = _residual(make, x, "cross_attention", _cross_attention)
    return _residual(make, x, "ffn", _feed_forward)


def encoder_nodes(arguments: Mapping[str, Any], causal: bool = False, cross: bool = False) -> int:
    bias, rate = bool(arguments["use_bias"]), float(arguments["dropout_rate"])
    dropped = rate > 0
    around = 2 + dropped  # the sum, the norm, dropout
    inner = 2 * (1 + bias) + activation_nodes(arguments["activation"]) + dropped
    own = attention_nodes(
        bias=bias, dropout=rate, causal=causal, masked=arguments["use_attention_mask"]
    )
    other = attention_nodes(bias=bias, dropout=rate) + around if cross else 0
    return own + around + other + inner + around


def decoder_nodes(arguments: Mapping[str, Any]) -> int:
    """Whether there is a memory to attend to is not known yet."""
    cross = arguments["cross_attention"] is not False
    return encoder_nodes(arguments, bool(arguments["causal"]), cross)
