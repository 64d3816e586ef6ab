"""Where half precision may stand in a model that computes in it.

In: a node, and what its operands are computed in. Out: what the node computes in.

The graph says float32; a target with fp16 narrows it here, as mixed-precision training does: the
ops that carry the work are narrow, sums over many elements and functions that leave the range of
fp16 stay wide, everything else follows its widest operand.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..ir.dtype import DType

NARROW = frozenset(
    {
        "matmul", "linear", "conv", "conv_transpose", "attention", "gather", "softmax",
        "masked_softmax", "layer_norm", "rms_norm", "batch_norm", "group_norm", "skip_layer_norm",
        "bias_gelu", "gelu", "silu", "relu", "tanh", "sigmoid", "erf", "max_pool", "average_pool",
        "sinusoid",
    }
)  # fmt: skip
"""Kernels that take fp16 and accumulate in fp32 or stay in range; results are narrow."""

WIDE = frozenset({"reduce_sum", "reduce_mean", "cumsum", "exp", "log", "pow", "sqrt", "reciprocal"})
"""Sums, which fp16 overflows at 65504, and functions of much larger or smaller results."""


def computed_in(op: str, target: DType, operands: Iterable[DType]) -> DType:
    """The float type that a node of the graph's float32 computes in.

    `operands` are the types of its float operands that nodes or inputs give; constants adapt.
    """
    if target is DType.F32 or op in WIDE:
        return DType.F32
    if op in NARROW:
        return target
    return DType.F32 if DType.F32 in tuple(operands) else target
