"""Activations that are one kernel on some targets: gelu, silu and gelu behind a bias.

In: a float tensor. Out: one of the same type.
"""

from __future__ import annotations

import math
from typing import Any

from ..spec import AttributeSpec, Operand, OpSpec, define
from ..type import TensorType
from .rules import require, require_float, require_shape

Types = tuple[TensorType, ...]

APPROXIMATIONS = ("none", "tanh")


# ---- gelu, bias_gelu ----------------------------------------------------------------------


def _check_gelu(op: str, x: Any, attributes: Any) -> Types:
    require_float(op, x=x)
    approximate = attributes["approximate"]
    require(
        approximate in APPROXIMATIONS,
        f"{op}: approximate is {approximate!r}, but must be one of {', '.join(APPROXIMATIONS)}",
    )
    return (x,)


def _gelu(emit: Any, x: Any, approximate: str) -> Any:
    def constant(number: float) -> Any:
        return emit.constant(number, x.type.dtype)

    if approximate == "none":
        inner = emit("erf", emit("mul", x, constant(1 / math.sqrt(2))))
    else:
        cube = emit("mul", emit("mul", x, x), x)
        sum = emit("add", x, emit("mul", cube, constant(0.044715)))
        inner = emit("tanh", emit("mul", sum, constant(math.sqrt(2 / math.pi))))
    return emit("mul", emit("mul", x, constant(0.5)), emit("add", inner, constant(1.0)))


define(
    OpSpec(
        "gelu",
        (Operand("x"),),
        lambda operands, attributes: _check_gelu("gelu", operands[0], attributes),
        {"approximate": AttributeSpec(str, "none")},
        decompose=lambda emit, operands, attributes: _gelu(
            emit, operands[0], attributes["approximate"]
        ),
        doc="x/2 · (1 + erf(x/sqrt 2)), or with approximate='tanh' "
        "x/2 · (1 + tanh(sqrt(2/pi)·(x + 0.044715 x³))); Hendrycks and Gimpel, Gaussian Error "
        "Linear Units (2016).",
    )
)


def _infer_bias_gelu(operands: Any, attributes: Any) -> Types:
    x, bias = operands
    require_float("bias_gelu", x=x, bias=bias)
    require(x.rank >= 1, f"bias_gelu: x is {x}, but must have an axis")
    require_shape("bias_gelu", "bias", bias, x.shape[-1:])
    return _check_gelu("bias_gelu", x, attributes)


define(
    OpSpec(
        "bias_gelu",
        (Operand("x"), Operand("bias")),
        _infer_bias_gelu,
        {"approximate": AttributeSpec(str, "none")},
        decompose=lambda emit, operands, attributes: _gelu(
            emit, emit("add", *operands), attributes["approximate"]
        ),
        doc="gelu(x + bias), the bias along the last axis.",
    )
)


# ---- silu ---------------------------------------------------------------------------------


def _infer_silu(operands: Any, attributes: Any) -> Types:
    require_float("silu", x=operands[0])
    return (operands[0],)


define(
    OpSpec(
        "silu",
        (Operand("x"),),
        _infer_silu,
        decompose=lambda emit, operands, attributes: emit(
            "mul", operands[0], emit("sigmoid", operands[0])
        ),
        doc="x · sigmoid(x), also called swish; Elfwing, Uchibe and Doya (2017).",
    )
)
