"""Dense layers on bytes, in ONNX.

In: IR nodes of `ir/ops/quantized_linear.py`. Out: ONNX nodes.
"""

from __future__ import annotations

from typing import cast

from ..ir.node import Node
from .onnx_writer import CONTRIB, OnnxWriter
from .quantization import byte
from .table import lowers


@lowers("quantized_linear", contrib=True)
def quantized_linear(w: OnnxWriter, node: Node) -> None:
    """The kernel takes one scale for all rows, and their own are multiplied on afterwards."""
    x, row_scale, weight, weight_scale, bias = w.operands
    zero_point = byte(w, cast("int", node.attributes["zero_point"]))
    scale = w.scalar(cast("float", node.attributes["scale"]))
    operands = (x, weight, scale, weight_scale, zero_point)
    if not row_scale:
        w.result("MatMulIntegerToFloat", *operands, "", bias, domain=CONTRIB)
        return
    product = w.step("MatMulIntegerToFloat", *operands, domain=CONTRIB)
    if not bias:
        w.result("Mul", product, row_scale)
        return
    w.result("Add", w.step("Mul", product, row_scale), bias)


@lowers("dynamic_quantized_linear", contrib=True)
def dynamic_quantized_linear(w: OnnxWriter, node: Node) -> None:
    x, weight, weight_scale, bias = w.operands
    w.result("DynamicQuantizeMatMul", x, weight, weight_scale, "", bias, domain=CONTRIB)


@lowers("block_quantized_linear", contrib=True)
def block_quantized_linear(w: OnnxWriter, node: Node) -> None:
    """`accuracy_level` 4 lets the kernel work on bytes; on floats it takes 100 times as long."""
    x, weight, weight_scale, bias = w.operands
    given = node.operands[0]
    assert given is not None
    w.result(
        "MatMulNBits",
        *(x, weight, weight_scale, "", "", bias),
        domain=CONTRIB,
        K=given.type.shape[-1],
        N=node.result.type.shape[-1],
        bits=node.attributes["bits"],
        block_size=node.attributes["block"],
        accuracy_level=4,
    )
