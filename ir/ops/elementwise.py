"""Ops that act on each element alone, operands broadcast as in numpy.

In: tensors of equal or broadcastable shapes. Out: one tensor of the broadcast shape.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtype import DType
from ..spec import AttributeSpec, Infer, Operand, OpSpec, define
from ..type import TensorType
from .rules import (
    broadcast,
    require,
    require_bool,
    require_float,
    require_numeric,
    require_same_dtype,
)

Array = np.ndarray[Any, Any]

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805
"""Klambauer et al., Self-Normalizing Neural Networks (2017), equation 14."""


# ---- one operand --------------------------------------------------------------------------


def _unary(
    name: str, formula: Callable[..., Array], doc: str, *, integers: bool = False, **defaults: Any
) -> OpSpec:
    def infer(operands: Any, attributes: Any) -> tuple[TensorType, ...]:
        (x,) = operands
        if integers:
            require_numeric(name, x=x)
        else:
            require_float(name, x=x)
        return (x,)

    return define(
        OpSpec(
            name,
            (Operand("x"),),
            infer,
            {key: AttributeSpec(float, *default) for key, default in defaults.items()},
            reference=lambda arrays, attributes: formula(arrays[0], **attributes),
            doc=doc,
        )
    )


def erf(x: Array) -> Array:
    """The error function, each element correctly computed by the C library."""
    content = np.asarray(x, dtype=np.float64)
    flat = np.fromiter(map(math.erf, content.ravel().tolist()), np.float64, content.size)
    return flat.reshape(content.shape)


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x) without overflow: the exponential is only taken of numbers below zero."""
    decay = np.exp(-np.abs(x))
    return np.asarray(np.where(x >= 0, 1.0, decay) / (1.0 + decay))


def _softplus(x: Array) -> Array:
    return np.logaddexp(x, 0.0)


def _elu(x: Array, alpha: float = 1.0) -> Array:
    return np.asarray(np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0))))


def _leaky_relu(x: Array, slope: float) -> Array:
    return np.asarray(np.where(x >= 0, x, slope * x))


_unary("neg", np.negative, "-x.", integers=True)
_unary("abs", np.abs, "|x|.", integers=True)
_unary("exp", np.exp, "e^x.")
_unary("log", np.log, "The natural logarithm; -inf at 0, NaN below.")
_unary("sqrt", np.sqrt, "The square root; NaN below 0.")
_unary("reciprocal", lambda x: np.asarray(1.0 / x), "1 / x.")
_unary("tanh", np.tanh, "The hyperbolic tangent.")
_unary("erf", erf, "The error function, 2/sqrt(pi) times the integral of e^-t² from 0 to x.")
_unary("sigmoid", sigmoid, "1 / (1 + e^-x).")
_unary("relu", lambda x: np.maximum(x, 0.0), "max(x, 0).")
_unary("softplus", _softplus, "log(1 + e^x).")
_unary("softsign", lambda x: np.asarray(x / (1.0 + np.abs(x))), "x / (1 + |x|).")
_unary(
    "selu",
    lambda x: np.asarray(SELU_SCALE * _elu(x, SELU_ALPHA)),
    "scale · (x if x > 0 else alpha·(e^x - 1)), the two constants of Klambauer et al. (2017).",
)
_unary(
    "mish",
    lambda x: np.asarray(x * np.tanh(_softplus(x))),
    "x · tanh(log(1 + e^x)); Misra (2019).",
)
_unary("floor", np.floor, "The largest whole number that is not above x.")
_unary(
    "hard_sigmoid",
    lambda x: np.clip(x / 6.0 + 0.5, 0.0, 1.0),
    "x/6 + 1/2 clipped to [0, 1], as in Keras 3.",
)
_unary("elu", _elu, "x if x > 0 else alpha·(e^x - 1).", alpha=(1.0,))
_unary("leaky_relu", _leaky_relu, "x if x >= 0 else slope·x.", slope=())


def _infer_logical_not(operands: Any, attributes: Any) -> tuple[TensorType, ...]:
    require_bool("logical_not", x=operands[0])
    return (operands[0],)


define(
    OpSpec(
        "logical_not",
        (Operand("x"),),
        _infer_logical_not,
        reference=lambda arrays, attributes: np.logical_not(arrays[0]),
        doc="True where x is False.",
    )
)


# ---- two operands -------------------------------------------------------------------------

_NUMBERS = frozenset(DType) - {DType.BOOL}
_FLOATS = frozenset(dtype for dtype in DType if dtype.is_float)


def _infer_binary(name: str, accepted: frozenset[DType], result: DType | None) -> Infer:
    def infer(operands: Any, attributes: Any) -> tuple[TensorType, ...]:
        a, b = operands
        require_same_dtype(name, a, b)
        require(a.dtype in accepted, f"{name}: cannot take operands of element type {a.dtype}")
        return (TensorType(result or a.dtype, broadcast(name, a.shape, b.shape)),)

    return infer


def _binary(
    name: str,
    formula: Callable[[Array, Array], Array],
    doc: str,
    accepted: frozenset[DType] = _NUMBERS,
    result: DType | None = None,
) -> OpSpec:
    return define(
        OpSpec(
            name,
            (Operand("a"), Operand("b")),
            _infer_binary(name, accepted, result),
            reference=lambda arrays, attributes: formula(arrays[0], arrays[1]),
            doc=doc,
        )
    )


def _divide(a: Array, b: Array) -> Array:
    if a.dtype.kind == "f":
        return np.asarray(a / b)
    quotient = np.abs(a) // np.abs(b)
    return np.asarray(np.where((a < 0) != (b < 0), -quotient, quotient).astype(a.dtype))


_binary("add", np.add, "a + b.")
_binary("sub", np.subtract, "a - b.")
_binary("mul", np.multiply, "a · b.")
_binary("div", _divide, "a / b; of integers, rounded towards zero.")
_binary("pow", np.power, "a to the power b.", _FLOATS)
_binary("maximum", np.maximum, "The larger of the two; NaN where one is NaN.")
_binary("minimum", np.minimum, "The smaller of the two; NaN where one is NaN.")

_ANY = frozenset(DType)
_binary("equal", np.equal, "a = b, as booleans.", _ANY, DType.BOOL)
_binary("not_equal", np.not_equal, "a ≠ b, as booleans.", _ANY, DType.BOOL)
_binary("less", np.less, "a < b, as booleans.", result=DType.BOOL)
_binary("less_equal", np.less_equal, "a <= b, as booleans.", result=DType.BOOL)
_binary("greater", np.greater, "a > b, as booleans.", result=DType.BOOL)
_binary("greater_equal", np.greater_equal, "a >= b, as booleans.", result=DType.BOOL)

_BOOL = frozenset({DType.BOOL})
_binary("logical_and", np.logical_and, "True where both are.", _BOOL)
_binary("logical_or", np.logical_or, "True where one is, or both are.", _BOOL)


# ---- choice and conversion ----------------------------------------------------------------


def _infer_where(operands: Any, attributes: Any) -> tuple[TensorType, ...]:
    condition, then, otherwise = operands
    require_bool("where", condition=condition)
    require_same_dtype("where", then, otherwise)
    shape = broadcast("where", condition.shape, then.shape, otherwise.shape)
    return (TensorType(then.dtype, shape),)


define(
    OpSpec(
        "where",
        (Operand("condition"), Operand("then"), Operand("otherwise")),
        _infer_where,
        reference=lambda arrays, attributes: np.where(*arrays),
        doc="`then` where the condition is True, `otherwise` elsewhere, element by element.",
    )
)


def _infer_cast(operands: Any, attributes: Any) -> tuple[TensorType, ...]:
    return (TensorType(attributes["to"], operands[0].shape),)


def _cast(arrays: Any, attributes: Any) -> Array:
    (x,) = arrays
    to: DType = attributes["to"]
    if to.is_float:
        return np.asarray(x, dtype=np.float64)
    if to is DType.BOOL:
        return np.asarray(x != 0)
    return np.asarray(x).astype(to.numpy)


define(
    OpSpec(
        "cast",
        (Operand("x"),),
        _infer_cast,
        {"to": AttributeSpec(DType)},
        reference=_cast,
        doc="x as another element type. Floats lose their fraction on the way to integers; what is "
        "not 0 becomes True. The reference does not round to narrower floats: it computes what "
        "every precision approximates.",
    )
)
