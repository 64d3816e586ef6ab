"""What is put into lower precision, or left out of it, together.

In: a graph in the forms of its target. Out: groups of its products, each with its place and what
lower precision gains there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...ir.dim import product
from ...passes.form_choice import Sizes
from ...passes.quantize import products

if TYPE_CHECKING:
    from ...ir.graph import Graph
    from ...ir.quantization import QuantizationPlan
    from ...ir.target import Target
    from ...passes.quantize import Product

MOST_GROUPS = 96
"""Products are told apart up to so many; beyond it only whole layers are."""

SPEED_UPS = {"int8": 2.3, "int8-tensor": 2.9}
"""How often faster than float32 a large product is."""
SPARED_BYTES = {"int8-weights": 3.0, "int4-weights": 3.4}
"""Bytes of each weight that need not be read: what counts where one row at a time is decoded."""
BYTES_PER_MICROSECOND = 2e4
UNMEASURED = 2e5
"""Additions and multiplications in a microsecond, where the target's table has none."""


@dataclass(frozen=True)
class Group:
    """Products of one input within one layer, e.g. query, key and value; or all of a layer."""

    name: str
    products: tuple[Product, ...]
    microseconds: float
    """What lower precision gains, at batch 1 and the declared maxima."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the weights, by which a plan knows the products."""
        return tuple(each.name for each in self.products)


def groups_of(graph: Graph, plan: QuantizationPlan, target: Target) -> list[Group]:
    """The groups in the graph's order. Products that the plan thinks too small are left out."""
    large = [each for each in products(graph) if each.elements >= plan.least_work]
    found = _grouped(large, lambda each: (each.node.scope, each.x.name))
    if len(found) > MOST_GROUPS:
        found = _grouped(large, lambda each: (each.node.scope.split("/")[0], ""))
    size = Sizes(graph)
    return [
        Group(
            _name([each.name for each in members]),
            tuple(members),
            sum(_gain(each, plan.default, target, size) for each in members),
        )
        for members in found
    ]


def _gain(each: Product, scheme: str, target: Target, size: Sizes) -> float:
    if scheme in SPARED_BYTES:
        return each.elements * SPARED_BYTES[scheme] / BYTES_PER_MICROSECOND
    work = size(2 * product(each.x.type.shape) * each.weight.type.shape[1])
    exact = target.costs.estimate("linear", "gemm", work)
    return (work / UNMEASURED if exact is None else exact) * (1 - 1 / SPEED_UPS[scheme])


def _grouped(
    members: Sequence[Product], key: Callable[[Product], tuple[str, str]]
) -> list[list[Product]]:
    groups: dict[tuple[str, str], list[Product]] = {}
    for each in members:
        groups.setdefault(key(each), []).append(each)
    return list(groups.values())


def _name(paths: Sequence[str]) -> str:
    """The weights' paths in short: `encoder[0]/attention (query, key, value)`."""
    parts = [[part for part in path.split("/") if part not in _LAST] for path in paths]
    if len(parts) == 1:
        return "/".join(parts[0]) or paths[0]
    shared: list[str] = []
    for level in zip(*parts, strict=False):
        if len(set(level)) != 1:
            break
        shared.append(level[0])
    rest = list(dict.fromkeys("/".join(part[len(shared) :]) for part in parts))
    listed = ", ".join(rest) if len(rest) <= 4 else f"{len(paths)} products"
    return f"{'/'.join(shared)} ({listed})".strip()


_LAST = ("kernel", "equalized")
"""Parts of paths that tell nothing."""
