"""Softmax and norms in ONNX.

In: IR nodes of `ir/ops/normalization.py`. Out: ONNX nodes.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from ..ir.dim import product
from ..ir.dtype import DType
from ..ir.node import Node
from .onnx_writer import CONTRIB, OnnxWriter, fault
from .runtime_shapes import reshape_target, size
from .table import lowers


@lowers("softmax")
def softmax(w: OnnxWriter, node: Node) -> None:
    w.result("Softmax", w.operands[0], axis=node.attributes["axis"])


@lowers("masked_softmax")
def masked_softmax(w: OnnxWriter, node: Node) -> None:
    """Where, Softmax, Where.

    The lowest finite number stands for a masked entry, so that a row with nothing allowed gives
    equal shares and no NaN; the second Where makes them, and what underflow left of the others,
    exactly zero. Neither Where looks at the masked entries' own values.
    """
    x, mask = w.operands
    scores = w.step("Where", mask, x, w.scalar(lowest(w.float)), suffix="mask")
    shares = w.step("Softmax", scores, axis=node.attributes["axis"])
    w.result("Where", mask, shares, w.scalar(0.0))


def lowest(dtype: DType) -> float:
    """The lowest finite number."""
    return float(np.finfo(dtype.numpy).min)


def _axis(node: Node) -> tuple[int, int]:
    """The normalized axis, counted from the front, and the rank."""
    x = node.operands[0]
    assert x is not None
    return cast("int", node.attributes["axis"]) % x.type.rank, x.type.rank


def _gain(w: OnnxWriter, node: Node, index: int) -> str:
    """The gain, which ONNX demands; ones where the op has none."""
    if w.operands[index]:
        return w.operands[index]
    x = node.operands[0]
    assert x is not None
    length = x.type.shape[_axis(node)[0]]
    return (
        w.ones(length)
        if isinstance(length, int)
        else w.step("Expand", w.scalar(1.0), size(w, length))
    )


def _last(w: OnnxWriter, node: Node) -> tuple[str, list[int] | None]:
    """The operand with its normalized axis last, and the order of axes that leads back."""
    axis, rank = _axis(node)
    if axis == rank - 1:
        return w.operands[0], None
    order = list(range(rank))
    order[axis], order[-1] = order[-1], order[axis]
    return w.step("Transpose", w.operands[0], perm=order), order


@lowers("layer_norm")
def layer_norm(w: OnnxWriter, node: Node) -> None:
    x, order = _last(w, node)
    operands = [x, _gain(w, node, 1), w.operands[2]]
    epsilon = node.attributes["epsilon"]
    if order is None:
        w.result("LayerNormalization", *operands, axis=-1, epsilon=epsilon)
    else:
        normal = w.step("LayerNormalization", *operands, axis=-1, epsilon=epsilon)
        w.result("Transpose", normal, perm=order)


@lowers("rms_norm")
def rms_norm(w: OnnxWriter, node: Node) -> None:
    """RMSNormalization from opset 23 on, its formula before."""
    x, order = _last(w, node)
    gain = w.operands[1]
    epsilon = cast("float", node.attributes["epsilon"])
    operator, operands = "Mul", [x, gain]
    attributes: dict[str, Any] = {}
    if w.target.opset >= 23:
        operator, operands = "RMSNormalization", [x, _gain(w, node, 1)]
        attributes = {"axis": -1, "epsilon": epsilon}
    else:
        square = w.step("ReduceMean", w.step("Mul", x, x), w.ints([-1]), keepdims=1)
        root = w.step("Sqrt", w.step("Add", square, w.scalar(epsilon)))
        if gain:
            operands = [w.step("Div", x, root), gain]
        else:
            operator, operands = "Div", [x, root]
    if order is None:
        w.result(operator, *operands, **attributes)
    else:
        w.result("Transpose", w.step(operator, *operands, **attributes), perm=order)


@lowers("batch_norm")
def batch_norm(w: OnnxWriter, node: Node) -> None:
    """BatchNormalization where the channels are axis 1, its formula elsewhere."""
    axis, rank = _axis(node)
    epsilon = cast("float", node.attributes["epsilon"])
    x, gain, bias, mean, variance = w.operands
    if axis == 1:
        w.result("BatchNormalization", x, gain, bias, mean, variance, epsilon=epsilon)
        return
    if axis != rank - 1:
        along = w.ints([-1] + [1] * (rank - 1 - axis))
        gain, bias, mean, variance = (
            w.step("Reshape", each, along) for each in (gain, bias, mean, variance)
        )
    root = w.step("Sqrt", w.step("Add", variance, w.scalar(epsilon)))
    normal = w.step("Div", w.step("Sub", x, mean), root)
    w.result("Add", w.step("Mul", normal, gain), bias)


@lowers("group_norm")
def group_norm(w: OnnxWriter, node: Node) -> None:
    """InstanceNormalization of each group as one channel; gains and biases behind it, unless each
    group is one channel. Channels are axis 1 there."""
    axis, rank = _axis(node)
    (x, gain, bias), shape = w.operands, node.result.type.shape
    order = [0, axis, *(other for other in range(1, rank) if other != axis)]
    if axis != 1:
        x, shape = w.step("Transpose", x, perm=order), tuple(shape[other] for other in order)
    groups = cast("int", node.attributes["groups"])
    alone = groups == shape[1] and rank > 2
    ones, zeros = w.filled(groups, 1.0), w.filled(groups, 0.0)
    steps: list[tuple[str, tuple[str, ...], dict[str, Any]]] = []
    if not alone:
        x = w.step("Reshape", x, w.ints([0, groups, -1]))
    scales = (gain or ones, bias or zeros) if alone else (ones, zeros)
    steps.append(("InstanceNormalization", scales, {"epsilon": node.attributes["epsilon"]}))
    if not alone:
        apart = (shape[0], groups, product(shape[1:]) // groups)
        steps.append(("Reshape", (reshape_target(w, apart, shape),), {}))
        along = w.ints([-1] + [1] * (rank - 2))
        for operator, scale in (("Mul", gain), ("Add", bias)):
            if scale:
                steps.append((operator, (w.step("Reshape", scale, along),), {}))
    if axis != 1:
        back = [order.index(other) for other in range(rank)]
        steps.append(("Transpose", (), {"perm": back}))
    for operator, operands, attributes in steps[:-1]:
        x = w.step(operator, x, *operands, **attributes)
    operator, operands, attributes = steps[-1]
    w.result(operator, x, *operands, **attributes)


@lowers("skip_layer_norm", "skip_layer_norm", contrib=True)
def skip_layer_norm(w: OnnxWriter, node: Node) -> None:
    axis, rank = _axis(node)
    if axis != rank - 1:
        raise fault("E0601", "SkipLayerNormalization normalizes the last axis only")
    w.result(
        "SkipLayerNormalization",
        w.operands[0],
        w.operands[1],
        _gain(w, node, 2),
        w.operands[3],
        domain=CONTRIB,
        absent=2,
        epsilon=node.attributes["epsilon"],
    )
