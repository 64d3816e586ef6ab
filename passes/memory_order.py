"""The order in which ONNX Runtime runs a graph, and the buffers that it shares.

In: a graph. Out: its nodes in that order, and what each op does with its operands' memory. Seen
with ONNX Runtime 1.32 on CPU: the order in its profiles, the sharing in the memory that chains of
two ops take (docs/memory.md).
"""

from __future__ import annotations

from collections.abc import Iterator

from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.value import Value

VIEWS = frozenset({"reshape"})
"""Ops whose result is their operand's memory under another shape."""

IN_PLACE = frozenset(
    {
        *("softmax", "relu", "tanh", "sigmoid", "softplus", "softsign", "elu", "selu"),
        *("leaky_relu", "hard_sigmoid"),
    }
)
"""Ops that write over their operand when nothing reads it afterwards."""

TEMPORARY = frozenset({"where", "masked_softmax"})
"""Ops whose kernels hold one more tensor like their result while they run."""

QUANTIZES_INSIDE = frozenset({"dynamic_quantized_linear", "block_quantized_linear"})
"""Ops whose kernels hold their first operand as bytes while they run."""


def runtime_order(graph: Graph) -> list[Node]:
    """The nodes that the outputs need, in the order in which the runtime runs them.

    It goes depth first from the nodes that nothing reads, the last in the file first, and to their
    operands the last first.
    """
    order: list[Node] = []
    seen: set[Node] = set()
    for root in _last_ones(graph):
        seen.add(root)
        stack: list[tuple[Node, Iterator[Value | None]]] = [(root, reversed(root.operands))]
        while stack:
            node, operands = stack[-1]
            for operand in operands:
                before = graph.producer(operand)
                if before is not None and before not in seen:
                    seen.add(before)
                    stack.append((before, reversed(before.operands)))
                    break
            else:
                order.append(node)
                stack.pop()
    return order


def _last_ones(graph: Graph) -> list[Node]:
    """The nodes that outputs need and no other such node reads, the last in the file first."""
    outputs = set(graph.outputs.values())
    read: set[Value] = set()
    found: list[Node] = []
    for node in reversed(graph.nodes()):
        is_read = any(result in read for result in node.results)
        if is_read or any(result in outputs for result in node.results):
            read.update(operand for operand in node.operands if operand is not None)
            if not is_read:
                found.append(node)
    return found
