"""What patterns ask of a graph: constants, factors, sums, polynomials, each by meaning.

In: a graph and a value. Out: answers, or None where the value is something else. Nothing here
changes a graph.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..ir.dtype import DType
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.parameter import Literal
from ..ir.value import Kind, Value

_EPSILON = {DType.F16: 2.0**-10, DType.BF16: 2.0**-7, DType.F32: 2.0**-23, DType.F64: 2.0**-52}


def scalar(graph: Graph, value: Value | None) -> float | None:
    """The number that a constant of one element holds, whatever its rank.

    A weight is none, though its content may be known: it is there to be trained or replaced.
    """
    if value is None or value.kind is not Kind.CONSTANT or value.type.numel != 1:
        return None
    source = graph.source(value)
    return float(source.array.reshape(())) if isinstance(source, Literal) else None


def close(number: float, target: float, dtype: DType) -> bool:
    """Whether a constant is the target, to the few last bits that rounding may have cost."""
    return abs(number - target) <= 4 * _EPSILON.get(dtype, 0.0) * abs(target)


def operand_pairs(node: Node) -> Iterator[tuple[Value, Value]]:
    """The two operands of a commutative node, in both orders."""
    a, b = node.operands
    assert a is not None
    assert b is not None
    yield a, b
    yield b, a


def times_scalar(graph: Graph, value: Value) -> tuple[Value, float] | None:
    """(x, c) where the value is x · c, written as a product or as a quotient."""
    node = graph.producer(value)
    if node is None or node.op not in ("mul", "div"):
        return None
    pairs = operand_pairs(node) if node.op == "mul" else iter([node.operands])
    for x, c in pairs:
        number = scalar(graph, c)
        if x is not None and number is not None and x.type == value.type:
            if node.op == "mul":
                return x, number
            return (x, 1.0 / number) if number else None
    return None


def plus_vector(graph: Graph, node: Node) -> tuple[Value, Value] | None:
    """(x, b) where an add node is x + b and b a vector along the last axis of x."""
    if node.op != "add":
        return None
    for x, bias in operand_pairs(node):
        shape = bias.type.shape
        if (
            x.type == node.result.type
            and shape
            and shape[-1] == x.type.shape[-1]
            and bias.type.numel == shape[-1]
            and graph.source(bias) is not None
        ):
            return x, bias
    return None


def factors(graph: Graph, node: Node, limit: int = 6) -> tuple[float, list[Value], list[Node]]:
    """A product as (constant, other factors, nodes), looking into factors that only it reads.

    More than `limit` factors are left as they are: no pattern has so many.
    """
    constant = 1.0
    leaves: list[Value] = []
    nodes: list[Node] = []
    pending: list[tuple[Value, Node | None]] = [(node.result, node)]
    while pending:
        value, inner = pending.pop(0)
        number = scalar(graph, value)
        if number is not None:
            constant *= number
            continue
        if inner is None or len(pending) + len(leaves) >= limit or inner.op not in ("mul", "div"):
            leaves.append(value)
            continue
        a, b = inner.operands
        assert a is not None
        assert b is not None
        if inner.op == "div":
            number = scalar(graph, b)
            if not number:
                leaves.append(value)
                continue
            constant /= number
            pending.append((a, _only_read_here(graph, a)))
        else:
            pending.extend((each, _only_read_here(graph, each)) for each in (a, b))
        nodes.append(inner)
    return constant, leaves, nodes


def _only_read_here(graph: Graph, value: Value) -> Node | None:
    return graph.producer(value) if graph.has_one_use(value) else None


Coefficients = dict[int, float]
"""A polynomial: the coefficient of each power that occurs."""


def polynomial(
    graph: Graph, value: Value, variable: Value, depth: int = 8
) -> tuple[Coefficients, list[Node]] | None:
    """The value as a polynomial in `variable`, with the nodes that compute it; None if it is none.

    So x + 0.044715·x³ is found however its sums, products and powers are written.
    """
    if value is variable:
        return {1: 1.0}, []
    number = scalar(graph, value)
    if number is not None:
        return {0: number}, []
    node = graph.producer(value)
    if node is None or depth == 0 or node.op not in ("add", "sub", "mul", "div", "pow", "neg"):
        return None
    parts: list[Coefficients] = []
    nodes: list[Node] = [node]
    for operand in node.operands:
        assert operand is not None
        found = polynomial(graph, operand, variable, depth - 1)
        if found is None:
            return None
        parts.append(found[0])
        nodes.extend(found[1])
    result = _combine(node.op, parts)
    return None if result is None else (result, nodes)


def _combine(op: str, parts: list[Coefficients]) -> Coefficients | None:
    if op == "neg":
        return {power: -coefficient for power, coefficient in parts[0].items()}
    a, b = parts
    if op in ("add", "sub"):
        sign = 1.0 if op == "add" else -1.0
        powers = sorted({*a, *b})
        return {power: a.get(power, 0.0) + sign * b.get(power, 0.0) for power in powers}
    if op == "mul":
        return _product(a, b)
    if set(b) != {0}:
        return None
    number = b[0]
    if op == "div":
        return {power: coefficient / number for power, coefficient in a.items()} if number else None
    if number not in (1.0, 2.0, 3.0):
        return None
    result = a
    for _ in range(int(number) - 1):
        result = _product(result, a)
    return result


def _product(a: Coefficients, b: Coefficients) -> Coefficients:
    result: Coefficients = {}
    for i, left in a.items():
        for j, right in b.items():
            result[i + j] = result.get(i + j, 0.0) + left * right
    return result
