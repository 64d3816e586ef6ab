"""The work of an op: its floating-point operations.

In: a node and the sizes of its symbols. Out: a count. A multiplication and an addition are two;
every other function of an element is one, whatever it takes (so is tanh); moving, reshaping and
gathering is none. Fused ops are the sum of what they stand for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from .dim import evaluate
from .emitter import Emitter
from .graph import Graph
from .node import Node
from .spec import spec_of
from .value import Value

_FREE = frozenset(
    ("cast", "reshape", "transpose", "expand", "concat", "split", "slice", "reverse", "pad")
) | {"gather", "take_rows", "nonzero", "positions", "dropout", "gaussian_noise", "resize"}
_PER_OPERAND = frozenset(
    ("reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "argmax", "cumsum")
)
_PER_RESULT = {
    "softmax": 5,  # maximum, difference, exponential, sum, quotient
    "masked_softmax": 6,
    "layer_norm": 8,  # mean, difference, square, mean, root, product, gain, bias
    "rms_norm": 5,
    "group_norm": 8,
    "instance_norm": 8,
    "batch_norm": 2,
}
"""For each element of the result."""
_STEPS = {"lstm": (4, 9), "gru": (3, 8), "simple_rnn": (1, 2)}
"""Of recurrent ops: products of gates, and operations on elements beside them, for each unit."""


def flops(node: Node, sizes: Mapping[str, int]) -> int:
    """The floating-point operations of one run of a node."""
    op = node.op
    if op in _FREE:
        return 0
    result = _elements(node.results[0], sizes)
    if op in ("matmul", "conv", "conv_transpose"):
        return 2 * _products(node, result, sizes)
    if op in _PER_OPERAND:
        return _elements(node.operands[0], sizes)
    if op in _PER_RESULT:
        return _PER_RESULT[op] * result
    if op in ("max_pool", "average_pool"):
        return result * math.prod(_whole(node, "kernel"))
    if op in _STEPS:
        products, others = _STEPS[op]
        weight, recurrent = node.operands[1], node.operands[2]
        assert weight is not None
        assert recurrent is not None
        width, units = weight.type.static_shape[2], recurrent.type.static_shape[2]
        steps = result // units
        return steps * units * (2 * products * (width + units) + others)
    spec = spec_of(op)
    if spec.is_fused:
        return _of_parts(node, sizes)
    return result


def _products(node: Node, result: int, sizes: Mapping[str, int]) -> int:
    """Multiplications of a product or a convolution."""
    first, second = node.operands[0], node.operands[1]
    assert first is not None
    assert second is not None
    if node.op == "matmul":
        return result * evaluate(first.type.shape[-1], sizes)
    kernel = [evaluate(dim, sizes) for dim in second.type.shape]
    if node.op == "conv":
        return result * math.prod(kernel[1:])
    # Each element of x is multiplied with the whole kernel of its channel.
    return _elements(first, sizes) * math.prod(kernel[1:])


def _of_parts(node: Node, sizes: Mapping[str, int]) -> int:
    """The sum over the simpler ops that a fused op stands for."""
    graph = Graph("parts")
    operands = [
        None if each is None else graph.add_input(f"x{index}", each.type)
        for index, each in enumerate(node.operands)
    ]
    decompose = spec_of(node.op).decompose
    assert decompose is not None
    results = decompose(Emitter(graph), operands, node.attributes)
    for index, value in enumerate(results if isinstance(results, tuple) else (results,)):
        graph.outputs[f"y{index}"] = value
    return sum(flops(part, sizes) for part in graph.nodes())


def _elements(value: Value | None, sizes: Mapping[str, int]) -> int:
    return 0 if value is None else evaluate(value.type.numel, sizes)


def _whole(node: Node, name: str) -> tuple[int, ...]:
    content = node.attributes[name]
    assert isinstance(content, tuple)
    return tuple(each for each in content if isinstance(each, int))
