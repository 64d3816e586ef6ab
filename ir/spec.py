"""What an op is: operands, attributes, result types, meaning.

In: types. Out: `OpSpec` and the one registry of them. `ir/ops/` fills it, one family a file.

A primitive op has a `reference` in numpy. A fused op has a `decompose` into simpler ops instead,
and everything else (reference, portable fallback) follows from that.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from .node import Attribute
from .type import TensorType
from .value import Value

if TYPE_CHECKING:

    from .emitter import Emitter

Attributes = Mapping[str, Attribute]
OperandTypes = Sequence[TensorType | None]

Infer = Callable[[OperandTypes, Attributes], tuple[TensorType, ...]]
Reference = Callable[[Sequence[Any], Mapping[str, Any]], Any]
Decompose = Callable[["Emitter", Sequence[Any], Mapping[str, Any]], "Value | tuple[Value, ...]"]

FAMILIES = (
    "elementwise",
    "shaping",
    "linear",
    "reduction",
    "normalization",
    "attention",
    "convolution",
    "position",
    "regularization",
)
"""The modules of `ir/ops/`, loaded when the registry is first asked."""


class InferenceError(ValueError):
    """Operand types or attributes that an op cannot take; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Operand:
    """One operand: optional ones may be absent; a variadic one, the last, may be many."""

    name: str
    optional: bool = False
    variadic: bool = False


_REQUIRED = object()


@dataclass(frozen=True, slots=True)
class AttributeSpec:
    """One attribute: the Python type of its values and its default, if it has one.

    `kind` is one of int, float, bool, str, DType, Dim (int or symbolic), or tuple (of these).
    """

    kind: Any
    default: Any = _REQUIRED

    @property
    def required(self) -> bool:
        return self.default is _REQUIRED


@dataclass(frozen=True, slots=True)
class OpSpec:
    """One op of the IR."""

    name: str
    operands: tuple[Operand, ...]
    infer: Infer
    attributes: Mapping[str, AttributeSpec] = field(default_factory=dict)
    results: tuple[str, ...] = ("result",)
    """Names of the results; an op whose count depends on its attributes names one, `results…`."""
    reference: Reference | None = None
    """(arrays, attributes with every dimension an int) -> array or tuple of arrays, in float64."""
    decompose: Decompose | None = None
    """(emit, operands, attributes) -> value or tuple of values, by simpler ops."""
    doc: str = ""

    @property
    def is_fused(self) -> bool:
        return self.decompose is not None

    def complete(self, attributes: Attributes) -> dict[str, Attribute]:
        """The attributes with defaults filled in, in the order of the spec.

        Raises `InferenceError` for a missing or an unknown one.
        """
        unknown = [name for name in attributes if name not in self.attributes]
        if unknown:
            raise InferenceError(f"{self.name} has no attribute {unknown[0]!r}")
        missing = [n for n, a in self.attributes.items() if a.required and n not in attributes]
        if missing:
            raise InferenceError(f"{self.name} needs the attribute {missing[0]!r}")
        return {n: attributes.get(n, a.default) for n, a in self.attributes.items()}


_REGISTRY: dict[str, OpSpec] = {}


def define(spec: OpSpec) -> OpSpec:
    """Registers an op. A fused op also gets the attribute `form`, which `select_forms` fills in.

    Raises `ValueError` for a second op of the same name, and for one without a meaning.
    """
    if spec.name in _REGISTRY:
        raise ValueError(f"op {spec.name!r} is defined twice")
    if (spec.reference is None) == (spec.decompose is None):
        raise ValueError(f"op {spec.name!r} needs a reference or a decomposition, and not both")
    if spec.is_fused:
        attributes = {**spec.attributes, "form": AttributeSpec(str, "")}
        object.__setattr__(spec, "attributes", attributes)
    _REGISTRY[spec.name] = spec
    return spec


def registry() -> Mapping[str, OpSpec]:
    """Every op by name, in the order of definition."""
    for family in FAMILIES:
        importlib.import_module(f".ops.{family}", __package__)
    return MappingProxyType(_REGISTRY)


def spec_of(op: str) -> OpSpec:
    """The spec of an op. Raises `InferenceError` where there is none."""
    if op not in _REGISTRY:
        registry()
    if op not in _REGISTRY:
        raise InferenceError(f"there is no op {op!r}")
    return _REGISTRY[op]
