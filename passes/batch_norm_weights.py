"""Weights that hold a batch normalization: expressions over the weights and the statistics.

In: a linear map, `linear` or `conv`, and the norm before or behind it. Out: the sources of the
weight and the bias of the map that does both.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from ..ir.dim import Dim
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.parameter import Literal, ParameterSource
from ..ir.type import TensorType
from .weight_expressions import applied


def scaled(graph: Graph, node: Node, norm: Node) -> tuple[ParameterSource, ParameterSource]:
    """The weight and the bias of norm(map(x)): each column times its scale."""
    weight, bias = _weights(graph, node)
    scale, _ = _scale(graph, norm)
    _, offset, mean, _ = _statistics(graph, norm)
    # A linear's results lie along the last axis of its weight, a convolution's along the first.
    ones = (1,) * (weight.type.rank - 1) if node.op == "conv" else ()
    wide = _reshaped(scale, (*scale.type.shape, *ones))
    centred = applied("neg", mean) if bias is None else applied("sub", bias, mean)
    return (
        applied("mul", weight, wide),
        applied("add", applied("mul", centred, scale), offset),
    )


def behind_norm(graph: Graph, node: Node, norm: Node) -> tuple[ParameterSource, ParameterSource]:
    """The weight and the bias of map(norm(x)): each row times its scale; what the norm adds goes
    through the weight into the bias."""
    weight, bias = _weights(graph, node)
    scale, shift = _scale(graph, norm)
    whole = weight.type.static_shape
    apart: tuple[int, ...]
    along: tuple[int, ...]
    summed: tuple[int, ...]
    if node.op == "linear":
        apart, along = whole, (whole[0], 1)
        results, summed = whole[1], (0,)
    else:
        groups = cast("int", node.attributes["groups"])
        window = whole[2:]
        apart = (groups, whole[0] // groups, *whole[1:])
        along = (groups, 1, whole[1], *(1,) * len(window))
        results, summed = whole[0], tuple(range(2, 3 + len(window)))
    rows = _reshaped(weight, apart)
    added = applied("reduce_sum", applied("mul", rows, _reshaped(shift, along)), axes=summed)
    moved = _reshaped(added, (results,))
    return (
        _reshaped(applied("mul", rows, _reshaped(scale, along)), whole),
        moved if bias is None else applied("add", bias, moved),
    )


def _weights(graph: Graph, node: Node) -> tuple[ParameterSource, ParameterSource | None]:
    weight = graph.source(node.operands[1])
    assert weight is not None
    return weight, graph.source(node.operands[2])


def _statistics(graph: Graph, norm: Node) -> list[ParameterSource]:
    """Gain, bias, mean and variance."""
    sources = [graph.source(each) for each in norm.operands[1:]]
    return [each for each in sources if each is not None]


def _scale(graph: Graph, norm: Node) -> tuple[ParameterSource, ParameterSource]:
    """What the norm multiplies each feature with, and what it adds."""
    gain, offset, mean, variance = _statistics(graph, norm)
    dtype = variance.type.dtype
    epsilon = np.asarray(norm.attributes["epsilon"], dtype.numpy)
    number = Literal(TensorType(dtype, ()), epsilon)
    scale = applied("div", gain, applied("sqrt", applied("add", variance, number)))
    return scale, applied("sub", offset, applied("mul", mean, scale))


def _reshaped(source: ParameterSource, shape: tuple[Dim, ...]) -> ParameterSource:
    if source.type.shape == shape:
        return source
    return applied("reshape", source, shape=shape)
