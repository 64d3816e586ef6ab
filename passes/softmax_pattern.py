"""The softmax of an attention: which scores, how scaled, what added, which mask.

In: a softmax node. Out: `Softmax`, the parts that `scaled_masked_softmax` and `attention` have.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.value import Value
from .matching import operand_pairs, times_scalar

SOFTMAXES = ("softmax", "masked_softmax", "scaled_masked_softmax")


@dataclass(frozen=True)
class Softmax:
    """softmax(scores · scale + bias) over the last axis where the mask allows; the last of `nodes`
    is the softmax, the others are the scale and the bias that it takes in.
    """

    scores: Value
    scale: float
    mask: Value | None
    bias: Value | None
    nodes: tuple[Node, ...]


def find_softmax(graph: Graph, node: Node | None) -> Softmax | None:
    """The node as a softmax over the last axis; None for anything else."""
    if node is None or node.op not in SOFTMAXES:
        return None
    axis = node.attributes.get("axis", -1)
    scores = node.operands[0]
    assert scores is not None
    if axis not in (-1, scores.type.rank - 1):
        return None
    mask = node.operands[1] if len(node.operands) > 1 else None
    bias, scale = None, 1.0
    if node.op == "scaled_masked_softmax":
        bias = node.operands[2]
        number = node.attributes["scale"]
        assert isinstance(number, (int, float))
        scale = float(number)
    nodes: list[Node] = [node]
    # Outside in: an added bias first, then factors of the scores.
    while True:
        factor = times_scalar(graph, scores)
        inner = graph.producer(scores)
        if factor is not None and inner is not None:
            scores, scale = factor[0], scale * factor[1]
        elif inner is not None and bias is None and scale == 1.0:
            parts = _biased_scores(graph, inner)
            if parts is None:
                break
            scores, bias = parts
        else:
            break
        nodes.insert(0, inner)
    return Softmax(scores, scale, mask, bias, tuple(nodes))


def _biased_scores(graph: Graph, node: Node) -> tuple[Value, Value] | None:
    """(scores, bias) where an add node is a product of two activations plus anything."""
    if node.op != "add":
        return None
    for scores, bias in operand_pairs(node):
        if scores.type == node.result.type and product_of_scores(graph, scores) is not None:
            return scores, bias
    return None


def product_of_scores(graph: Graph, scores: Value) -> Node | None:
    """The product of two activations that the scores are, up to a factor."""
    while (factor := times_scalar(graph, scores)) is not None:
        scores = factor[0]
    node = graph.producer(scores)
    if node is None or node.op != "matmul":
        return None
    return node if all(graph.source(operand) is None for operand in node.operands) else None
