"""The buffers that a run of a graph needs: how large each is, and when it is in use.

In: a graph in target form, a target, sizes for its symbols. Out: `Buffer` values over the steps of
the runtime's order, without places yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from ..ir.dim import evaluate
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.span import Span
from ..ir.target import AttentionSizes, Target
from ..ir.value import Value
from .attention_forms import sizes_of
from .memory_order import IN_PLACE, QUANTIZES_INSIDE, TEMPORARY, VIEWS

ALIGNMENT = 64
"""Bytes that the runtime's allocators round up to."""


@dataclass(frozen=True, slots=True)
class Buffer:
    """One stretch of memory, in use from step `first` up to and including step `last`.

    `names` are the values that lie in it, one after the other or at once; a kernel's own workspace
    has none. `offset` is -1 before it has a place.
    """

    what: str
    names: tuple[str, ...]
    bytes: int
    first: int
    last: int
    op: str
    scope: str
    span: Span | None
    offset: int = -1

    def overlaps(self, other: Buffer) -> bool:
        """Whether both are in use at some step."""
        return self.first <= other.last and other.first <= self.last


def buffers_of(
    graph: Graph, order: list[Node], target: Target, sizes: Mapping[str, int]
) -> list[Buffer]:
    """Every buffer that the nodes in `order` allocate, in that order.

    Inputs of the model belong to the caller and weights live as long as the session: neither is
    among them. Outputs are in use until the end.
    """
    last_read = _last_reads(graph, order)
    made: list[Buffer] = []
    home: dict[Value, int] = {}  # which of `made` a value lies in
    for step, node in enumerate(order):
        for result in node.results:
            if _is_view_of_given(graph, node, result, home):
                continue
            end = last_read.get(result, step)
            shared = _shared(graph, node, result, home, made, step)
            if shared is not None:
                before = made[shared]
                names = (*before.names, result.name)
                made[shared] = replace(before, names=names, last=max(before.last, end))
                home[result] = shared
                continue
            home[result] = len(made)
            made.append(
                Buffer(
                    str(result.type),
                    (result.name,),
                    aligned(evaluate(result.type.nbytes, sizes)),
                    step,
                    end,
                    node.op,
                    node.scope,
                    node.spans[0] if node.spans else None,
                )
            )
        extra = _workspace(node, target, sizes)
        if extra:
            span = node.spans[0] if node.spans else None
            what = f"workspace of {node.attributes.get('form') or node.op}"
            made.append(Buffer(what, (), extra, step, step, node.op, node.scope, span))
    return made


def aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _last_reads(graph: Graph, order: list[Node]) -> dict[Value, int]:
    last: dict[Value, int] = {}
    for step, node in enumerate(order):
        last.update((operand, step) for operand in node.operands if operand is not None)
    last.update((output, len(order) - 1) for output in graph.outputs.values())
    return last


def _shared(
    graph: Graph,
    node: Node,
    result: Value,
    home: Mapping[Value, int],
    made: list[Buffer],
    step: int,
) -> int | None:
    """The buffer of the operand that a result is put into; None where it gets its own.

    An output of the model is always allocated for the caller.
    """
    operand = node.operands[0] if node.operands else None
    if operand is None or operand not in home or graph.is_output(result):
        return None
    at = home[operand]
    if node.op in VIEWS:
        return at
    if node.op in IN_PLACE and made[at].last == step and operand.type == result.type:
        # `last` covers every view of the buffer that is read later.
        return None if any(graph.is_output(each) for each in node.operands if each) else at
    return None


def _is_view_of_given(graph: Graph, node: Node, result: Value, home: Mapping[Value, int]) -> bool:
    """Whether a result lies in an input of the model or in a weight, under another shape."""
    viewed = node.operands[0] if node.op in VIEWS else None
    return viewed is not None and viewed not in home and not graph.is_output(result)


def _workspace(node: Node, target: Target, sizes: Mapping[str, int]) -> int:
    """Bytes that a kernel takes for itself while it runs."""
    if node.op in TEMPORARY:
        return aligned(evaluate(node.result.type.nbytes, sizes))
    x = node.operands[0] if node.operands else None
    if node.op == "quantize_rows" and x is not None:
        # The rows by their scales, still as floats.
        return aligned(evaluate(x.type.nbytes, sizes))
    if node.op == "quantized_linear" and node.operands[1] is not None:
        # The product before its rows are multiplied by their scales.
        return aligned(evaluate(node.result.type.nbytes, sizes))
    if node.op in QUANTIZES_INSIDE and x is not None:
        return aligned(evaluate(x.type.numel, sizes))
    form = target.form(node.op, str(node.attributes.get("form", "")))
    if form is None or form.workspace is None:
        return 0
    symbolic = sizes_of(node)
    known = AttentionSizes(
        *(evaluate(getattr(symbolic, each.name), sizes) for each in fields(symbolic))
    )
    needed = form.workspace(known)
    assert isinstance(needed, int)
    return aligned(needed)
