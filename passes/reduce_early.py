"""Takes means over positions before the linear maps in front of them.

In: a mean over the positions of a sequence or an image, padding left out or not, of products with
weights and sums. Out: the same products on one row each. See `ReduceEarly`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..ir.dim import product
from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.value import Value
from .layout import reshaped
from .matching import scalar
from .rewrite import Match, Rewrite

NARROWEST = 16
"""Columns from which a product was measured to cost more than adding up what it reads."""
_LOOKED_THROUGH = 16
"""How many nodes are looked at for the reason of a near miss."""


@dataclass(frozen=True)
class Masked:
    """How a mean leaves padding out: `reduce_sum(where(mask, x, zero)) / divisor`."""

    quotient: Node
    where: Node
    mask: Value
    zero: Value
    divisor: Value


@dataclass(frozen=True)
class Pooling:
    """A mean over positions; `x` is what it is taken of."""

    reduction: Node
    x: Value
    axes: tuple[int, ...]
    masked: Masked | None = None

    @property
    def keepdims(self) -> bool:
        return bool(self.reduction.attributes["keepdims"])

    @property
    def nodes(self) -> tuple[Node, ...]:
        masked = self.masked
        if masked is None:
            return (self.reduction,)
        return (masked.quotient, self.reduction, masked.where)

    @property
    def rows(self) -> object:
        """How many rows become one."""
        return product([self.x.type.shape[axis] for axis in self.axes])

    def axes_of(self, value: Value) -> tuple[int, ...]:
        """Which axes of an operand that broadcasts to x are reduced."""
        missing = self.x.type.rank - value.type.rank
        return tuple(axis - missing for axis in self.axes if axis >= missing)

    def varies(self, value: Value) -> bool:
        """Whether an operand is not the same for all positions."""
        return any(value.type.shape[axis] != 1 for axis in self.axes_of(value))


@dataclass(frozen=True)
class ReduceEarlyMatch(Match):
    pooling: Pooling
    opened: tuple[Node, ...]
    """The sums and products that move behind the mean, users before producers."""
    reason: str | None


@dataclass(frozen=True)
class ReduceEarly(Rewrite[ReduceEarlyMatch]):
    """`reduce_mean(add(%x, linear(%h, %weight, %bias)))` →
    `add(reduce_mean(%x), linear(reduce_mean(%h), %weight, %bias))`.

    With `mean(%y) = div(reduce_sum(where(%mask, %y, 0)), maximum(%count, 1))` in place of a mean:
    `add(mean(%x), add(linear(mean(%h), %weight), mul(%some, %bias)))`, where
    `%some = div(%count, maximum(%count, 1))` is 1, or 0 where nothing counts. Means, not sums, go
    into the product: a sum may be too large for float16.
    """

    name: ClassVar[str] = "reduce_early"
    fuses: ClassVar[bool] = False
    roots: ClassVar[tuple[str, ...]] = ("reduce_mean", "div")

    def match(self, graph: Graph, node: Node) -> ReduceEarlyMatch | None:
        pooling = _pooling(graph, node)
        if pooling is None:
            return None
        opened, reason = _opened(graph, pooling, strict=True), None
        if not opened:
            opened = _opened(graph, pooling, strict=False)
            obstacles = (_obstacle(graph, each) for each in opened)
            reason = next((each for each in obstacles if each is not None), None)
        if not opened:
            return None
        return ReduceEarlyMatch((*pooling.nodes, *opened), pooling, tuple(opened), reason)

    def check(self, graph: Graph, match: ReduceEarlyMatch) -> str | None:
        pooling = match.pooling
        if pooling.rows == 1:
            return "the mean is over one position: there is nothing to save"
        if pooling.masked is not None:
            return _obstacle_of_mask(graph, pooling, pooling.masked) or match.reason
        return match.reason

    def rewrite(self, graph: Graph, match: ReduceEarlyMatch, emit: Emitter) -> Sequence[Value]:
        reductions = _Reductions(graph, match.pooling)
        for node in reversed(match.opened):
            reductions.move(node)
        return [reductions.of(match.pooling.x)]

    def describe(self, match: ReduceEarlyMatch) -> str:
        count = sum(node.op == "linear" for node in match.opened)
        what = "the product" if count == 1 else f"{count} products"
        return f"the mean comes before {what}: all but one of {match.pooling.rows} rows are saved"


def _pooling(graph: Graph, node: Node) -> Pooling | None:
    """The node as a mean over positions; the last axis holds the features."""
    reduction = node if node.op == "reduce_mean" else graph.producer(node.operands[0])
    if reduction is None or reduction.op not in ("reduce_mean", "reduce_sum"):
        return None
    x = reduction.operands[0]
    given = reduction.attributes["axes"]
    assert x is not None
    assert isinstance(given, tuple)
    rank = x.type.rank
    axes = tuple(sorted(axis % rank for axis in given if isinstance(axis, int)))
    if not axes or rank - 1 in axes:
        return None
    if node is reduction:
        return Pooling(node, x, axes)
    if reduction.op != "reduce_sum" or node.result.type != reduction.result.type:
        return None
    where = graph.producer(x)
    if where is None or where.op != "where" or axes != (1,) or rank != 3:
        return None
    mask, then, zero = where.operands
    divisor = node.operands[1]
    if mask is None or then is None or zero is None or divisor is None:
        return None
    if then.type != x.type or scalar(graph, zero) != 0:
        return None
    return Pooling(reduction, then, axes, Masked(node, where, mask, zero, divisor))


def _obstacle_of_mask(graph: Graph, pooling: Pooling, masked: Masked) -> str | None:
    """Why a mean that leaves padding out has to stay where it is."""
    shape = masked.mask.type.shape
    if len(shape) != 3 or shape[2] != 1:
        return "the mask tells features apart, which the product mixes"
    if shape[1] != pooling.x.type.shape[1]:
        return "the mask does not tell positions apart"
    if masked.divisor.type.rank > 0 and masked.divisor.type.shape[-1] != 1:
        return "what the sum is divided by tells features apart, which the product mixes"
    if not graph.has_one_use(masked.where.result):
        return "what the mask leaves is used elsewhere as well, at its full length"
    if not graph.has_one_use(pooling.reduction.result):
        return "the sum of what counts is used elsewhere as well"
    return None


def _opened(graph: Graph, pooling: Pooling, strict: bool) -> list[Node]:
    """The products that a mean reaches through sums, and those sums; users come first.

    Not `strict`: whatever stands against it.
    """
    found: dict[Value, Node] = {}
    pending = [pooling.x]
    while pending and (strict or len(found) < _LOOKED_THROUGH):
        value = pending.pop(0)
        node = graph.producer(value)
        if node is None or value in found or not _is_linear_map(node, pooling):
            continue
        if strict and _obstacle(graph, node) is not None:
            continue
        found[value] = node
        pending.extend(each for each in _inner(node) if each is not None)
    needed: set[Value] = set()
    for value, node in reversed(found.items()):
        if node.op == "linear" or any(each in needed for each in _inner(node)):
            needed.add(value)
    return [node for value, node in found.items() if value in needed]


def _inner(node: Node) -> tuple[Value | None, ...]:
    """The operands that the mean moves on to."""
    return node.operands[:1] if node.op == "linear" else node.operands


def _is_linear_map(node: Node, pooling: Pooling) -> bool:
    """Whether a node is a sum or a product, with one weight, that has all the positions."""
    if node.op not in ("add", "linear"):
        return False
    shape, whole = node.result.type.shape, pooling.x.type.shape
    return len(shape) == len(whole) and all(shape[axis] == whole[axis] for axis in pooling.axes)


def _obstacle(graph: Graph, node: Node) -> str | None:
    """Why a sum or a product has to stay in front of the mean."""
    what = "product" if node.op == "linear" else "sum"
    if not graph.has_one_use(node.result):
        return f"the {what} is used elsewhere as well, at its full length"
    columns = node.result.type.shape[-1]
    if node.op == "linear" and isinstance(columns, int) and columns < NARROWEST:
        return f"the product has {columns} columns: adding up what it reads costs more"
    return None


class _Reductions:
    """The mean of each value in front of a pooling."""

    def __init__(self, graph: Graph, pooling: Pooling) -> None:
        self._graph = graph
        self._pooling = pooling
        self._reduced: dict[Value, Value] = {}
        self._emit = Emitter.like(graph, *pooling.nodes)
        self._some: Value | None = None

    def move(self, node: Node) -> None:
        """Computes a sum or a product on means."""
        emit = Emitter.like(self._graph, node)
        if node.op == "add":
            self._reduced[node.result] = emit("add", *(self.of(each) for each in node.operands))
            return
        x, weight, bias = node.operands
        masked = self._pooling.masked
        result = emit("linear", self.of(x), weight, bias if masked is None else None)
        if masked is not None and bias is not None:
            result = emit("add", result, emit("mul", self._where_some(masked), bias))
        self._reduced[node.result] = result

    def of(self, value: Value | None) -> Value:
        """The mean of a value; each is written once."""
        assert value is not None
        if value not in self._reduced:
            self._reduced[value] = self._mean(value)
        return self._reduced[value]

    def _mean(self, value: Value) -> Value:
        pooling, emit = self._pooling, self._emit
        axes, masked = pooling.axes_of(value), pooling.masked
        if not pooling.varies(value):
            if axes and not pooling.keepdims:
                shape = tuple(d for axis, d in enumerate(value.type.shape) if axis not in axes)
                value = reshaped(emit, value, shape)
            return value if masked is None else emit("mul", self._where_some(masked), value)
        if masked is None:
            return emit("reduce_mean", value, axes=axes, keepdims=pooling.keepdims)
        counted = emit("where", masked.mask, value, masked.zero)
        total = emit("reduce_sum", counted, axes=pooling.axes, keepdims=pooling.keepdims)
        return emit("div", total, masked.divisor)

    def _where_some(self, masked: Masked) -> Value:
        """The mean of ones: 1 where any position counts, 0 elsewhere; [B, 1] or [B, 1, 1]."""
        if self._some is None:
            emit = self._emit
            batch, length = masked.mask.type.shape[:2]
            # Written as the pooling writes what it divides by, so that the two become one.
            mask = reshaped(emit, masked.mask, (batch, length))
            ones = emit("cast", mask, to=self._pooling.x.type.dtype)
            count = emit("reduce_sum", ones, axes=(1,), keepdims=True)
            if self._pooling.keepdims:
                count = emit("reshape", count, shape=(batch, 1, 1))
            self._some = emit("div", count, masked.divisor)
        return self._some
