"""Attention kernels in ONNX.

In: fused attention nodes in a form that is one kernel. Out: that kernel, and what turns the IR's
masks into the ones it takes. Which masks a form takes exactly is for `select_forms` to know.
"""

from __future__ import annotations

from typing import Any, cast

from onnx import TensorProto

from ..ir.dim import Dim
from ..ir.dtype import DType
from ..ir.node import Node
from .normalization import lowest
from .onnx_writer import CONTRIB, OnnxWriter, fault
from .runtime_shapes import scalar_size, size
from .table import lowers

QUERY, KEY, VALUE, KEY_MASK, MASK, BIAS = range(6)


def _heads(node: Node) -> tuple[int, int]:
    heads = cast("int", node.attributes["heads"])
    return heads, cast("int", node.attributes["kv_heads"]) or heads


def _allowed(w: OnnxWriter) -> str:
    """One boolean mask of key mask and mask, broadcastable to [B, heads, Sq, Sk]; "" for none."""
    key_mask, mask = w.operands[KEY_MASK], w.operands[MASK]
    if key_mask:
        key_mask = w.step("Unsqueeze", key_mask, w.ints([1, 2]))
    if key_mask and mask:
        return w.step("And", key_mask, mask)
    return key_mask or mask


def _additive(w: OnnxWriter) -> str:
    """The bias, lowered to the lowest number where nothing is allowed; "" where there is none."""
    allowed, bias = _allowed(w), w.operands[BIAS]
    if not allowed:
        return bias
    return w.step("Where", allowed, bias or w.scalar(0.0), w.scalar(lowest(w.float)))


@lowers("attention", "attention23", opset=23)
def attention23(w: OnnxWriter, node: Node) -> None:
    heads, kv_heads = _heads(node)
    mask = _additive(w) if w.operands[BIAS] else _allowed(w)
    attributes: dict[str, Any] = {"is_causal": 1} if node.attributes["causal"] else {}
    w.result(
        "Attention",
        *w.operands[:KEY_MASK],
        mask,
        q_num_heads=heads,
        kv_num_heads=kv_heads,
        scale=node.attributes["scale"],
        **attributes,
    )


@lowers("attention", "mha", contrib=True)
def mha(w: OnnxWriter, node: Node) -> None:
    heads, kv_heads = _heads(node)
    if heads != kv_heads:
        raise fault("E0601", "MultiHeadAttention takes as many key heads as query heads only")
    attributes: dict[str, Any] = {"unidirectional": 1} if node.attributes["causal"] else {}
    bias = _additive(w)
    if bias and (shape := _mask_rank(node)) < 4:
        bias = w.step("Unsqueeze", bias, w.ints(list(range(4 - shape))))
    operands = [*w.operands[:KEY_MASK], "", "", bias]
    w.result(
        "MultiHeadAttention",
        *operands,
        domain=CONTRIB,
        num_heads=heads,
        scale=node.attributes["scale"],
        **attributes,
    )


def _mask_rank(node: Node) -> int:
    ranks = [node.operands[i].type.rank for i in (MASK, BIAS) if node.operands[i] is not None]  # type: ignore[union-attr]
    return 4 if node.operands[KEY_MASK] is not None else max(ranks)


@lowers("attention", "gqa", contrib=True)
def gqa(w: OnnxWriter, node: Node) -> None:
    """GroupQueryAttention on a whole prompt: it is causal, and wants each row's length."""
    heads, kv_heads = _heads(node)
    if not node.attributes["causal"]:
        raise fault("E0601", "GroupQueryAttention is written for causal attention only")
    if _allowed(w):
        raise fault("E0601", "GroupQueryAttention takes no boolean masks")
    key = node.operands[KEY]
    assert key is not None
    batch, length = key.type.shape[0], key.type.shape[1]
    lengths, total = _lengths(w, batch, length)
    operands = [*w.operands[:KEY_MASK], "", "", lengths, total]
    if w.operands[BIAS]:
        operands += ["", "", "", w.operands[BIAS]]
    w.result(
        "GroupQueryAttention",
        *operands,
        domain=CONTRIB,
        num_heads=heads,
        kv_num_heads=kv_heads,
        scale=node.attributes["scale"],
    )


def _lengths(w: OnnxWriter, batch: Dim, length: Dim) -> tuple[str, str]:
    """The last position of each row, int32[B], and the length, an int32 scalar: written once."""
    key = ("lengths", batch, length)
    if key not in w.sizes:
        last: str
        if isinstance(length, int):
            last = w.scalar(length - 1, DType.I32)
        else:
            last = w.shared("size/last", "Cast", scalar_size(w, length - 1), to=TensorProto.INT32)
        w.sizes[key] = w.shared("size/lengths", "Expand", last, size(w, batch))
    if isinstance(length, int):
        return w.sizes[key], w.scalar(length, DType.I32)
    total = ("total", length)
    if total not in w.sizes:
        w.sizes[total] = w.shared(
            "size/total", "Cast", scalar_size(w, length), to=TensorProto.INT32
        )
    return w.sizes[key], w.sizes[total]
