"""Dense layers on bytes: products whose factors are quantized.

In: activations [..., k] as floats or bytes, weights [k, n] as bytes with their scales. Out: floats
[..., n]. The references are the quantized arithmetic itself, so that a kernel can be held against
the interpreter.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtype import DType
from ..spec import AttributeSpec, Operand, OpSpec, define
from ..type import TensorType
from .quantization import block_attributes, require_zero_point
from .rules import require, require_float, require_rank, require_shape, shape_text

Types = tuple[TensorType, ...]


def _require_dtype(op: str, name: str, type: TensorType, dtype: DType) -> None:
    require(type.dtype is dtype, f"{op}: {name} is {type}, but must have element type {dtype}")


def _check_weight(op: str, x: Any, weight: Any, weight_scale: Any, bias: Any) -> None:
    require(x.rank >= 1, f"{op}: x is {x}, but must have an axis")
    _require_dtype(op, "weight", weight, DType.I8)
    require_rank(op, "weight", weight, 2)
    require(
        weight.shape[0] == x.shape[-1],
        f"{op}: the last axis of x, {x}, does not fit the weight, {weight}",
    )
    require_float(op, weight_scale=weight_scale, bias=bias)
    require_shape(op, "weight_scale", weight_scale, weight.shape[1:])
    require_shape(op, "bias", bias, weight.shape[1:])


def _infer_quantized(operands: Any, attributes: Any) -> Types:
    x, row_scale, weight, weight_scale, bias = operands
    op = "quantized_linear"
    _require_dtype(op, "x", x, DType.U8)
    _check_weight(op, x, weight, weight_scale, bias)
    require_float(op, weight_scale=weight_scale, row_scale=row_scale)
    require_shape(op, "row_scale", row_scale, (*x.shape[:-1], 1))
    require_zero_point(op, attributes["zero_point"])
    return (weight_scale.with_shape((*x.shape[:-1], weight.shape[1])),)


def _quantized_linear(arrays: Any, attributes: Any) -> Any:
    x, row_scale, weight, weight_scale, bias = arrays
    # In float64 the sums of whole numbers are exact.
    product = (x.astype(np.float64) - attributes["zero_point"]) @ weight.astype(np.float64)
    product = product * (weight_scale * np.float64(np.float32(attributes["scale"])))
    if row_scale is not None:
        product = product * row_scale
    return product if bias is None else product + bias


define(
    OpSpec(
        "quantized_linear",
        (
            Operand("x"),
            Operand("row_scale", optional=True),
            Operand("weight"),
            Operand("weight_scale"),
            Operand("bias", optional=True),
        ),
        _infer_quantized,
        {"zero_point": AttributeSpec(int, 128), "scale": AttributeSpec(float, 1.0)},
        reference=_quantized_linear,
        doc="((x - zero_point) @ weight) * scale * row_scale * weight_scale + bias, the product in "
        "whole numbers: a dense layer on bytes. Each row of x has its own row_scale, or all "
        "have the scale.",
    )
)


def _infer_dynamic(operands: Any, attributes: Any) -> Types:
    x, weight, weight_scale, bias = operands
    op = "dynamic_quantized_linear"
    require_float(op, x=x, weight_scale=weight_scale)
    _check_weight(op, x, weight, weight_scale, bias)
    return (x.with_shape((*x.shape[:-1], weight.shape[1])),)


def _dynamic_quantized_linear(arrays: Any, attributes: Any) -> Any:
    x, weight, weight_scale, bias = arrays
    low, high = min(float(x.min(initial=0)), 0.0), max(float(x.max(initial=0)), 0.0)
    scale = float(np.float32((high - low) / 255)) or 1.0
    zero_point = float(np.clip(np.rint(-low / scale), 0, 255))
    quantized = np.clip(np.nan_to_num(np.rint(x / scale) + zero_point), 0, 255)
    product = (quantized - zero_point) @ weight.astype(np.float64) * (weight_scale * scale)
    return product if bias is None else product + bias


define(
    OpSpec(
        "dynamic_quantized_linear",
        (
            Operand("x"),
            Operand("weight"),
            Operand("weight_scale"),
            Operand("bias", optional=True),
        ),
        _infer_dynamic,
        reference=_dynamic_quantized_linear,
        doc="A dense layer whose x becomes bytes with one scale and one zero point for the whole "
        "tensor, found when the model runs: the largest row decides how exact the others are.",
    )
)


def _infer_block(operands: Any, attributes: Any) -> Types:
    x, weight, weight_scale, bias = operands
    op = "block_quantized_linear"
    require_float(op, x=x, weight_scale=weight_scale, bias=bias)
    require(x.rank >= 1, f"{op}: x is {x}, but must have an axis")
    _require_dtype(op, "weight", weight, DType.U8)
    require_rank(op, "weight", weight, 3)
    bits, block = block_attributes(op, attributes)
    rows = x.shape[-1]
    require(isinstance(rows, int), f"{op}: the last axis of x, {x}, must be known")
    shape = (weight.shape[0], -(-rows // block), block * bits // 8)
    require(
        weight.shape == shape,
        f"{op}: the weight is {weight}, but {x} needs the shape {shape_text(shape)}",
    )
    require_shape(op, "weight_scale", weight_scale, shape[:2])
    require_shape(op, "bias", bias, shape[:1])
    return (x.with_shape((*x.shape[:-1], weight.shape[0])),)


def _block_quantized_linear(arrays: Any, attributes: Any) -> Any:
    x, packed, scales, bias = arrays
    bits, block = attributes["bits"], attributes["block"]
    levels = packed
    if bits == 4:
        levels = np.stack((packed & 15, packed >> 4), -1).reshape(*packed.shape[:2], -1)
    weight = (levels.astype(np.float64) - (1 << (bits - 1))) * scales[:, :, None]
    width = packed.shape[1] * block
    padded = np.zeros((*x.shape[:-1], width))
    padded[..., : x.shape[-1]] = x
    blocks = padded.reshape(*x.shape[:-1], -1, block)
    scale = np.abs(blocks).max(-1, keepdims=True) / 127
    bytes = np.rint(blocks / np.where(scale == 0, 1.0, scale)) * scale
    product = bytes.reshape(padded.shape) @ weight.reshape(len(weight), width).T
    return product if bias is None else product + bias


define(
    OpSpec(
        "block_quantized_linear",
        (
            Operand("x"),
            Operand("weight"),
            Operand("weight_scale"),
            Operand("bias", optional=True),
        ),
        _infer_block,
        {"bits": AttributeSpec(int), "block": AttributeSpec(int)},
        reference=_block_quantized_linear,
        doc="A dense layer whose weight is as `quantize_blocks` makes it. Each row of x becomes "
        "bytes, from -127 to 127, in blocks of as many elements, each with its own scale.",
    )
)
