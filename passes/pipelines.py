"""Which passes run at which level, in which order, and why.

In: a level. Out: the passes that clean a graph up and raise it. Choosing the forms in which a
target runs the raised ops is the second stage, `forms_pipeline.py`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple

from ..ir.graph import Graph
from ..ir.spec import spec_of
from .canonicalize import Canonicalize
from .common_subexpressions import CommonSubexpressions
from .dead_code import DeadCode
from .fold_batch_norm import FoldBatchNorm
from .fold_constants import FoldConstants
from .for_inference import ForInference
from .fuse_attention import FuseAttention
from .fuse_bias_gelu import FuseBiasGelu
from .fuse_gelu import FuseGelu
from .fuse_linear import FuseLinear
from .fuse_qkv_projection import FuseQkvProjection
from .fuse_scaled_masked_softmax import FuseScaledMaskedSoftmax
from .fuse_silu import FuseSilu
from .fuse_skip_layer_norm import FuseSkipLayerNorm
from .manager import Pass
from .move_transposes import MoveTransposes
from .reduce_early import ReduceEarly
from .rows_on_demand import RowsOnDemand
from .turn_kernels import TurnKernels


class Row(NamedTuple):
    """One step of a pipeline."""

    step: Pass
    reason: str


_CLEAN = (
    Row(ForInference(), "dropout and noise would hide every pattern behind them"),
    Row(FoldConstants(), "what depends on weights alone is computed once, when the file is made"),
    Row(Canonicalize(), "one spelling for the passes after it; which operands are constant counts"),
    Row(CommonSubexpressions(), "after both, which make more things equal; shares masks"),
    Row(DeadCode(), "frees what the passes before it bypassed, so that use counts are true"),
)

_RAISE = (
    Row(FuseLinear(), "first, so that no later pattern takes a bias that belongs to a product"),
    Row(
        FoldBatchNorm(), "products have their biases now; later patterns find no norm in their way"
    ),
    Row(FuseAttention(), "before the softmax alone, which is a part of it"),
    Row(FuseScaledMaskedSoftmax(), "for the attentions that could not fuse as a whole"),
    Row(FuseQkvProjection(), "behind attention, which says which projections belong together"),
    Row(FuseGelu(), "recognized by its formula, exact or tanh"),
    Row(FuseSilu(), "recognized by its formula"),
    Row(FuseBiasGelu(), "for a bias that no product took"),
    Row(ReduceEarly(), "behind what needs its products, before sums go into norms"),
    Row(Canonicalize(), "cancels the splitting and joining of heads around fused attentions"),
    Row(RowsOnDemand(), "behind it, which leaves nothing between projections and attention"),
    Row(MoveTransposes(), "behind what knows rows, whose transposes are gone; images keep theirs"),
    Row(TurnKernels(), "for the transposes that have come to stand before a Flatten"),
    Row(FuseSkipLayerNorm(), "behind linear, whose bias is no residual connection"),
    Row(FoldConstants(), "reshaped biases and masks that fusion wrote"),
    Row(Canonicalize(), "biases and masks that became constants stand last"),
    Row(CommonSubexpressions(), "masks that fusion took apart are shared between layers again"),
    Row(DeadCode(), "masks and positions that an attribute says now"),
)

PIPELINES: MappingProxyType[int, tuple[Row, ...]] = MappingProxyType(
    {
        0: (),
        1: _CLEAN,
        2: _CLEAN + _RAISE,
        # Level 3 is for what must be measured on the machine that compiles. Raising is not: it
        # says what is meant. What is measured stands in forms_pipeline.py.
        3: _CLEAN + _RAISE,
    }
)
"""By level. 0 leaves the graph as it was built: the reference for all others."""


def passes_of(level: int) -> tuple[Pass, ...]:
    """The passes of a level, in order. Raises `KeyError` for a level that does not exist."""
    return tuple(row.step for row in PIPELINES[level])


def count_fused(graph: Graph) -> dict[str, int]:
    """How many nodes of each fused op the graph has, by name; for reports and tests."""
    counts: dict[str, int] = {}
    for node in graph.nodes():
        if "." not in node.op and spec_of(node.op).is_fused:
            counts[node.op] = counts.get(node.op, 0) + 1
    return dict(sorted(counts.items()))
