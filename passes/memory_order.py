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


def runtime_order(graph: Graph) -> list[Node]:
    """The nodes that the outputs need, in the order in which the runtime runs them.

    It goes depth first from the outputs, last operand first, whatever the order in the file.
    """
    order: list[Node] = []
    seen: set[Node] = set()
    for output in graph.outputs.values():
        root = graph.producer(output)
        if root is None or root in seen:
            continue
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
