"""Which operations may leave padding out, what that saves and what it costs.

In: a graph and a padding mask [B, S]. Out: the stretches of row-wise operations that no output
needs at padding positions, their work and the copies that packing them takes, or the reason why
there are none.
"""

from __future__ import annotations

from ..ir.dim import product
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.value import Value
from .flatten_rows import POINTWISE, PRODUCTS
from .padding_readers import PaddingReaders, is_by_position, row_operands


def stretches(graph: Graph, mask: Value) -> list[Node]:
    """The row-wise nodes to be packed: connected, by values [B, S, …], with a product, and of no
    influence on any output where the mask is false."""
    order = graph.nodes()
    lead = mask.type.shape
    unread = PaddingReaders(graph, mask).unread
    group: dict[Value, Value] = {}

    def find(value: Value) -> Value:
        while group.setdefault(value, value) is not value:
            group[value] = group[group[value]]
            value = group[value]
        return value

    row_wise = []
    for node in order:
        rows = row_operands(node, lead)
        if not rows or any(result not in unread for result in node.results):
            continue
        row_wise.append(node)
        first = find(node.results[0])
        together = [node.operands[index] for index in rows if node.op != "gather"]
        for value in (*node.results[1:], *together):
            if value is not None:
                group[find(value)] = first
                first = find(first)
    gains = {find(node.results[0]) for node in row_wise if node.op in PRODUCTS}
    return [node for node in row_wise if find(node.results[0]) in gains]


def work_of_row(moved: list[Node]) -> int:
    """Multiplications that one row needs: the elements of the weights."""
    weights = [
        each.type.numel
        for node in moved
        if node.op in PRODUCTS
        for each in node.operands
        if each is not None and each.type.rank == 2
    ]
    return sum(each for each in weights if isinstance(each, int))


def copied_numbers(graph: Graph, moved: list[Node], mask: Value) -> int:
    """Numbers of one row that go into the packed stretches or come out of them."""
    lead = mask.type.shape
    inside = set(moved)
    made = {result for node in moved for result in node.results}
    given = {
        each: None
        for node in moved
        for index, each in enumerate(node.operands)
        if each is not None and each not in made
        if index in row_operands(node, lead)
        or (node.op in POINTWISE and is_by_position(each, node.results[0].type.rank, lead))
    }
    taken = [
        result
        for node in moved
        for result in node.results
        if any(user not in inside for user in graph.users(result))
    ]
    widths = [product(each.type.shape[-1:] if each.type.rank > 2 else (1,)) for each in given]
    widths += [product(each.type.shape[2:]) for each in taken]
    return sum(each for each in widths if isinstance(each, int))


def why_nothing_moves(graph: Graph, mask: Value) -> str | None:
    """The first reason why the rows at padding positions have to be computed; None where no product
    has such rows."""
    lead = mask.type.shape
    readers = PaddingReaders(graph, mask)
    order = graph.nodes()
    products = [node for node in order if node.op in PRODUCTS and row_operands(node, lead)]
    for node in products:
        for result in node.results:
            if (last := readers.last_reader(result)) is not None:
                return last
    return None
