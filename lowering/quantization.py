"""Bytes in place of floats, in ONNX.

In: IR nodes of `ir/ops/quantization.py`. Out: ONNX nodes. Weights are folded, so that the nodes for
them only run where a weight is computed when the model runs.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from onnx import TensorProto

from ..ir.dtype import DType
from ..ir.node import Node
from ..ir.ops.quantization import LEAST_SCALE, LEVELS, PAIR
from ..ir.parameter import Literal
from ..ir.type import TensorType
from .onnx_writer import OnnxWriter
from .table import lowers


def byte(w: OnnxWriter, number: int) -> str:
    """A scalar of type uint8."""
    source = Literal(TensorType(DType.U8, ()), np.array(number, np.uint8))
    return w.initializer(f"u8({number})", source)


@lowers("quantize_rows")
def quantize_rows(w: OnnxWriter, node: Node) -> None:
    """ONNX quantizes by one scale that is known, so the rows are divided by theirs before it."""
    quantized, scale = node.results
    zero_point = cast("int", node.attributes["zero_point"])
    x, last = w.operands[0], w.ints((-1,))
    high = w.step("ReduceMax", x, last, keepdims=1)
    bounds = [w.step("Mul", high, w.scalar(1 / (255 - zero_point)), suffix="high")]
    if zero_point:
        low = w.step("ReduceMin", x, last, keepdims=1)
        bounds.append(w.step("Mul", low, w.scalar(-1 / zero_point), suffix="low"))
    scales = w.result_of(scale, "Max", *bounds, w.scalar(LEAST_SCALE))
    scaled = w.step("Mul", x, w.step("Reciprocal", scales), suffix="scaled")
    w.result_of(quantized, "QuantizeLinear", scaled, w.scalar(1.0), byte(w, zero_point))


@lowers("quantize")
def quantize(w: OnnxWriter, node: Node) -> None:
    scale = w.scalar(cast("float", node.attributes["scale"]))
    w.result(
        "QuantizeLinear", w.operands[0], scale, byte(w, cast("int", node.attributes["zero_point"]))
    )


@lowers("quantize_columns")
def quantize_columns(w: OnnxWriter, node: Node) -> None:
    quantized, scale = node.results
    rows, columns = cast("tuple[int, int]", node.results[0].type.shape)
    weight, clip = w.operands
    magnitude = w.step("ReduceMax", w.step("Abs", weight), w.ints((0,)), keepdims=0)
    if clip:
        magnitude = w.step("Mul", magnitude, clip, suffix="kept")
        weight = w.step("Max", w.step("Min", weight, magnitude), w.step("Neg", magnitude))
    even = weight
    if rows % 2:
        even = w.step("Pad", weight, w.ints((0, 0, 1, 0)))
    pairs = w.step("Reshape", even, w.ints((rows // 2 + rows % 2, 2, columns)))
    sums = w.step("Abs", w.step("ReduceSum", pairs, w.ints((1,)), keepdims=0), suffix="sums")
    largest = w.step("ReduceMax", sums, w.ints((0,)), keepdims=0, suffix="largest")
    least = w.step(
        "Max",
        w.step("Div", magnitude, w.scalar(float(LEVELS)), suffix="level"),
        w.step("Div", largest, w.scalar(float(PAIR)), suffix="pair_level"),
        suffix="scale",
    )
    is_zero = w.step("Equal", least, w.scalar(0.0))
    scales = w.result_of(scale, "Where", is_zero, w.scalar(1.0), least)
    levels = w.step("Round", w.step("Div", weight, scales, suffix="levels"))
    limit = float(LEVELS)
    clipped = w.step("Clip", levels, w.scalar(-limit), w.scalar(limit))
    w.result_of(quantized, "Cast", clipped, to=TensorProto.INT8)


@lowers("quantize_blocks")
def quantize_blocks(w: OnnxWriter, node: Node) -> None:
    quantized, scale = node.results
    bits = cast("int", node.attributes["bits"])
    block = cast("int", node.attributes["block"])
    weight = node.operands[0]
    assert weight is not None
    rows, columns = cast("tuple[int, int]", weight.type.shape)
    count, middle = -(-rows // block), 1 << (bits - 1)
    padded = w.operands[0]
    if rows % block:
        padded = w.step("Pad", padded, w.ints((0, 0, count * block - rows, 0)))
    turned = w.step("Transpose", padded, perm=(1, 0))
    blocks = w.step("Reshape", turned, w.ints((columns, count, block)))
    high = w.step("ReduceMax", blocks, w.ints((2,)), keepdims=1)
    low = w.step("ReduceMin", blocks, w.ints((2,)), keepdims=1)
    upwards = w.step("Greater", high, w.step("Neg", low))
    furthest = w.step("Where", upwards, high, low)
    scales = w.step("Div", furthest, w.scalar(float(-middle)), suffix="scale")
    w.result_of(scale, "Reshape", scales, w.ints((columns, count)))
    is_zero = w.step("Equal", scales, w.scalar(0.0))
    divisor = w.step("Where", is_zero, w.scalar(1.0), scales, suffix="divisor")
    rounded = w.step("Round", w.step("Div", blocks, divisor, suffix="levels"))
    raised = w.step("Add", rounded, w.scalar(float(middle)))
    levels = w.step("Clip", raised, w.scalar(0.0), w.scalar(float(2 * middle - 1)))
    if bits == 4:
        pairs = w.step("Reshape", levels, w.ints((columns, count, block // 2, 2)), suffix="pairs")
        places = Literal(TensorType(w.float, (2,)), np.array([1, 16], w.float.numpy))
        packed = w.step("Mul", pairs, w.initializer("halves", places), suffix="placed")
        levels = w.step("ReduceSum", packed, w.ints((3,)), keepdims=0)
    w.result_of(quantized, "Cast", levels, to=TensorProto.UINT8)
