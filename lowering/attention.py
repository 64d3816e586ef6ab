"""Attention kernels in ONNX.

In: fused attention nodes in a form that is one kernel, their masks as that kernel takes them
(`select_forms` sees to it). Out: that kernel.
"""

from __future__ import annotations

from typing import Any, cast

from onnx import TensorProto

from ..ir.dim import Dim
from ..ir.dtype import DType
from ..ir.node import Node
from .onnx_writer import CONTRIB, OnnxWriter, fault
from .runtime_shapes import scalar_size, size
from .table import lowers

QUERY, KEY, VALUE, KEY_MASK, MASK, BIAS = range(6)


def _heads(node: Node) -> tuple[int, int]:
    heads = cast("int", node.attributes["heads"])
    return heads, cast("int", node.attributes["kv_heads"]) or heads


def _refuse(w: OnnxWriter, kernel: str, *operands: int) -> None:
    """Raises the fault E0601 where one of the operands is there."""
    given = [index for index in operands if w.operands[index]]
    if given:
        names = {KEY_MASK: "a key mask", MASK: "a mask", BIAS: "a bias"}
        raise fault("E0601", f"{kernel} is not written with {names[given[0]]}")


@lowers("attention", "attention23", opset=23)
def attention23(w: OnnxWriter, node: Node) -> None:
    """Attention's one operand for both: booleans that allow, or numbers to add to the scores."""
    heads, kv_heads = _heads(node)
    _refuse(w, "Attention", KEY_MASK)
    if w.operands[MASK]:
        _refuse(w, "Attention with a mask", BIAS)
    causal: dict[str, Any] = {"is_causal": 1} if node.attributes["causal"] else {}
    w.result(
        "Attention",
        *w.operands[:KEY_MASK],
        w.operands[MASK] or w.operands[BIAS],
        q_num_heads=heads,
        kv_num_heads=kv_heads,
        scale=node.attributes["scale"],
        **causal,
    )


@lowers("attention", "mha", contrib=True)
def mha(w: OnnxWriter, node: Node) -> None:
    heads, kv_heads = _heads(node)
    _refuse(w, "MultiHeadAttention", KEY_MASK, MASK, BIAS)
    if heads != kv_heads:
        raise fault("E0601", "MultiHeadAttention takes as many key heads as query heads only")
    causal: dict[str, Any] = {"unidirectional": 1} if node.attributes["causal"] else {}
    w.result(
        "MultiHeadAttention",
        *w.operands[:KEY_MASK],
        domain=CONTRIB,
        num_heads=heads,
        scale=node.attributes["scale"],
        **causal,
    )


@lowers("attention", "gqa", contrib=True)
def gqa(w: OnnxWriter, node: Node) -> None:
    """GroupQueryAttention on whole rows: it is causal, and wants each row's length."""
    heads, kv_heads = _heads(node)
    _refuse(w, "GroupQueryAttention", KEY_MASK, MASK, BIAS)
    if not node.attributes["causal"]:
        raise fault("E0601", "GroupQueryAttention is written for causal attention only")
    key = node.operands[KEY]
    assert key is not None
    # Runtimes before 1.26 insist on the two caches as outputs.
    w.result(
        "GroupQueryAttention",
        *w.operands[:KEY_MASK],
        "",
        "",
        *_lengths(w, key.type.shape[0], key.type.shape[1]),
        domain=CONTRIB,
        unused=2,
        num_heads=heads,
        kv_num_heads=kv_heads,
        scale=node.attributes["scale"],
    )


def _lengths(w: OnnxWriter, batch: Dim, length: Dim) -> tuple[str, str]:
    """The last position of each row, int32[B], and the length, an int32 scalar: written once."""
    if isinstance(length, int):
        last, total = w.scalar(length - 1, DType.I32), w.scalar(length, DType.I32)
    else:
        last, total = _narrow_size(w, length - 1), _narrow_size(w, length)
    key = ("lengths", batch, length)
    if key not in w.sizes:
        w.sizes[key] = w.shared(f"size/rows({length})", "Expand", last, size(w, batch))
    return w.sizes[key], total


def _narrow_size(w: OnnxWriter, dim: Dim) -> str:
    """A size as an int32 scalar."""
    key = ("int32", dim)
    if key not in w.sizes:
        w.sizes[key] = w.shared(
            f"size/{dim}/i32", "Cast", scalar_size(w, dim), to=TensorProto.INT32
        )
    return w.sizes[key]
