"""Convolution and pooling in ONNX.

In: IR nodes of `ir/ops/convolution.py`, channels first as in ONNX. Out: ONNX nodes.
"""

from __future__ import annotations

from typing import cast

from ..ir.node import Node
from .onnx_writer import OnnxWriter
from .table import lowers


def _pads(node: Node) -> list[int]:
    pairs = cast("tuple[tuple[int, int], ...]", node.attributes["pads"])
    return [before for before, _ in pairs] + [after for _, after in pairs]


@lowers("conv")
def conv(w: OnnxWriter, node: Node) -> None:
    weight = node.operands[1]
    assert weight is not None
    w.result(
        "Conv",
        *w.operands,
        kernel_shape=weight.type.static_shape[2:],
        strides=node.attributes["strides"],
        pads=_pads(node),
        dilations=node.attributes["dilations"],
        group=node.attributes["groups"],
    )


@lowers("conv_transpose")
def conv_transpose(w: OnnxWriter, node: Node) -> None:
    weight = node.operands[1]
    assert weight is not None
    w.result(
        "ConvTranspose",
        *w.operands,
        kernel_shape=weight.type.static_shape[2:],
        strides=node.attributes["strides"],
        pads=_pads(node),
        output_padding=node.attributes["output_padding"],
        dilations=node.attributes["dilations"],
        group=node.attributes["groups"],
    )


@lowers("max_pool")
def max_pool(w: OnnxWriter, node: Node) -> None:
    w.result(
        "MaxPool",
        w.operands[0],
        kernel_shape=node.attributes["kernel"],
        strides=node.attributes["strides"],
        pads=_pads(node),
    )


@lowers("average_pool")
def average_pool(w: OnnxWriter, node: Node) -> None:
    w.result(
        "AveragePool",
        w.operands[0],
        kernel_shape=node.attributes["kernel"],
        strides=node.attributes["strides"],
        pads=_pads(node),
        count_include_pad=int(bool(node.attributes["count_include_pad"])),
    )
