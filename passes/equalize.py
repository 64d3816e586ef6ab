"""Evens out the columns that products read, so that one scale fits them all.

In: a graph, and factors for some norms and attentions. Out: the same function of the inputs, with
the columns in front of products divided and the rows of their weights multiplied. See `Equalize`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.parameter import Computed, Literal
from ..ir.type import TensorType
from ..ir.value import Value
from .manager import Pass
from .products import Products, products_of
from .remarks import Remarks

Array = np.ndarray[Any, Any]

NORMS = ("layer_norm", "rms_norm", "skip_layer_norm")
_GAIN = {"layer_norm": 1, "rms_norm": 1, "skip_layer_norm": 2}


@dataclass(frozen=True, slots=True)
class Place:
    """Where columns can be scaled: weights in front, products behind, and nothing else between.

    `key` is the path of the norm's gain or of the attention's value weight. A factor divides one
    column of `divided`; `repeats` says how often the block of each head of the values is read.
    `shared` norms are read by others too, a residual connection most often: they need a second
    norm for the products, which costs about 1 % of what those do.
    """

    key: str
    node: Node
    divided: tuple[Value, ...]
    readers: tuple[Products, ...]
    columns: int
    heads: int = 1
    repeats: int = 1
    shared: bool = False

    def for_rows(self, factors: Array) -> Array:
        """The factors of the rows of the weights behind: query heads share key heads."""
        blocks = factors.reshape(self.heads, -1)
        return np.repeat(blocks, self.repeats, axis=0).reshape(-1)


@dataclass(frozen=True, eq=False)
class Equalize(Pass):
    """Scales the columns of norms and of attended values that only products read.

    Before, with factors f for %gain:

        %n = layer_norm(%x, %gain, %bias) {epsilon = 1e-05}
        %y = linear(%n, %weight, %b)

    After:

        %n = layer_norm(%x, %gain / f, %bias / f) {epsilon = 1e-05}
        %y = linear(%n, f · %weight, %b)

    Where others read %n too, they keep it, and the products get a norm of their own. It is done
    alike from the weight and bias of an attention's values to the product behind it, since an
    attention mixes rows and no columns. Xiao et al., SmoothQuant (2023), which does it for norms.

    `factors` are by `Place.key`. They must be powers of two: then nothing is rounded otherwise than
    before, in any precision, short of overflow.
    """

    name: ClassVar[str] = "equalize"
    factors: Mapping[str, Array] = field(default_factory=dict)

    def run(self, graph: Graph, remarks: Remarks) -> int:
        made: set[Value] = set()
        changes = 0
        for node in graph.nodes():
            current = graph.producer(node.results[0])
            assert current is not None
            found = place_at(graph, current)
            if isinstance(found, str):
                if self.factors:
                    remarks.missed(self.name, found, [current])
                continue
            if found is None or found.key not in self.factors:
                continue
            factors = np.asarray(self.factors[found.key], np.float64)
            _check(found, factors)
            nodes = [current, *(reader.node for reader in found.readers)]
            if found.shared:
                found = _own_norm(graph, found)
            _divide(graph, found, factors, made)
            for reader in found.readers:
                _multiply(graph, reader, found.for_rows(factors), made)
            remarks.note(self.name, "columns are scaled to even out what is quantized", nodes)
            changes += 1
        return changes


def places(graph: Graph) -> list[Place]:
    """Every place that factors may be given for, in the graph's order."""
    found = [place_at(graph, node) for node in graph.nodes()]
    return [each for each in found if isinstance(each, Place)]


def place_at(graph: Graph, node: Node) -> Place | str | None:
    """The node as a place; the reason why it is none; None for what nobody takes for one."""
    if node.op in NORMS:
        return _norm(graph, node)
    return _attention(graph, node) if node.op == "attention" else None


def _norm(graph: Graph, node: Node) -> Place | str | None:
    readers = _readers(graph, node.results[0])
    if not readers:
        return None
    gain, *bias = node.operands[_GAIN[node.op] :]
    if gain is None:
        return "the norm has no gain that could take the factors"
    divided = tuple(each for each in (gain, *bias) if each is not None)
    if any(graph.source(each) is None for each in divided):
        return "gain or bias of the norm is computed and not a weight"
    if node.attributes["axis"] not in (-1, node.results[0].type.rank - 1):
        return "the norm is not over the last axis"
    shared = not _is_read_by(graph, node.results[0], readers)
    return Place(gain.name, node, divided, tuple(readers), _width(node.results[0]), shared=shared)


def _attention(graph: Graph, node: Node) -> Place | str | None:
    readers = _readers(graph, node.results[0])
    value = node.operands[2]
    assert value is not None
    source = products_of(graph, graph.producer(value))
    if not readers or source is None:
        return None
    if not graph.has_one_use(value):
        return "the values are read by others than the attention"
    if not _is_read_by(graph, node.results[0], readers):
        return "what the attention gives is read by others than products"
    which = source.node.results.index(value)
    weight, bias = source.weights[which], source.biases[which]
    divided = (weight,) if bias is None else (weight, bias)
    heads = _attribute(node, "heads")
    kv_heads = _attribute(node, "kv_heads") or heads
    columns = _width(value)
    return Place(weight.name, node, divided, tuple(readers), columns, kv_heads, heads // kv_heads)


def _readers(graph: Graph, value: Value) -> list[Products]:
    """The products among the readers."""
    found = (products_of(graph, user) for user in graph.users(value))
    return [each for each in found if each is not None and each.x is value]


def _is_read_by(graph: Graph, value: Value, readers: Sequence[Products]) -> bool:
    """Whether these products are all that reads the value."""
    return not graph.is_output(value) and len(readers) == len(graph.uses(value))


def _own_norm(graph: Graph, place: Place) -> Place:
    """The same place with a norm that only its products read."""
    node = place.node
    emit = Emitter.like(graph, node)
    is_sum = node.op == "skip_layer_norm"
    op = "layer_norm" if is_sum else node.op
    x = node.results[1] if is_sum else node.operands[0]
    weights = node.operands[_GAIN[node.op] :]
    axis, epsilon = node.attributes["axis"], node.attributes["epsilon"]
    own = emit(op, x, *weights, axis=axis, epsilon=epsilon)
    for reader in place.readers:
        current = graph.producer(reader.node.results[0])
        assert current is not None
        graph.update(current, operands=(own, *current.operands[1:]))
    made = graph.producer(own)
    assert made is not None
    readers = tuple(_readers(graph, own))
    return replace(place, node=made, readers=readers, shared=False)


def _width(value: Value) -> int:
    width = value.type.shape[-1]
    assert isinstance(width, int), f"{value} stands in front of a weight"
    return width


def _attribute(node: Node, name: str) -> int:
    number = node.attributes[name]
    assert isinstance(number, int)
    return number


def _check(place: Place, factors: Array) -> None:
    if factors.shape != (place.columns,):
        raise ValueError(f"{place.key} needs {place.columns} factors, not {factors.shape}")
    if not (np.isfinite(factors) & (factors > 0)).all() or (np.frexp(factors)[0] != 0.5).any():
        raise ValueError(f"factors of {place.key} are not powers of two")


def _divide(graph: Graph, place: Place, factors: Array, made: set[Value]) -> None:
    for value in place.divided:
        # A bias or gain is a vector, a weight [inputs, columns]: both end in the columns.
        _scale(graph, value, "div", factors, _owner(graph, place, value), made)


def _owner(graph: Graph, place: Place, value: Value) -> Node:
    """The node that reads `value` for the place."""
    if place.node.op in NORMS:
        return place.node
    source = graph.producer(place.node.operands[2])
    assert source is not None
    assert value in source.operands
    return source


def _multiply(graph: Graph, reader: Products, factors: Array, made: set[Value]) -> None:
    for weight in reader.weights:
        _scale(graph, weight, "mul", factors.reshape(-1, 1), reader.node, made)


def _scale(
    graph: Graph, value: Value, op: str, factors: Array, reader: Node, made: set[Value]
) -> None:
    """Lets `reader` read the weight times or through the factors.

    A weight that others read too stays as it is for them.
    """
    node = graph.producer(reader.results[0])
    assert node is not None
    source = graph.source(value)
    assert source is not None
    array = factors.astype(value.type.dtype.numpy)
    literal = Literal(TensorType(value.type.dtype, tuple(map(int, array.shape))), array)
    scaled = Computed(value.type, op, {}, (source, literal))
    if value in made:
        graph.set_source(value, scaled)
        return
    new = graph.add_source(f"{value.name}/equalized", scaled, value.kind)
    made.add(new)
    operands = tuple(new if operand is value else operand for operand in node.operands)
    graph.update(node, operands=operands)
