"""Raises the products, softmax and masks of an attention to one op.

In: primitive ops, or `scaled_masked_softmax` between two products. Out: `attention` on values with
their heads side by side, as the projections give them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.value import Value
from .attention_pattern import (
    AttentionPattern,
    factor_of,
    find_attention,
    shared_heads,
    without_factors,
)
from .layout import reshaped, transposed
from .masks import Masks, find_masks
from .rewrite import Match, Rewrite


@dataclass(frozen=True)
class AttentionMatch(Match):
    pattern: AttentionPattern
    scale: float
    masks: Masks


@dataclass(frozen=True)
class FuseAttention(Rewrite[AttentionMatch]):
    """`matmul(softmax(mul(matmul(%q, %k), %scale)), %v)`, with heads split off from `%query`,
    `%key` and `%value` → `attention(%query, %key, %value){heads, scale}`; a mask becomes
    `key_mask`, `causal` or `mask` by what it is.
    """

    name: ClassVar[str] = "fuse_attention"
    roots: ClassVar[tuple[str, ...]] = ("matmul",)

    def match(self, graph: Graph, node: Node) -> AttentionMatch | None:
        pattern = find_attention(graph, node)
        if pattern is None:
            return None
        softmax = pattern.softmax
        scale = softmax.scale * factor_of(graph, pattern.query) * factor_of(graph, pattern.key)
        masks = find_masks(graph, softmax.mask, softmax.scores.type.shape)
        nodes = (pattern.scores, *softmax.nodes, pattern.product)
        return AttentionMatch(nodes, pattern, scale, masks)

    def check(self, graph: Graph, match: AttentionMatch) -> str | None:
        pattern = match.pattern
        if pattern.dropped is not None:
            return "the probabilities go through a dropout, which only training needs"
        if not graph.has_one_use(pattern.softmax.nodes[-1].result):
            return "the attention probabilities are used elsewhere as well"
        if not all(graph.has_one_use(node.result) for node in match.nodes[:-1]):
            return "the attention scores are used elsewhere as well"
        query, key, value = (v.type.shape for v in (pattern.query, pattern.key, pattern.value))
        if len(query) not in (3, 4) or not len(query) == len(key) == len(value):
            return (
                f"queries, keys and values have {len(query)}, {len(key)} and {len(value)} axes, "
                "where a batch and perhaps heads are known beside sequence and width"
            )
        if not query[:-2] == key[:-2] == value[:-2]:
            return "queries, keys and values have different batches or numbers of heads"
        sizes = (query[-1], value[-1], *query[1:-2])
        if not all(isinstance(size, int) for size in sizes):
            return "the number of heads or their width is not known before the model runs"
        if not (math.isfinite(match.scale) and match.scale > 0):
            return f"the scale {match.scale:g} is not a positive number"
        return None

    def rewrite(self, graph: Graph, match: AttentionMatch, emit: Emitter) -> Sequence[Value]:
        pattern, softmax = match.pattern, match.pattern.softmax
        query, _ = without_factors(emit, pattern.query)
        key, _ = without_factors(emit, pattern.key)
        key, value = _unshared(emit, key, pattern.value)
        heads = _heads(query)
        kv_heads = _heads(value)
        attended = emit(
            "attention",
            _side_by_side(emit, query),
            _side_by_side(emit, key, queries=False),
            _side_by_side(emit, value),
            match.masks.key_mask(emit, query.type.shape[0], key.type.shape[-1]),
            _for_heads(emit, match.masks.other(emit), query.type.rank),
            _for_heads(emit, softmax.bias, query.type.rank),
            heads=heads,
            kv_heads=0 if kv_heads == heads else kv_heads,
            scale=match.scale,
            causal=match.masks.causal,
        )
        # What follows usually joins the heads again: canonicalization cancels it against this.
        shape = pattern.product.result.type.shape
        if len(shape) == 3:
            return [attended]
        batch, number, length, width = shape
        return [
            transposed(emit, reshaped(emit, attended, (batch, length, number, width)), (0, 2, 1, 3))
        ]

    def describe(self, match: AttentionMatch) -> str:
        masks = match.masks
        kinds = ["causal"] if masks.causal else []
        kinds += ["padded"] if masks.keys else []
        kinds += ["masked"] if masks.rest else []
        kinds += ["biased"] if match.pattern.softmax.bias is not None else []
        heads = _heads(match.pattern.query)
        kind = ", ".join(kinds) + " " if kinds else ""
        plural = "s" if heads != 1 else ""
        return f"{kind}attention with {heads} head{plural}, scale {match.scale:.6g}"


def _heads(value: Value) -> int:
    heads = value.type.shape[1] if value.type.rank == 4 else 1
    assert isinstance(heads, int)
    return heads


def _for_heads(emit: Emitter, value: Value | None, rank: int) -> Value | None:
    """A mask or bias of scores of a rank as one of scores [B, N, Sq, Sk]."""
    if value is None or rank == 4 or value.type.rank < rank:
        return value
    batch, *rest = value.type.shape
    return reshaped(emit, value, (batch, 1, *rest))


def _unshared(emit: Emitter, key: Value, value: Value) -> tuple[Value, Value]:
    """Keys and values before their heads are repeated for the query heads that share them."""
    graph = emit.graph
    few_values, few_keys = shared_heads(graph, value), shared_heads(graph, key)
    if few_values is value:
        return key, value
    if few_keys is key:
        upright = transposed(emit, key, (0, 1, 3, 2))
        few_keys = transposed(emit, shared_heads(graph, upright), (0, 1, 3, 2))
    if few_keys.type.shape[1] != few_values.type.shape[1]:
        return key, value
    return few_keys, few_values


def _side_by_side(emit: Emitter, value: Value, *, queries: bool = True) -> Value:
    """[B, S, N·H] of [B, N, S, H], or of keys [B, N, H, S]."""
    if value.type.rank == 3:
        return value if queries else transposed(emit, value, (0, 2, 1))
    value = transposed(emit, value, (0, 2, 1, 3) if queries else (0, 3, 1, 2))
    batch, length, heads, width = value.type.shape
    return reshaped(emit, value, (batch, length, heads * width))
