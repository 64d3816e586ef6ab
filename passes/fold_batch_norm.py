"""Takes batch normalization into the products and convolutions beside it.

In: a graph for inference. Out: the same with fewer norms, the weights beside them other expressions
over the weights and the statistics. See `FoldBatchNorm`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.value import Value
from .batch_norm_weights import behind_norm, scaled
from .layout import operand_of, permutation_of
from .rewrite import Match, Rewrite

MAPS = {"linear": -1, "conv": 1}
"""Linear maps with the axis of their features, in what they read and in what they give."""


@dataclass(frozen=True)
class BatchNormMatch(Match):
    norm: Node
    before: Value | None
    """The result of the map that the norm acts on."""
    behind: Value | None
    """The result of the map that reads the norm."""
    reason: str | None


@dataclass(frozen=True)
class FoldBatchNorm(Rewrite[BatchNormMatch]):
    """`batch_norm(conv(%x, %weight, %bias), …)` → `conv(%x, %scaled, %moved)` with
    `%scaled = %weight · s` and `%moved = (%bias - mean) · s + offset`, where s is
    gain / sqrt(variance + epsilon) for each channel.

    `conv(batch_norm(%x, …), %weight, %bias)` likewise, with the weights of each channel that comes
    in scaled, and what the norm adds multiplied with them into the bias. The same for `linear`.
    Transposes may stand between. Nothing is computed before the file is written.
    """

    name: ClassVar[str] = "fold_batch_norm"
    roots: ClassVar[tuple[str, ...]] = ("batch_norm",)

    def match(self, graph: Graph, node: Node) -> BatchNormMatch | None:
        before, why_before = _before(graph, node)
        behind, why_behind = _behind(graph, node)
        if before is None and behind is None:
            return None
        reason = None
        if node.attributes["training"]:
            reason = "the norm is one for training: its statistics are not known yet"
        elif any(graph.source(each) is None for each in node.operands[1:]):
            reason = "what the norm scales with is computed when the model runs"
        elif before is not None and why_before is None:
            behind = None
        elif behind is not None and why_behind is None:
            before = None
        else:
            reason = why_before or why_behind
        maps = [graph.producer(each) for each in (before, behind)]
        return BatchNormMatch((node, *(m for m in maps if m)), node, before, behind, reason)

    def check(self, graph: Graph, match: BatchNormMatch) -> str | None:
        return match.reason

    def rewrite(self, graph: Graph, match: BatchNormMatch, emit: Emitter) -> Sequence[Value]:
        x = match.norm.operands[0]
        assert x is not None
        found = match.before if match.before is not None else match.behind
        node = graph.producer(found)
        assert node is not None
        change = scaled if match.before is not None else behind_norm
        weight, bias = change(graph, node, match.norm)
        path = node.operands[1].name if node.operands[1] is not None else node.op
        operands = (
            node.operands[0],
            emit.parameter(f"{path}/normalized", weight),
            emit.parameter(f"{path}/moved", bias),
        )
        spans = tuple(dict.fromkeys((*node.spans, *match.norm.spans)))
        graph.update(node, operands=operands, spans=spans)
        return [x]

    def describe(self, match: BatchNormMatch) -> str:
        if match.before is not None:
            return f"the norm is in the weights of the {match.nodes[1].op} before it"
        return f"the norm is in the weights of the {match.nodes[1].op} behind it"


def _before(graph: Graph, norm: Node) -> tuple[Value | None, str | None]:
    """The map that the norm acts on, through transposes, and why the norm must stay behind it."""
    value = norm.operands[0]
    assert value is not None
    axis = cast("int", norm.attributes["axis"]) % value.type.rank
    reason = None
    while (node := graph.producer(value)) is not None:
        if not graph.has_one_use(value):
            reason = f"the result of {node.op} is used elsewhere as well, without the norm"
        if node.op != "transpose":
            break
        axis = permutation_of(node)[axis]
        value = operand_of(node)
    if node is None or node.op not in MAPS:
        return None, None
    return value, reason or _obstacle(graph, node, axis, value.type.rank, "gives")


def _behind(graph: Graph, norm: Node) -> tuple[Value | None, str | None]:
    """The map that alone reads the norm, through transposes, and why the norm must stay."""
    value = norm.result
    axis = cast("int", norm.attributes["axis"]) % value.type.rank
    reason = None
    while True:
        uses = graph.uses(value)
        if not uses:
            return None, None
        node, number = uses[0]
        if not graph.has_one_use(value):
            reason = "the norm is used elsewhere as well"
        if node.op != "transpose":
            break
        axis = permutation_of(node).index(axis)
        value = node.result
    if node.op not in MAPS or number != 0:
        return None, None
    reason = reason or _obstacle(graph, node, axis, value.type.rank, "reads")
    if node.op == "conv" and any(any(cast("tuple[int, int]", pair)) for pair in _pads(node)):
        reason = reason or "the convolution pads with zeros, which the norm does not give"
    return node.result, reason


def _pads(node: Node) -> tuple[object, ...]:
    pads = node.attributes["pads"]
    assert isinstance(pads, tuple)
    return pads


def _obstacle(graph: Graph, node: Node, axis: int, rank: int, what: str) -> str | None:
    """Why a map cannot take in a norm of an axis of the values that it reads or gives."""
    if axis != MAPS[node.op] % rank:
        return f"the norm is not along the features that the {node.op} {what}"
    if any(each is not None and graph.source(each) is None for each in node.operands[1:]):
        return f"the weights of the {node.op} are computed when the model runs"
    return None
