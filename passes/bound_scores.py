"""Keeps one token's huge numbers from reaching the others through an overflow.

In: a graph. Out: the same, with queries and keys bounded where they may be anything. See
`BoundScores`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from ..ir.dtype import DType
from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.value import Value
from .manager import Pass
from .remarks import Remarks

LARGEST_SCORE = 126
"""Scores stay below two to this power: a float32, with room for rounding."""
UNKNOWN_SIZE = 1 << 14
"""What a head whose size is open is taken for."""

TAMING = frozenset(
    {
        *("layer_norm", "rms_norm", "softmax", "masked_softmax", "scaled_masked_softmax"),
        *("tanh", "erf", "sigmoid", "hard_sigmoid", "softsign", "positions", "sinusoid"),
        *("argmax", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
    }
)
"""Ops whose results are bounded whatever they are given."""

THROUGH = frozenset({"mul", "div", "add", "reshape", "transpose", "where"})
"""What may stand between a product of queries and keys and its softmax."""


@dataclass(frozen=True)
class BoundScores(Pass):
    """Bounds queries and keys of masked and causal attentions that no norm bounds.

    A token of 1e30 has the score 1e60 with itself: an infinity in float32, whose softmax is NaN.
    That is the token's own affair, but in the next layer every other token multiplies it with a
    weight of zero, and zero times NaN is NaN. Where a norm stands before the projections nothing
    has to be done; elsewhere, before:

        %a = attention(%q, %k, %v, %key_mask) {heads = 8, scale = 0.125}

    After:

        %q1 = maximum(minimum(%q, 1.2e18), -1.2e18)      and %k1 alike
        %a = attention(%q1, %k1, %v, %key_mask) {heads = 8, scale = 0.125}

    The same for a product whose scores reach a `masked_softmax`. Float32 only: shorter floats do
    not reach that far.
    """

    name: ClassVar[str] = "bound_scores"
    precision: DType = DType.F32
    """What the target computes in."""

    def run(self, graph: Graph, remarks: Remarks) -> int:
        if self.precision is not DType.F32:
            return 0
        order = graph.nodes()
        wild = _wild_values(graph, order)
        changes = 0
        for result in [node.results[0] for node in _products(graph, order)]:
            node = graph.producer(result)
            assert node is not None
            factors = [each for each in node.operands[:2] if each is not None]
            if not all(each in wild and each.type.dtype is DType.F32 for each in factors):
                continue
            emit = Emitter.like(graph, node)
            bound = bound_of(_head_size(node))
            bounded = [_bounded(emit, each, bound) for each in factors]
            graph.update(node, operands=(*bounded, *node.operands[2:]))
            remarks.note(
                self.name,
                f"queries and keys are kept within {bound:.1e}: no norm bounds them, and an "
                "infinite score of a masked token would reach the others as NaN",
                [node],
            )
            changes += 1
        return changes


def bound_of(size: int) -> float:
    """The largest power of two whose products, added up over a head of `size`, are float32 still.

    Smaller numbers stay what they are, bit for bit; larger ones mean nothing in a network.
    """
    return 2.0 ** ((LARGEST_SCORE - (size - 1).bit_length()) // 2)


def _head_size(node: Node) -> int:
    """Over how many numbers queries and keys are multiplied and added up."""
    query = node.operands[0]
    assert query is not None
    width = query.type.shape[-1]
    if not isinstance(width, int):
        return UNKNOWN_SIZE
    heads = node.attributes["heads"] if node.op == "attention" else 1
    assert isinstance(heads, int)
    return width // heads


def _bounded(emit: Emitter, value: Value, bound: float) -> Value:
    below = emit("minimum", value, emit.constant(bound, name="bound"))
    return emit("maximum", below, emit.constant(-bound, name="bound"))


def _products(graph: Graph, order: list[Node]) -> Iterator[Node]:
    """What multiplies queries with keys under a mask: attentions, or plain products."""
    found: set[Value] = set()
    for node in order:
        if node.op == "attention":
            if node.attributes["causal"] or any(each is not None for each in node.operands[3:5]):
                yield node
        elif node.op == "masked_softmax" or (
            node.op == "scaled_masked_softmax" and node.operands[1] is not None
        ):
            for product in _behind(graph, node):
                if product.results[0] not in found:
                    found.add(product.results[0])
                    yield product


def _behind(graph: Graph, softmax: Node) -> Iterator[Node]:
    pending = [softmax.operands[0]]
    seen = set(pending)
    while pending:
        before = graph.producer(pending.pop())
        if before is not None and before.op == "matmul":
            yield before
        elif before is not None and before.op in THROUGH:
            pending.extend(each for each in before.operands if each not in seen)
            seen.update(before.operands)


def _wild_values(graph: Graph, order: list[Node]) -> set[Value]:
    """The values that grow with the numbers of an input, without a bound."""
    wild = {value for value in graph.inputs if value.type.dtype.is_float}
    for node in order:
        if node.op in TAMING or _is_bound(graph, node):
            continue
        operands = node.operands
        results = node.results
        if node.op == "attention":
            operands = (node.operands[2],)  # the weights are between 0 and 1
        elif node.op == "skip_layer_norm":
            results = node.results[1:]
        elif node.op in ("gather", "take_rows"):
            operands = node.operands[:1]
        if any(operand in wild for operand in operands if operand is not None):
            wild.update(results)
    return wild


def _is_bound(graph: Graph, node: Node) -> bool:
    """Whether a node is the second half of what this pass writes."""
    below = graph.producer(node.operands[0]) if node.op == "maximum" else None
    return (
        below is not None
        and below.op == "minimum"
        and all(graph.source(each.operands[1]) is not None for each in (node, below))
    )
