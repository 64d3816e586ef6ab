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

from .dim import Dim, SymbolicDim
from .dtype import DType
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
    "activation",
    "attention",
    "convolution",
    "position",
    "regularization",
    "quantization",
    "quantized_linear",
    "recurrent",
    "resizing",
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
    counts: str = ""
    """The attribute that holds the symbol of the first result's length, where the data decides it:
    the interpreter reads its size off the result."""
    decompose: Decompose | None = None
    """(emit, operands, attributes) -> value or tuple of values, by simpler ops."""
    doc: str = ""

    @property
    def is_fused(self) -> bool:
        return self.decompose is not None

    def complete(self, attributes: Attributes) -> dict[str, Attribute]:
        """The attributes with defaults filled in, in the order of the spec.

        An int given for a float becomes one. Raises `InferenceError` for a missing, an unknown or a
        wrongly typed one.
        """
        unknown = [name for name in attributes if name not in self.attributes]
        if unknown:
            raise InferenceError(f"{self.name} has no attribute {unknown[0]!r}")
        missing = [n for n, a in self.attributes.items() if a.required and n not in attributes]
        if missing:
            raise InferenceError(f"{self.name} needs the attribute {missing[0]!r}")
        found: dict[str, Attribute] = {}
        for name, each in self.attributes.items():
            value: Any = attributes.get(name, each.default)
            if each.kind is float and type(value) is int:
                value = float(value)
            if not is_attribute(value, each.kind):
                raise InferenceError(
                    f"{self.name}: attribute {name!r} is {value!r} ({type(value).__name__}), "
                    f"but must be of type {getattr(each.kind, '__name__', each.kind)}"
                )
            found[name] = value
        return found

    def arrange(self, operands: Sequence[Any]) -> tuple[Any, ...]:
        """One entry for each operand of the spec, None for the absent; a variadic one stays many.

        Raises `InferenceError` where there are too many or a required one is absent.
        """
        if self.operands and self.operands[-1].variadic:
            if len(operands) < len(self.operands) or any(each is None for each in operands):
                raise InferenceError(f"{self.name} needs {len(self.operands)} operands or more")
            return tuple(operands)
        if len(operands) > len(self.operands):
            raise InferenceError(
                f"{self.name} takes {len(self.operands)} operands, not {len(operands)}"
            )
        found = (*operands, *[None] * (len(self.operands) - len(operands)))
        for operand, given in zip(self.operands, found, strict=True):
            if given is None and not operand.optional:
                raise InferenceError(f"{self.name} needs the operand {operand.name!r}")
        return found


def is_attribute(value: Any, kind: Any) -> bool:
    """Whether a value is of an attribute's kind; numpy's scalars are of none."""
    if kind is tuple:
        return type(value) is tuple and all(
            value_in is None or any(is_attribute(value_in, each) for each in _KINDS)
            for value_in in value
        )
    if kind is Dim:
        return type(value) in (int, SymbolicDim)
    return type(value) is kind


_KINDS = (int, float, bool, str, DType, SymbolicDim, tuple)

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
