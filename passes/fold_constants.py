"""Moves what depends on no input from running the model to writing it.

In: a graph. Out: the graph with such nodes replaced by constants and weights. Small constants are
computed at once; everything else becomes an expression over its sources, which is evaluated one
tensor at a time while the file is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..ir.dim import SymbolicDim
from ..ir.graph import Graph
from ..ir.node import Attribute, Node
from ..ir.parameter import Computed, Literal, ParameterSource
from ..ir.type import TensorType
from ..ir.value import Kind, Value
from .common_subexpressions import RANDOM
from .manager import Pass
from .remarks import Remarks
from .rewrite import Worklist, substitute

AT_ONCE = 1 << 16
"""Bytes of result and operands up to which a constant is computed at once."""

SMALL = 1 << 12
"""Bytes of a result that may be kept in the file however small its operands are."""

TABLE = 32 << 20
"""Bytes of a table of sines that are worth keeping in the file rather than computing each run."""

GROWTH = 2
"""How much larger than its operands a folded result may be; a causal mask of n positions would
put n² bytes into the file, an expanded vector any number."""

_LONGEST_EXPRESSION = 64


@dataclass(frozen=True)
class FoldConstants(Pass):
    """`%t = transpose(%weight)` → a weight `transpose(%weight)`; `positions` of an axis of known
    length → a constant.
    """

    name: ClassVar[str] = "fold_constants"

    def run(self, graph: Graph, remarks: Remarks) -> int:
        worklist = Worklist(graph)
        changes = 0
        for node in worklist:
            sources = _folded(graph, node)
            if sources is None:
                continue
            kind = _kind(node.operands)
            results = [
                graph.add_source(_wish(node, result), source, kind)
                for result, source in zip(node.results, sources, strict=True)
            ]
            for result in node.results:
                for user in graph.users(result):
                    worklist.push(user)
            substitute(graph, node, results)
            changes += 1
        return changes


def _folded(graph: Graph, node: Node) -> list[ParameterSource] | None:
    """The sources that may take the place of a node's results."""
    if node.op == "positions":
        return _positions(node)
    if "." in node.op or node.regions or node.op in RANDOM:
        return None
    operands = [graph.source(operand) for operand in node.operands]
    given = [each for each in node.operands if each is not None]
    if not given or any(graph.source(each) is None for each in given):
        return None
    if any(_is_symbolic(attribute) for attribute in node.attributes.values()):
        return None
    types = [result.type for result in node.results]
    size = sum(_nbytes(type) for type in types)
    operand_size = sum(_nbytes(each.type) for each in given)
    if size > (TABLE if node.op == "sinusoid" else max(SMALL, GROWTH * operand_size)):
        return None
    if sum(_length(each) for each in operands) >= _LONGEST_EXPRESSION:
        return None
    found: list[ParameterSource] = [
        Computed(type, node.op, dict(node.attributes), tuple(operands), index)
        for index, type in enumerate(types)
    ]
    if size + operand_size <= AT_ONCE and all(each is None or _at_hand(each) for each in operands):
        return [_literal(each) for each in found]
    return found


def _positions(node: Node) -> list[ParameterSource] | None:
    """Positions read the length of an axis only, so its content need not be known."""
    import numpy as np

    (count,) = node.result.type.shape
    offset = node.attributes["offset"]
    assert isinstance(offset, int)
    if not isinstance(count, int) or _nbytes(node.result.type) > TABLE:
        return None
    return [Literal(node.result.type, np.arange(count, dtype=np.int64) + offset)]


def _at_hand(source: ParameterSource) -> bool:
    return isinstance(source, Literal)


def _literal(source: ParameterSource) -> Literal:
    from ..ir.evaluate import evaluate

    return Literal(source.type, evaluate(source))


def _length(source: ParameterSource | None) -> int:
    """How many ops an expression holds, each counted as often as it would be evaluated."""
    if not isinstance(source, Computed):
        return 0
    return 1 + sum(_length(operand) for operand in source.operands)


def _is_symbolic(attribute: Attribute) -> bool:
    if isinstance(attribute, tuple):
        return any(_is_symbolic(each) for each in attribute)
    return isinstance(attribute, SymbolicDim)


def _nbytes(type: TensorType) -> int:
    size = type.nbytes
    assert isinstance(size, int), f"{type} of a constant is symbolic"
    return size


def _kind(operands: Sequence[Value | None]) -> Kind:
    """What depends on a weight is a weight, what depends on a statistic alone a statistic."""
    kinds = {operand.kind for operand in operands if operand is not None}
    for kind in (Kind.PARAMETER, Kind.STATE):
        if kind in kinds:
            return kind
    return Kind.CONSTANT


def _wish(node: Node, result: Value) -> str:
    """A name: a changed weight is called after the weight, a constant after its node."""
    weights = [o for o in node.operands if o is not None and o.kind is not Kind.CONSTANT]
    if node.op == "positions" or not weights:
        return result.name
    return f"{weights[0].name}/{node.op}"
