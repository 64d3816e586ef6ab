"""Matrix products and the projections built of them.

In: activations [..., k] and weights [k, n]. Out: [..., n].
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..spec import InferenceError, Operand, OpSpec, define
from ..type import TensorType
from .rules import broadcast, require, require_float, require_rank, require_shape

Types = tuple[TensorType, ...]


# ---- matmul -------------------------------------------------------------------------------


def _infer_matmul(operands: Any, attributes: Any) -> Types:
    a, b = operands
    require_float("matmul", a=a, b=b)
    require(a.rank >= 1 and b.rank >= 1, f"matmul: {a} and {b} must both have an axis")
    inner = b.shape[-2] if b.rank > 1 else b.shape[0]
    if a.shape[-1] != inner:
        raise InferenceError(
            f"matmul: the last axis of {a} is {a.shape[-1]}, the one of {b} to sum over is {inner}"
        )
    batch = broadcast("matmul", a.shape[:-2], b.shape[:-2])
    rows = a.shape[-2:-1] if a.rank > 1 else ()
    columns = b.shape[-1:] if b.rank > 1 else ()
    return (TensorType(a.dtype, (*batch, *rows, *columns)),)


define(
    OpSpec(
        "matmul",
        (Operand("a"), Operand("b")),
        _infer_matmul,
        reference=lambda arrays, attributes: np.matmul(arrays[0], arrays[1]),
        doc="The matrix product over the last two axes; the axes before them broadcast. A vector "
        "is a row on the left and a column on the right, as in numpy.",
    )
)


# ---- linear -------------------------------------------------------------------------------


def _check_projection(op: str, x: Any, suffix: str, weight: Any, bias: Any) -> TensorType:
    """The type of x @ weight + bias."""
    require_float(op, x=x, **{f"weight{suffix}": weight, f"bias{suffix}": bias})
    require(x.rank >= 1, f"{op}: x is {x}, but must have an axis")
    require_rank(op, f"weight{suffix}", weight, 2)
    require(
        weight.shape[0] == x.shape[-1],
        f"{op}: the last axis of x, {x}, does not fit weight{suffix}, {weight}",
    )
    require_shape(op, f"bias{suffix}", bias, (weight.shape[1],))
    return TensorType(x.dtype, (*x.shape[:-1], weight.shape[1]))


def _project(emit: Any, x: Any, weight: Any, bias: Any) -> Any:
    product = emit("matmul", x, weight)
    return product if bias is None else emit("add", product, bias)


define(
    OpSpec(
        "linear",
        (Operand("x"), Operand("weight"), Operand("bias", optional=True)),
        lambda operands, attributes: (
            _check_projection("linear", operands[0], "", operands[1], operands[2]),
        ),
        decompose=lambda emit, operands, attributes: _project(emit, *operands),
        doc="x @ weight + bias: a dense layer without its activation.",
    )
)


# ---- attention projections ----------------------------------------------------------------


def _infer_qkv(operands: Any, attributes: Any) -> Types:
    x, wq, bq, wk, bk, wv, bv = operands
    return (
        _check_projection("qkv_projection", x, "_query", wq, bq),
        _check_projection("qkv_projection", x, "_key", wk, bk),
        _check_projection("qkv_projection", x, "_value", wv, bv),
    )


def _decompose_qkv(emit: Any, operands: Any, attributes: Any) -> Any:
    x, wq, bq, wk, bk, wv, bv = operands
    return _project(emit, x, wq, bq), _project(emit, x, wk, bk), _project(emit, x, wv, bv)


define(
    OpSpec(
        "qkv_projection",
        (
            Operand("x"),
            Operand("weight_query"),
            Operand("bias_query", optional=True),
            Operand("weight_key"),
            Operand("bias_key", optional=True),
            Operand("weight_value"),
            Operand("bias_value", optional=True),
        ),
        _infer_qkv,
        results=("query", "key", "value"),
        decompose=_decompose_qkv,
        doc="The three projections of one input of a self-attention: x @ Wq + bq, x @ Wk + bk and "
        "x @ Wv + bv, whose widths may differ.",
    )
)


def _infer_kv(operands: Any, attributes: Any) -> Types:
    x, wk, bk, wv, bv = operands
    return (
        _check_projection("kv_projection", x, "_key", wk, bk),
        _check_projection("kv_projection", x, "_value", wv, bv),
    )


def _decompose_kv(emit: Any, operands: Any, attributes: Any) -> Any:
    x, wk, bk, wv, bv = operands
    return _project(emit, x, wk, bk), _project(emit, x, wv, bv)


define(
    OpSpec(
        "kv_projection",
        (
            Operand("x"),
            Operand("weight_key"),
            Operand("bias_key", optional=True),
            Operand("weight_value"),
            Operand("bias_value", optional=True),
        ),
        _infer_kv,
        results=("key", "value"),
        decompose=_decompose_kv,
        doc="The key and value projections of a cross-attention's memory: x @ Wk + bk, "
        "x @ Wv + bv.",
    )
)
