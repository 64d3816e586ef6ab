"""Attention: the op that a transformer is about, and the softmax within it.

In: projected queries, keys and values with the heads side by side in the last axis. Out: the
attended values in the same layout.
"""

from __future__ import annotations

from typing import Any

from ..dim import Dim, Shape, SymbolicDim
from ..spec import AttributeSpec, Operand, OpSpec, define
from ..type import TensorType
from .rules import (
    require,
    require_bool,
    require_broadcastable,
    require_float,
    require_rank,
    require_shape,
)

Types = tuple[TensorType, ...]


# ---- scaled_masked_softmax ----------------------------------------------------------------


def _infer_scaled_masked_softmax(operands: Any, attributes: Any) -> Types:
    scores, mask, bias = operands
    op = "scaled_masked_softmax"
    require_float(op, scores=scores, bias=bias)
    require_bool(op, mask=mask)
    require(scores.rank >= 1, f"{op}: scores is {scores}, but must have an axis")
    require_broadcastable(op, "mask", mask, scores.shape)
    require_broadcastable(op, "bias", bias, scores.shape)
    return (scores,)


def _decompose_scaled_masked_softmax(emit: Any, operands: Any, attributes: Any) -> Any:
    scores, mask, bias = operands
    if attributes["scale"] != 1.0:
        scores = emit("mul", scores, emit.constant(attributes["scale"], scores.type.dtype))
    if bias is not None:
        scores = emit("add", scores, bias)
    if mask is None:
        return emit("softmax", scores, axis=-1)
    return emit("masked_softmax", scores, mask, axis=-1)


define(
    OpSpec(
        "scaled_masked_softmax",
        (Operand("scores"), Operand("mask", optional=True), Operand("bias", optional=True)),
        _infer_scaled_masked_softmax,
        {"scale": AttributeSpec(float, 1.0)},
        decompose=_decompose_scaled_masked_softmax,
        doc="masked_softmax(scores · scale + bias, mask) along the last axis; plain softmax where "
        "there is no mask.",
    )
)


# ---- attention ----------------------------------------------------------------------------


def _infer_attention(operands: Any, attributes: Any) -> Types:
    query, key, value, key_mask, mask, bias = operands
    heads, kv_heads = attributes["heads"], attributes["kv_heads"] or attributes["heads"]
    require_float("attention", query=query, key=key, value=value, bias=bias)
    require_bool("attention", key_mask=key_mask, mask=mask)
    for name, type in (("query", query), ("key", key), ("value", value)):
        require_rank("attention", name, type, 3)
    require(
        heads >= 1 and kv_heads >= 1 and heads % kv_heads == 0,
        f"attention: heads {heads} is not a multiple of kv_heads {kv_heads}",
    )
    batch, queries, _ = query.shape
    keys = key.shape[1]
    require(
        key.shape[0] == batch and value.shape[0] == batch and value.shape[1] == keys,
        f"attention: query {query}, key {key} and value {value} differ in batch or length",
    )
    head = _width("query", query, heads)
    require(
        _width("key", key, kv_heads) == head,
        f"attention: heads of query {query} have width {head}, "
        f"those of key {key} {_width('key', key, kv_heads)}",
    )
    value_head = _width("value", value, kv_heads)
    require_shape("attention", "key_mask", key_mask, (batch, keys))
    scores: Shape = (batch, heads, queries, keys)
    require_broadcastable("attention", "mask", mask, scores)
    require_broadcastable("attention", "bias", bias, scores)
    require(
        not attributes["causal"] or queries == keys,
        f"attention: causal needs as many queries as keys, not {queries} and {keys}",
    )
    return (TensorType(query.dtype, (batch, queries, heads * value_head)),)


def _width(name: str, type: TensorType, heads: int) -> int:
    """The width of one head."""
    total = type.shape[-1]
    if isinstance(total, SymbolicDim) or total % heads:
        require(False, f"attention: the width of {name}, {type}, is not {heads} equal heads")
    assert isinstance(total, int)
    return total // heads


def _decompose_attention(emit: Any, operands: Any, attributes: Any) -> Any:
    query, key, value, key_mask, mask, bias = operands
    heads, kv_heads = attributes["heads"], attributes["kv_heads"] or attributes["heads"]
    batch, queries, _ = query.type.shape
    keys = key.type.shape[1]
    split_query = _split_heads(emit, query, heads, (0, 2, 1, 3))
    split_key = _share(emit, _split_heads(emit, key, kv_heads, (0, 2, 3, 1)), heads)
    split_value = _share(emit, _split_heads(emit, value, kv_heads, (0, 2, 1, 3)), heads)

    scores = emit("matmul", split_query, split_key)
    if attributes["scale"] != 1.0:
        scores = emit("mul", scores, emit.constant(attributes["scale"], query.type.dtype))
    if bias is not None:
        scores = emit("add", scores, bias)

    masks = []
    if key_mask is not None:
        masks.append(emit("reshape", key_mask, shape=(batch, 1, 1, keys)))
    if attributes["causal"]:
        column = emit("reshape", emit("positions", key, axis=1), shape=(1, keys))
        row = emit("reshape", emit("positions", query, axis=1), shape=(queries, 1))
        masks.append(emit("less_equal", column, row))
    if mask is not None:
        masks.append(mask)
    if masks:
        allowed = masks[0]
        for other in masks[1:]:
            allowed = emit("logical_and", allowed, other)
        weights = emit("masked_softmax", scores, allowed, axis=-1)
    else:
        weights = emit("softmax", scores, axis=-1)

    attended = emit("transpose", emit("matmul", weights, split_value), permutation=(0, 2, 1, 3))
    width: Dim = heads * _width("value", value.type, kv_heads)
    return emit("reshape", attended, shape=(batch, queries, width))


def _split_heads(emit: Any, x: Any, heads: int, permutation: tuple[int, ...]) -> Any:
    batch, length, width = x.type.shape
    return emit(
        "transpose",
        emit("reshape", x, shape=(batch, length, heads, width // heads)),
        permutation=permutation,
    )


def _share(emit: Any, x: Any, heads: int) -> Any:
    """[B, kv_heads, …] with each head repeated for the query heads that share it."""
    batch, kv_heads, *rest = x.type.shape
    if kv_heads == heads:
        return x
    apart = emit("reshape", x, shape=(batch, kv_heads, 1, *rest))
    wide = emit("expand", apart, shape=(batch, kv_heads, heads // kv_heads, *rest))
    return emit("reshape", wide, shape=(batch, heads, *rest))


define(
    OpSpec(
        "attention",
        (
            Operand("query"),
            Operand("key"),
            Operand("value"),
            Operand("key_mask", optional=True),
            Operand("mask", optional=True),
            Operand("bias", optional=True),
        ),
        _infer_attention,
        {
            "heads": AttributeSpec(int),
            "kv_heads": AttributeSpec(int, 0),
            "scale": AttributeSpec(float),
            "causal": AttributeSpec(bool, False),
        },
        decompose=_decompose_attention,
        doc="softmax(scale · Q Kᵀ + bias) V in each head, over the keys that key_mask [B, Sk], "
        "mask (broadcast to [B, heads, Sq, Sk]) and causality (query i sees keys j <= i) allow; "
        "a query that sees no key gets zeros. Query [B, Sq, heads·H], key [B, Sk, kv_heads·H], "
        "value [B, Sk, kv_heads·Hv], result [B, Sq, heads·Hv]; kv_heads = 0 means as many as "
        "heads, and query head h reads key head h // (heads / kv_heads). Vaswani et al., Attention "
        "Is All You Need (2017); shared key heads: Ainslie et al., GQA (2023).",
    )
)
