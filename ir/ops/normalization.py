"""Softmax and the normalizations.

In: a tensor and, for the norms, gains and biases for one axis. Out: a tensor of the same type.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..spec import AttributeSpec, Operand, OpSpec, define
from ..type import TensorType
from .rules import (
    axis_of,
    require,
    require_bool,
    require_broadcastable,
    require_float,
    require_shape,
)

Types = tuple[TensorType, ...]


# ---- softmax ------------------------------------------------------------------------------


def _infer_softmax(operands: Any, attributes: Any) -> Types:
    (x,) = operands
    require_float("softmax", x=x)
    axis_of("softmax", attributes["axis"], x.rank)
    return (x,)


def _softmax(arrays: Any, attributes: Any) -> Any:
    (x,) = arrays
    powers = np.exp(x - np.max(x, axis=attributes["axis"], keepdims=True))
    return powers / np.sum(powers, axis=attributes["axis"], keepdims=True)


define(
    OpSpec(
        "softmax",
        (Operand("x"),),
        _infer_softmax,
        {"axis": AttributeSpec(int, -1)},
        reference=_softmax,
        doc="e^x / sum(e^x) along an axis.",
    )
)


def _infer_masked_softmax(operands: Any, attributes: Any) -> Types:
    x, mask = operands
    require_float("masked_softmax", x=x)
    require_bool("masked_softmax", mask=mask)
    require_broadcastable("masked_softmax", "mask", mask, x.shape)
    axis_of("masked_softmax", attributes["axis"], x.rank)
    return (x,)


def _masked_softmax(arrays: Any, attributes: Any) -> Any:
    x, axis = arrays[0], attributes["axis"]
    mask = np.broadcast_to(arrays[1], x.shape)
    allowed = np.where(mask, x, -np.inf)
    peak = np.max(allowed, axis=axis, keepdims=True)
    nothing = ~np.any(mask, axis=axis, keepdims=True)
    powers = np.exp(allowed - np.where(nothing, 0.0, peak))
    total = np.where(nothing, 1.0, np.sum(powers, axis=axis, keepdims=True))
    return np.where(mask, powers / total, 0.0)


define(
    OpSpec(
        "masked_softmax",
        (Operand("x"), Operand("mask")),
        _infer_masked_softmax,
        {"axis": AttributeSpec(int, -1)},
        reference=_masked_softmax,
        doc="Softmax over the entries that the mask allows. The others are exactly zero and have "
        "no influence, whatever they hold (infinities and NaN included); a row with nothing "
        "allowed is all zeros.",
    )
)


# ---- layer_norm, rms_norm -----------------------------------------------------------------


def _infer_norm(op: str, x: Any, attributes: Any, **scales: Any) -> Types:
    require_float(op, x=x, **scales)
    axis = axis_of(op, attributes["axis"], x.rank)
    require(attributes["epsilon"] >= 0, f"{op}: epsilon {attributes['epsilon']} is negative")
    for name, type in scales.items():
        require_shape(op, name, type, (x.shape[axis],))
    return (x,)


def _along(scale: Any, axis: int, rank: int) -> Any:
    """A vector as a tensor that broadcasts along one axis of a tensor of the given rank."""
    shape = [1] * rank
    shape[axis] = -1
    return np.reshape(scale, shape)


def _layer_norm(arrays: Any, attributes: Any) -> Any:
    x, gain, bias = arrays
    axis = attributes["axis"]
    centred = x - np.mean(x, axis=axis, keepdims=True)
    variance = np.mean(centred * centred, axis=axis, keepdims=True)
    normal = centred / np.sqrt(variance + attributes["epsilon"])
    if gain is not None:
        normal = normal * _along(gain, axis, x.ndim)
    return normal if bias is None else normal + _along(bias, axis, x.ndim)


define(
    OpSpec(
        "layer_norm",
        (Operand("x"), Operand("gain", optional=True), Operand("bias", optional=True)),
        lambda operands, attributes: _infer_norm(
            "layer_norm", operands[0], attributes, gain=operands[1], bias=operands[2]
        ),
        {"axis": AttributeSpec(int, -1), "epsilon": AttributeSpec(float)},
        reference=_layer_norm,
        doc="(x - mean) / sqrt(variance + epsilon) · gain + bias along one axis, the variance over "
        "n; Ba, Kiros and Hinton, Layer Normalization (2016).",
    )
)


def _rms_norm(arrays: Any, attributes: Any) -> Any:
    x, gain = arrays
    axis = attributes["axis"]
    square = np.mean(x * x, axis=axis, keepdims=True)
    normal = x / np.sqrt(square + attributes["epsilon"])
    return normal if gain is None else normal * _along(gain, axis, x.ndim)


define(
    OpSpec(
        "rms_norm",
        (Operand("x"), Operand("gain", optional=True)),
        lambda operands, attributes: _infer_norm(
            "rms_norm", operands[0], attributes, gain=operands[1]
        ),
        {"axis": AttributeSpec(int, -1), "epsilon": AttributeSpec(float)},
        reference=_rms_norm,
        doc="x / sqrt(mean(x²) + epsilon) · gain along one axis; Zhang and Sennrich, Root Mean "
        "Square Layer Normalization (2019).",
    )
)


# ---- batch_norm ---------------------------------------------------------------------------


def _infer_batch_norm(operands: Any, attributes: Any) -> Types:
    x, gain, bias, mean, variance = operands
    return _infer_norm(
        "batch_norm", x, attributes, gain=gain, bias=bias, mean=mean, variance=variance
    )


def _batch_norm(arrays: Any, attributes: Any) -> Any:
    x = arrays[0]
    gain, bias, mean, variance = (_along(a, attributes["axis"], x.ndim) for a in arrays[1:])
    return (x - mean) / np.sqrt(variance + attributes["epsilon"]) * gain + bias


define(
    OpSpec(
        "batch_norm",
        tuple(Operand(name) for name in ("x", "gain", "bias", "mean", "variance")),
        _infer_batch_norm,
        {
            "axis": AttributeSpec(int),
            "epsilon": AttributeSpec(float),
            "momentum": AttributeSpec(float, 0.99),
            "training": AttributeSpec(bool, False),
        },
        reference=_batch_norm,
        doc="(x - mean) / sqrt(variance + epsilon) · gain + bias with the stored statistics of "
        "each channel; Ioffe and Szegedy, Batch Normalization (2015). `training` says that the "
        "program trains it (momentum is for its running statistics); the reference is inference.",
    )
)


# ---- group_norm ---------------------------------------------------------------------------


def _infer_group_norm(operands: Any, attributes: Any) -> Types:
    x, gain, bias = operands
    _infer_norm("group_norm", x, attributes, gain=gain, bias=bias)
    axis, groups = axis_of("group_norm", attributes["axis"], x.rank), attributes["groups"]
    channels = x.shape[axis]
    require(axis != 0, "group_norm: axis 0 is the batch")
    require(
        isinstance(channels, int) and groups >= 1 and channels % groups == 0,
        f"group_norm: {groups} groups do not divide axis {axis} of {x}",
    )
    return (x,)


def _group_norm(arrays: Any, attributes: Any) -> Any:
    x, gain, bias = arrays
    axis = attributes["axis"]
    first = np.moveaxis(x, axis, 1)
    rows = first.reshape(len(x), attributes["groups"], -1)
    rows = rows - np.mean(rows, axis=2, keepdims=True)
    variance = np.mean(rows * rows, axis=2, keepdims=True)
    rows = rows / np.sqrt(variance + attributes["epsilon"])
    normal = np.moveaxis(rows.reshape(first.shape), 1, axis)
    if gain is not None:
        normal = normal * _along(gain, axis, x.ndim)
    return normal if bias is None else normal + _along(bias, axis, x.ndim)


define(
    OpSpec(
        "group_norm",
        (Operand("x"), Operand("gain", optional=True), Operand("bias", optional=True)),
        _infer_group_norm,
        {
            "axis": AttributeSpec(int),
            "groups": AttributeSpec(int),
            "epsilon": AttributeSpec(float),
        },
        reference=_group_norm,
        doc="(x - mean) / sqrt(variance + epsilon) · gain + bias, mean and variance over each "
        "group of neighbouring channels (an axis) and all other axes but the batch, gain and bias "
        "for each channel; Wu and He, Group Normalization (2018).",
    )
)


# ---- skip_layer_norm ----------------------------------------------------------------------


def _infer_skip_layer_norm(operands: Any, attributes: Any) -> Types:
    x, skip, gain, bias = operands
    require(x == skip, f"skip_layer_norm: x is {x}, skip is {skip}; they must be equal")
    _infer_norm("skip_layer_norm", x, attributes, gain=gain, bias=bias)
    return (x, x)


def _decompose_skip_layer_norm(emit: Any, operands: Any, attributes: Any) -> Any:
    x, skip, gain, bias = operands
    total = emit("add", x, skip)
    axis, epsilon = attributes["axis"], attributes["epsilon"]
    return emit("layer_norm", total, gain, bias, axis=axis, epsilon=epsilon), total


define(
    OpSpec(
        "skip_layer_norm",
        (
            Operand("x"),
            Operand("skip"),
            Operand("gain", optional=True),
            Operand("bias", optional=True),
        ),
        _infer_skip_layer_norm,
        {"axis": AttributeSpec(int, -1), "epsilon": AttributeSpec(float)},
        results=("normalized", "sum"),
        decompose=_decompose_skip_layer_norm,
        doc="layer_norm(x + skip) and the sum itself: a residual connection and its norm.",
    )
)
