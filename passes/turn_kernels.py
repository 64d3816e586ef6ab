"""Flattens images in the order of their convolutions, the weights behind in that order too.

In: a graph where what has channels first is transposed before it is flattened for a product. Out:
the same without the transpose, the product's weight with its rows in another order. See
`TurnKernels`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..ir.dim import product
from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.parameter import ParameterSource
from ..ir.value import Value
from .layout import operand_of, permutation_of
from .rewrite import Match, Rewrite
from .weight_expressions import applied


@dataclass(frozen=True)
class FlattenMatch(Match):
    transpose: Node
    flatten: Node
    readers: tuple[Node, ...]


@dataclass(frozen=True)
class TurnKernels(Rewrite[FlattenMatch]):
    """`linear(reshape(transpose(%x) {permutation = (0, 2, 3, 1)}) {shape = (B, 4096)}, %weight)`
    → `linear(reshape(%x) {shape = (B, 4096)}, %turned)` with `%turned` the rows of %weight in the
    order in which %x [B, 16, 16, 16] has its elements.

    The rows are moved when the file is written. Several products may read the flattened image.
    """

    name: ClassVar[str] = "turn_kernels"
    roots: ClassVar[tuple[str, ...]] = ("reshape",)
    fuses: ClassVar[bool] = False

    def match(self, graph: Graph, node: Node) -> FlattenMatch | None:
        transpose = graph.producer(node.operands[0])
        if transpose is None or transpose.op != "transpose":
            return None
        if permutation_of(transpose)[0] != 0 or not _flattens(node):
            return None
        readers = tuple(graph.users(node.result))
        if not any(reader.op == "linear" for reader in readers):
            return None
        return FlattenMatch((transpose, node, *readers), transpose, node, readers)

    def check(self, graph: Graph, match: FlattenMatch) -> str | None:
        if not graph.has_one_use(match.transpose.result):
            return "the transposed image is used elsewhere as well"
        return _obstacle(graph, match.flatten)

    def rewrite(self, graph: Graph, match: FlattenMatch, emit: Emitter) -> Sequence[Value]:
        order, x = permutation_of(match.transpose), operand_of(match.transpose)
        for reader in match.readers:
            weight = reader.operands[1]
            source = graph.source(weight)
            assert weight is not None
            assert source is not None
            turned = emit.parameter(f"{weight.name}/turned", _turned(source, x, order), weight.kind)
            graph.update(reader, operands=(reader.operands[0], turned, *reader.operands[2:]))
        return [emit("reshape", x, shape=match.flatten.result.type.shape)]

    def describe(self, match: FlattenMatch) -> str:
        return "the rows of the weights are in the order of the convolution in front"


def takes_any_order(graph: Graph, node: Node) -> bool:
    """Whether a node flattens an image for products alone, whose weights can be turned."""
    return node.op == "reshape" and _flattens(node) and _obstacle(graph, node) is None


def _flattens(node: Node) -> bool:
    """Whether a reshape makes one axis of all behind the batch, whose lengths are known."""
    batch, *rest = operand_of(node).type.shape
    known = all(isinstance(dim, int) for dim in rest)
    return known and len(rest) > 1 and node.result.type.shape == (batch, product(rest))


def _obstacle(graph: Graph, flatten: Node) -> str | None:
    """Why what reads a flattened image wants its elements in this order."""
    flat = flatten.result
    readers = graph.users(flat)
    if graph.is_output(flat) or any(
        reader.op != "linear" or reader.operands[0] is not flat for reader in readers
    ):
        return "the flattened image is read by more than products"
    for reader in readers:
        weight = reader.operands[1]
        if weight is None or graph.source(weight) is None:
            return "the weights of the product are computed when the model runs"
        if not graph.has_one_use(weight):
            return "the weights of the product are used elsewhere as well"
    return None


def _turned(source: ParameterSource, x: Value, order: tuple[int, ...]) -> ParameterSource:
    """The rows, which stand in the order of the transposed image, in that of x."""
    rows, columns = source.type.shape
    apart = [x.type.shape[axis] for axis in order[1:]]
    back = tuple(order[1:].index(axis) for axis in range(1, len(order)))
    cut = applied("reshape", source, shape=(*apart, columns))
    moved = applied("transpose", cut, permutation=(*back, len(back)))
    return applied("reshape", moved, shape=(rows, columns))
