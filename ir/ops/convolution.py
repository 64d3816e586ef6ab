"""Convolution and pooling, channels first.

In: images [N, C, spatial…] of any number of spatial axes. Out: the same layout.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dim import Dim
from ..spec import AttributeSpec, Operand, OpSpec, define
from ..type import TensorType
from .rules import is_negative, require, require_float, require_shape

Types = tuple[TensorType, ...]


def _window_axes(
    op: str,
    x: TensorType,
    kernel: tuple[Dim, ...],
    strides: tuple[int, ...],
    pads: tuple[tuple[int, int], ...],
    dilations: tuple[int, ...],
) -> tuple[Dim, ...]:
    """The spatial dimensions after a window has slid over them:
    (size + before + after - dilation · (kernel - 1) - 1) // stride + 1."""
    spatial = x.shape[2:]
    require(x.rank >= 3, f"{op}: x is {x}, but must be [batch, channels, spatial…]")
    require(
        all(len(each) == len(spatial) for each in (kernel, strides, pads, dilations)),
        f"{op}: kernel {kernel}, strides {strides}, pads {pads} and dilations {dilations} must "
        f"each have one entry for each of the {len(spatial)} spatial axes of {x}",
    )
    result: list[Dim] = []
    for axis, dim in enumerate(spatial):
        size = kernel[axis]
        if not isinstance(size, int) or min(size, strides[axis], dilations[axis]) < 1:
            require(False, f"{op}: kernel, strides and dilations must be positive numbers")
        assert isinstance(size, int)
        require(len(pads[axis]) == 2 and min(pads[axis]) >= 0, f"{op}: pads {pads} are negative")
        room = dim + sum(pads[axis]) - (dilations[axis] * (size - 1) + 1)
        require(
            not is_negative(room), f"{op}: a window of {size} does not fit axis {axis + 2} of {x}"
        )
        result.append(room // strides[axis] + 1)
    return tuple(result)


def _windows(
    x: Any, kernel: Any, strides: Any, pads: Any, dilations: Any, value: float = 0.0
) -> Any:
    """[N, C, out…, kernel…]: what the window sees at each of its places."""
    padded = np.pad(x, [(0, 0), (0, 0), *pads], constant_values=value)
    axes = tuple(range(2, x.ndim))
    spans = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilations, strict=True))
    seen = np.lib.stride_tricks.sliding_window_view(padded, spans, axis=axes)
    steps = [slice(None, None, s) for s in strides] + [slice(None, None, d) for d in dilations]
    return seen[(slice(None), slice(None), *steps)]


# ---- conv ---------------------------------------------------------------------------------


def _infer_conv(operands: Any, attributes: Any) -> Types:
    x, weight, bias = operands
    require_float("conv", x=x, weight=weight, bias=bias)
    groups = attributes["groups"]
    require(
        weight.rank == x.rank and x.rank >= 3,
        f"conv: x {x} and weight {weight} must have the same number of axes, three or more",
    )
    require(
        groups >= 1
        and x.shape[1] == weight.shape[1] * groups
        and isinstance(weight.shape[0], int)
        and weight.shape[0] % groups == 0,
        f"conv: channels of x {x} and of weight {weight} do not fit {groups} groups",
    )
    require_shape("conv", "bias", bias, weight.shape[:1])
    spatial = _window_axes(
        "conv",
        x,
        weight.shape[2:],
        attributes["strides"],
        attributes["pads"],
        attributes["dilations"],
    )
    return (TensorType(x.dtype, (x.shape[0], weight.shape[0], *spatial)),)


def _conv(arrays: Any, attributes: Any) -> Any:
    x, weight, bias = arrays
    groups = attributes["groups"]
    rank = x.ndim - 2
    seen = _windows(
        x, weight.shape[2:], attributes["strides"], attributes["pads"], attributes["dilations"]
    )
    channels, filters = x.shape[1] // groups, weight.shape[0] // groups
    parts = []
    for group in range(groups):
        window = seen[:, group * channels : (group + 1) * channels]
        kernel = weight[group * filters : (group + 1) * filters]
        over = [1, *range(2 + rank, 2 + 2 * rank)]
        part = np.tensordot(window, kernel, (over, list(range(1, 2 + rank))))
        parts.append(np.moveaxis(part, -1, 1))
    result = np.concatenate(parts, axis=1)
    return result if bias is None else result + bias.reshape((-1,) + (1,) * rank)


define(
    OpSpec(
        "conv",
        (Operand("x"), Operand("weight"), Operand("bias", optional=True)),
        _infer_conv,
        {
            "strides": AttributeSpec(tuple),
            "pads": AttributeSpec(tuple),
            "dilations": AttributeSpec(tuple),
            "groups": AttributeSpec(int, 1),
        },
        reference=_conv,
        doc="Cross-correlation of x [N, C, spatial…] with weight [O, C/groups, kernel…] plus bias "
        "[O], x padded with zeros by (before, after) on each spatial axis: ONNX Conv.",
    )
)


# ---- conv_transpose -----------------------------------------------------------------------


def _infer_conv_transpose(operands: Any, attributes: Any) -> Types:
    op = "conv_transpose"
    x, weight, bias = operands
    require_float(op, x=x, weight=weight, bias=bias)
    groups, rank = attributes["groups"], x.rank - 2
    require(
        weight.rank == x.rank and x.rank >= 3,
        f"{op}: x {x} and weight {weight} must have the same number of axes, three or more",
    )
    channels, filters, *window = weight.shape
    require(
        groups >= 1 and x.shape[1] == channels and channels % groups == 0,
        f"{op}: channels of x {x} and of weight {weight} do not fit {groups} groups",
    )
    require_shape(op, "bias", bias, (filters * groups,))
    steps = [attributes[each] for each in ("strides", "pads", "output_padding", "dilations")]
    require(
        all(len(each) == rank for each in steps),
        f"{op}: strides, pads, output_padding and dilations must each have one entry for each of "
        f"the {rank} spatial axes of {x}",
    )
    spatial: list[Dim] = []
    for dim, size, stride, pads, extra, dilation in zip(x.shape[2:], window, *steps, strict=True):
        require(
            isinstance(size, int) and min(size, stride, dilation) >= 1,
            f"{op}: kernel, strides and dilations must be positive numbers",
        )
        require(min(*pads, extra) >= 0, f"{op}: pads {pads} or output_padding {extra} is negative")
        require(extra < max(stride, dilation), f"{op}: output_padding {extra} is not below a step")
        length = (dim - 1) * stride + dilation * (size - 1) + 1 - sum(pads) + extra
        require(not is_negative(length - 1), f"{op}: pads {pads} cut off all of an axis of {x}")
        spatial.append(length)
    return (TensorType(x.dtype, (x.shape[0], filters * groups, *spatial)),)


def _conv_transpose(arrays: Any, attributes: Any) -> Any:
    x, weight, bias = arrays
    groups, rank = attributes["groups"], x.ndim - 2
    strides, dilations = attributes["strides"], attributes["dilations"]
    window = weight.shape[2:]
    whole = [
        (n - 1) * s + d * (k - 1) + 1
        for n, s, d, k in zip(x.shape[2:], strides, dilations, window, strict=True)
    ]
    channels, filters = x.shape[1] // groups, weight.shape[1]
    out = np.zeros((x.shape[0], groups * filters, *whole), x.dtype)
    for group in range(groups):
        part = x[:, group * channels : (group + 1) * channels]
        kernel = weight[group * channels : (group + 1) * channels]
        mine = slice(group * filters, (group + 1) * filters)
        for place in np.ndindex(*window):
            spread = np.moveaxis(np.tensordot(part, kernel[(..., *place)], (1, 0)), -1, 1)
            at = tuple(
                slice(p * d, p * d + (n - 1) * s + 1, s)
                for p, d, n, s in zip(place, dilations, x.shape[2:], strides, strict=True)
            )
            out[(slice(None), mine, *at)] += spread
    pads, more = attributes["pads"], attributes["output_padding"]
    for axis, (length, (before, after), extra) in enumerate(zip(whole, pads, more, strict=True), 2):
        out = np.take(out, np.arange(before, length - max(after - extra, 0)), axis)
        behind = [(0, 0)] * out.ndim
        behind[axis] = (0, max(extra - after, 0))
        out = np.pad(out, behind)
    return out if bias is None else out + bias.reshape((-1,) + (1,) * rank)


define(
    OpSpec(
        "conv_transpose",
        (Operand("x"), Operand("weight"), Operand("bias", optional=True)),
        _infer_conv_transpose,
        {
            "strides": AttributeSpec(tuple),
            "pads": AttributeSpec(tuple),
            "output_padding": AttributeSpec(tuple),
            "dilations": AttributeSpec(tuple),
            "groups": AttributeSpec(int, 1),
        },
        reference=_conv_transpose,
        doc="What conv does to gradients: each element of x [N, C, spatial…] times the kernels of "
        "weight [C, O/groups, kernel…] is added to the result at steps of `strides`; (before, "
        "after) elements are cut off each spatial axis, `output_padding` zeros stand behind it, "
        "and the bias [O] is added everywhere: ONNX ConvTranspose.",
    )
)


# ---- pooling ------------------------------------------------------------------------------


def _infer_pool(op: str, x: Any, attributes: Any) -> Types:
    require_float(op, x=x)
    kernel, pads = attributes["kernel"], attributes["pads"]
    ones = (1,) * len(kernel)
    spatial = _window_axes(op, x, kernel, attributes["strides"], pads, ones)
    require(
        all(max(pair) < size for pair, size in zip(pads, kernel, strict=True)),
        f"{op}: pads {pads} are as large as the kernel {kernel}: a window could see padding only",
    )
    return (x.with_shape((*x.shape[:2], *spatial)),)


def _pool_windows(x: Any, attributes: Any, value: float) -> tuple[Any, tuple[int, ...]]:
    kernel = attributes["kernel"]
    seen = _windows(x, kernel, attributes["strides"], attributes["pads"], (1,) * len(kernel), value)
    return seen, tuple(range(-len(kernel), 0))


def _max_pool(arrays: Any, attributes: Any) -> Any:
    seen, axes = _pool_windows(arrays[0], attributes, -np.inf)
    return seen.max(axis=axes)


def _average_pool(arrays: Any, attributes: Any) -> Any:
    (x,) = arrays
    seen, axes = _pool_windows(x, attributes, 0.0)
    if attributes["count_include_pad"]:
        return seen.mean(axis=axes)
    counted, _ = _pool_windows(np.ones_like(x), attributes, 0.0)
    return seen.sum(axis=axes) / counted.sum(axis=axes)


_WINDOW = {
    "kernel": AttributeSpec(tuple),
    "strides": AttributeSpec(tuple),
    "pads": AttributeSpec(tuple),
}

define(
    OpSpec(
        "max_pool",
        (Operand("x"),),
        lambda operands, attributes: _infer_pool("max_pool", operands[0], attributes),
        _WINDOW,
        reference=_max_pool,
        doc="The largest element in each window; padding never wins.",
    )
)

define(
    OpSpec(
        "average_pool",
        (Operand("x"),),
        lambda operands, attributes: _infer_pool("average_pool", operands[0], attributes),
        {**_WINDOW, "count_include_pad": AttributeSpec(bool, False)},
        reference=_average_pool,
        doc="The mean of each window; padding counts as zeros where count_include_pad says so, and "
        "not at all otherwise.",
    )
)
