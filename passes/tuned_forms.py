"""Forms that were measured for the very sizes of a graph, and how a node is known again.

In: nodes, and what measuring found. Out: `TunedForms`, which `select_forms` follows in place of the
target's cost table, and `signature_of`, the key under which it looks a node up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..ir.dim import Dim, Symbol, SymbolicDim, evaluate
from ..ir.node import Attribute, Node
from ..ir.type import TensorType
from ..ir.value import Kind, Value


@dataclass(frozen=True, slots=True)
class Measured:
    """The form to take for all nodes of one signature, and what each form took."""

    form: str
    microseconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class TunedForms:
    """What measuring decided for one graph on one target."""

    sizes: Mapping[str, int] = field(default_factory=dict)
    """The size of each symbol that it was measured at."""
    choices: Mapping[str, Measured] = field(default_factory=dict)
    """By signature. What is not in it goes by the cost table."""
    without: frozenset[str] = frozenset()
    """Optional passes (`forms_pipeline.OPTIONAL_PASSES`) that are left out."""

    def choice(self, node: Node) -> Measured | None:
        """What was measured for a node; None where nothing was."""
        return self.choices.get(signature_of(node, self.sizes)) if self.choices else None


def signature_of(node: Node, sizes: Mapping[str, int]) -> str:
    """Op, operand types at the given sizes, and attributes: equal for nodes that cost the same.

        linear(f32[128, 768], f32[768, 3072] weight, f32[3072] weight)
        attention(f32[1, 128, 768], …, _, _, _) {causal = False, heads = 12, …}

    A dimension of which a symbol has no size stands there as its formula.
    """
    operands = ", ".join(_operand(value, sizes) for value in node.operands)
    attributes = ", ".join(
        f"{name} = {_attribute(value, sizes)}"
        for name, value in sorted(node.attributes.items())
        if name != "form"
    )
    return f"{node.op}({operands})" + (f" {{{attributes}}}" if attributes else "")


def concrete(dim: Dim, sizes: Mapping[str, int]) -> Dim:
    """The dimension with every symbol at its size; as it is where one has none. What the data
    decides is taken as large as it can be."""
    if isinstance(dim, int) or not all(_is_sized(each, sizes) for each in dim.symbols()):
        return dim
    return evaluate(dim, sizes)


def _is_sized(symbol: Symbol, sizes: Mapping[str, int]) -> bool:
    if symbol.name in sizes or symbol.within is None:
        return symbol.name in sizes
    return isinstance(concrete(symbol.within, sizes), int)


def concrete_type(type: TensorType, sizes: Mapping[str, int]) -> TensorType:
    """The type with every dimension concrete."""
    return type.with_shape(tuple(concrete(dim, sizes) for dim in type.shape))


def _operand(value: Value | None, sizes: Mapping[str, int]) -> str:
    if value is None:
        return "_"
    weight = "" if value.kind is Kind.ACTIVATION else " weight"
    return f"{concrete_type(value.type, sizes)}{weight}"


def _attribute(value: Attribute, sizes: Mapping[str, int]) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(_attribute(each, sizes) for each in value)})"
    return str(concrete(value, sizes)) if isinstance(value, SymbolicDim) else str(value)
