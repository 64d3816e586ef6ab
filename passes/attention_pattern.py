"""Attention in primitive ops: softmax(Q Kᵀ) V in each head.

In: a product node. Out: `AttentionPattern`: where queries, keys and values come from, by what the
reshapes and transposes between do, with the scale wherever it stands.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.value import Value
from .layout import operand_of, permutation_of, reshaped, transposed
from .matching import times_scalar
from .softmax_pattern import Softmax, find_softmax


@dataclass(frozen=True)
class AttentionPattern:
    """The two products of an attention and the softmax between them."""

    scores: Node
    """The product of queries [B, N, Sq, H] and keys [B, N, H, Sk]."""
    softmax: Softmax
    product: Node
    """The product of the probabilities [B, N, Sq, Sk] and values [B, N, Sk, Hv]."""
    dropped: Node | None
    """A dropout of the probabilities, if one stands between."""

    @property
    def query(self) -> Value:
        return _operand(self.scores, 0)

    @property
    def key(self) -> Value:
        return _operand(self.scores, 1)

    @property
    def value(self) -> Value:
        return _operand(self.product, 1)


def find_attention(graph: Graph, product: Node) -> AttentionPattern | None:
    """The node as the second product of an attention; None for anything else."""
    if product.op != "matmul":
        return None
    before, dropped = graph.producer(product.operands[0]), None
    if before is not None and before.op == "dropout":
        before, dropped = graph.producer(before.operands[0]), before
    softmax = find_softmax(graph, before)
    if softmax is None:
        return None
    scores = graph.producer(softmax.scores)
    if scores is None or scores.op != "matmul":
        return None
    return AttentionPattern(scores, softmax, product, dropped)


def without_factors(emit: Emitter, value: Value) -> tuple[Value, float]:
    """(x, c) where the value is x · c; factors are looked for through reshapes and transposes."""
    factor = times_scalar(emit.graph, value)
    if factor is not None:
        inner, number = without_factors(emit, factor[0])
        return inner, number * factor[1]
    node = emit.graph.producer(value)
    if node is None or node.op not in ("reshape", "transpose"):
        return value, 1.0
    inner, number = without_factors(emit, operand_of(node))
    if number == 1.0:
        return value, 1.0
    if node.op == "reshape":
        return reshaped(emit, inner, value.type.shape), number
    return transposed(emit, inner, permutation_of(node)), number


def factor_of(graph: Graph, value: Value) -> float:
    """The factor that `without_factors` will find."""
    number = 1.0
    while True:
        factor = times_scalar(graph, value)
        node = graph.producer(value)
        if factor is not None:
            value, number = factor[0], number * factor[1]
        elif node is not None and node.op in ("reshape", "transpose"):
            value = operand_of(node)
        else:
            return number


def shared_heads(graph: Graph, value: Value) -> Value:
    """[B, K, …] where the value [B, N, …] is that with each head repeated N/K times; else itself.

    Repetition is reshape [B, K, 1, …], expand [B, K, N/K, …], reshape [B, N, …], perhaps with a
    transpose of the last axes behind it.
    """
    wide = graph.producer(value)
    if wide is None or wide.op != "reshape":
        return value
    expand = graph.producer(operand_of(wide))
    if expand is None or expand.op != "expand":
        return value
    apart = graph.producer(operand_of(expand))
    if apart is None or apart.op != "reshape":
        return value
    heads = operand_of(apart)
    if heads.type.rank < 2:
        return value
    batch, kv_heads, *rest = heads.type.shape
    repeated = expand.result.type.shape
    # The elements are as many as they were, so nothing but the third axis can have grown.
    as_expected = apart.result.type.shape == (batch, kv_heads, 1, *rest) and value.type.shape == (
        batch,
        kv_heads * repeated[2],
        *rest,
    )
    return heads if as_expected else value


def _operand(node: Node, index: int) -> Value:
    operand = node.operands[index]
    assert operand is not None
    return operand
