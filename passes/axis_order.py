"""What becomes of a node when the axes of what it reads stand in another order.

In: a node and a permutation. Out: which operands take the new order, the attributes of the node
that computes the same there, and whether its results have the new order too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from ..ir.node import Attribute, Node
from ..ir.value import Value

ELEMENTWISE = frozenset(
    {
        *("neg", "abs", "exp", "log", "sqrt", "reciprocal", "tanh", "erf", "sigmoid", "relu"),
        *("softplus", "softsign", "selu", "mish", "floor", "elu", "leaky_relu", "hard_sigmoid"),
        *("add", "sub", "mul", "div", "pow", "maximum", "minimum", "gelu", "silu"),
        *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
        *("logical_and", "logical_or", "logical_not", "where", "cast", "dropout"),
        "gaussian_noise",
    }
)
"""Ops whose operands broadcast and that do the same to each element."""

ALONG = frozenset({"concat", "slice", "split", "reverse", "batch_norm", "group_norm"})
"""Ops with one attribute `axis`. Kernels that want theirs last, as a layer norm's, are none."""

EACH_AXIS = {"pad": "pads", "resize": "scales", "expand": "shape"}
"""Ops with an attribute of one entry for each axis."""

REDUCTIONS = frozenset({"reduce_sum", "reduce_mean", "reduce_max", "reduce_min"})

VECTORS = frozenset({"batch_norm", "group_norm"})
"""Ops whose operands behind the first are vectors along their axis, whatever its place."""


@dataclass(frozen=True, slots=True)
class Reordered:
    """How a node computes in another order of axes; `moves` says whether its results move too."""

    attributes: dict[str, Attribute]
    moves: bool


def is_flexible(node: Node) -> bool:
    """Whether a node computes as well in any order of axes."""
    x = node.operands[0] if node.operands else None
    if x is None:
        return False
    if node.op == "expand":
        return x.type.rank == node.result.type.rank
    return (
        node.op in ELEMENTWISE or node.op in ALONG or node.op in EACH_AXIS or node.op in REDUCTIONS
    )


def rank_of(node: Node) -> int:
    """The number of axes that a flexible node works on."""
    if node.op in ELEMENTWISE:
        return node.results[0].type.rank
    x = node.operands[0]
    assert x is not None
    return x.type.rank


def moved_operands(node: Node) -> list[Value]:
    """The operands of a flexible node that would take the new order."""
    given = node.operands[:1] if node.op in VECTORS else node.operands
    return [each for each in given if each is not None]


def reordered(node: Node, permutation: tuple[int, ...]) -> Reordered | None:
    """The attributes with axis i of what is read being axis permutation[i] of what was.

    None where a result without its reduced axes would have the others in another order.
    """
    attributes = dict(node.attributes)
    rank = len(permutation)
    if node.op in ALONG:
        attributes["axis"] = permutation.index(cast("int", attributes["axis"]) % rank)
    elif node.op in EACH_AXIS:
        name = EACH_AXIS[node.op]
        entries = cast("tuple[Attribute, ...]", attributes[name])
        attributes[name] = tuple(entries[axis] for axis in permutation)
    elif node.op in REDUCTIONS:
        axes = {axis % rank for axis in cast("tuple[int, ...]", attributes["axes"])}
        attributes["axes"] = tuple(i for i, axis in enumerate(permutation) if axis in axes)
        if not attributes["keepdims"]:
            kept = [axis for axis in permutation if axis not in axes]
            return Reordered(attributes, False) if kept == sorted(kept) else None
    return Reordered(attributes, True)
