"""What each op says of types: results with symbolic dimensions, and errors for what it cannot take.

`ERRORS` has at least one row an op, and a test that fails where it has not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from neuralc.ir.dim import symbol
from neuralc.ir.dtype import DType
from neuralc.ir.spec import InferenceError, registry, spec_of
from neuralc.ir.type import TensorType

S = symbol("S", 1, 128)
T = symbol("T")
N_ = symbol("N")


def f32(*shape: Any) -> TensorType:
    return TensorType(DType.F32, shape)


def i64(*shape: Any) -> TensorType:
    return TensorType(DType.I64, shape)


def i8(*shape: Any) -> TensorType:
    return TensorType(DType.I8, shape)


def u8(*shape: Any) -> TensorType:
    return TensorType(DType.U8, shape)


def boolean(*shape: Any) -> TensorType:
    return TensorType(DType.BOOL, shape)


def infer(op: str, *types: TensorType | None, **attributes: Any) -> list[str]:
    spec = spec_of(op)
    found = spec.infer(spec.arrange(types), spec.complete(attributes))
    return [str(type) for type in found]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (lambda: infer("add", f32(N_, S, 4), f32(S, 1)), ["f32[N, S, 4]"]),
        (lambda: infer("less_equal", i64(1, S), i64(S, 1)), ["bool[S, S]"]),
        (lambda: infer("reshape", f32(N_, S, 12), shape=(N_, S, 3, 4)), ["f32[N, S, 3, 4]"]),
        (lambda: infer("reshape", f32(S, N_), shape=(N_ * S,)), ["f32[N*S]"]),
        (lambda: infer("concat", f32(N_, S), f32(N_, 3), axis=-1), ["f32[N, S+3]"]),
        (lambda: infer("slice", f32(N_, S), axis=1, start=0, stop=1), ["f32[N, 1]"]),
        (lambda: infer("slice", f32(N_, S), axis=1, start=S - 1, stop=S), ["f32[N, 1]"]),
        (lambda: infer("slice", f32(128, 4), axis=0, start=0, stop=S), ["f32[S, 4]"]),
        (lambda: infer("slice", f32(9), axis=0, start=0, stop=9, step=2), ["f32[5]"]),
        (lambda: infer("nonzero", boolean(S), count=symbol("P", within=S)), ["i64[P]"]),
        (lambda: infer("pad", f32(N_, S), pads=((0, 0), (1, 2))), ["f32[N, S+3]"]),
        (lambda: infer("matmul", f32(N_, 1, S, 4), f32(8, 4, T)), ["f32[N, 8, S, T]"]),
        (lambda: infer("positions", f32(N_, S, 4), axis=1), ["i64[S]"]),
        (lambda: infer("sinusoid", i64(S), width=7), ["f32[S, 7]"]),
        (
            lambda: infer(
                "conv", f32(N_, 3, S, 5), f32(8, 3, 2, 2), strides=(2, 1),
                pads=((0, 0), (0, 0)), dilations=(1, 1),
            ),
            ["f32[N, 8, ((S-2)//2)+1, 4]"],
        ),
        (
            lambda: infer("attention", f32(N_, S, 8), f32(N_, T, 8), f32(N_, T, 12), boolean(N_, T),
                          boolean(N_, 1, S, T), heads=4, scale=1.0),
            ["f32[N, S, 12]"],
        ),
    ],
)  # fmt: skip
def test_symbolic_types(found: Callable[[], list[str]], expected: list[str]) -> None:
    assert found() == expected


# ---- errors -------------------------------------------------------------------------------

QKV = (f32(2, 3, 8), f32(2, 3, 8), f32(2, 3, 8))
HEADS = {"heads": 4, "scale": 1.0}
C2 = {"strides": (1, 1), "pads": ((0, 0), (0, 0)), "dilations": (1, 1)}
T2 = {**C2, "output_padding": (0, 0)}
B8 = {"bits": 8, "block": 16}
P2 = {"kernel": (2, 2), "strides": (1, 1), "pads": ((0, 0), (0, 0))}
FLOAT_UNARY = [
    "exp",
    "log",
    "sqrt",
    "reciprocal",
    "tanh",
    "erf",
    "sigmoid",
    "relu",
    "softplus",
    "softsign",
    "selu",
    "mish",
    "floor",
    "hard_sigmoid",
    "elu",
    "gelu",
    "silu",
    "softmax",
]

ERRORS: list[tuple[str, tuple[Any, ...], dict[str, Any], str]] = [
    *[(op, (i64(2),), {}, "float element type") for op in FLOAT_UNARY],
    ("neg", (boolean(2),), {}, "must hold numbers"),
    ("abs", (boolean(2),), {}, "must hold numbers"),
    ("leaky_relu", (f32(2),), {}, "needs the attribute 'slope'"),
    ("leaky_relu", (f32(2),), {"slope": "x"}, "must be of type float"),
    ("elu", (f32(2),), {"beta": 1.0}, "no attribute 'beta'"),
    ("logical_not", (f32(2),), {}, "must hold booleans"),
    ("add", (f32(2),), {}, "needs the operand 'b'"),
    ("add", (f32(2), f32(2), f32(2)), {}, "takes 2 operands"),
    *[
        (op, (f32(2, 3), f32(2, 2)), {}, r"axis -1 is 3 and 2")
        for op in [
            "add",
            "sub",
            "mul",
            "div",
            "pow",
            "maximum",
            "minimum",
            "equal",
            "not_equal",
            "less",
            "less_equal",
            "greater",
            "greater_equal",
        ]
    ],
    ("add", (f32(S), f32(T)), {}, "do not broadcast"),
    ("add", (f32(2), i64(2)), {}, "element types differ"),
    ("add", (boolean(2), boolean(2)), {}, "element type bool"),
    ("pow", (i64(2), i64(2)), {}, "element type i64"),
    ("less", (boolean(2), boolean(2)), {}, "element type bool"),
    ("logical_and", (i64(2), i64(2)), {}, "element type i64"),
    ("logical_or", (f32(2), f32(2)), {}, "element type f32"),
    ("where", (f32(2), f32(2), f32(2)), {}, "must hold booleans"),
    ("where", (boolean(2), f32(2), i64(2)), {}, "element types differ"),
    ("cast", (f32(2),), {}, "needs the attribute 'to'"),
    ("reshape", (f32(2, 3),), {"shape": (5,)}, "6 elements, .* 5"),
    ("reshape", (f32(2, 3),), {"shape": (-2, -3)}, "negative"),
    ("reshape", (f32(S),), {"shape": (T,)}, "S elements"),
    ("reshape", (f32(2),), {"shape": [2]}, "must be of type tuple"),
    ("transpose", (f32(2, 3),), {"permutation": (0, 0)}, "not an order"),
    ("expand", (f32(2, 3),), {"shape": (4, 3)}, "does not broadcast"),
    ("expand", (f32(2, 3),), {"shape": (3,)}, "does not broadcast"),
    ("concat", (f32(2, 3), f32(3, 3)), {"axis": 1}, "differ beside axis 1"),
    ("concat", (f32(2), i64(2)), {"axis": 0}, "element types differ"),
    ("concat", (f32(2),), {"axis": 1}, "axis 1 is not an axis"),
    ("concat", (), {"axis": 1}, "1 operands or more"),
    ("split", (f32(6),), {"axis": 0, "sizes": (2, 3)}, "do not add up to 6"),
    ("split", (f32(S),), {"axis": 0, "sizes": (2, 3)}, "do not add up to S"),
    ("slice", (f32(6),), {"axis": 0, "start": 0, "stop": 7}, "does not lie within"),
    ("slice", (f32(6),), {"axis": 0, "start": -1, "stop": 3}, "does not lie within"),
    ("slice", (f32(6),), {"axis": 0, "start": 4, "stop": 3}, "does not lie within"),
    ("slice", (f32(6),), {"axis": 0, "start": 0, "stop": 3, "step": 0}, "not positive"),
    ("slice", (f32(127),), {"axis": 0, "start": 0, "stop": S}, "does not lie within"),
    ("slice", (f32(S),), {"axis": 0, "start": 0, "stop": S + 1}, "does not lie within"),
    ("pad", (f32(6),), {"pads": ((0, 0), (0, 0))}, "not a pair"),
    ("pad", (f32(6),), {"pads": ((-1, 0),)}, "not a pair"),
    ("gather", (f32(6), f32(2)), {}, "must be i32 or i64"),
    ("gather", (f32(6), i64(2)), {"axis": 1}, "axis 1 is not an axis"),
    ("nonzero", (f32(6),), {"count": symbol("P", within=6)}, "must hold booleans"),
    ("nonzero", (boolean(2, 3),), {"count": symbol("P", within=6)}, "must have 1 axes"),
    ("nonzero", (boolean(6),), {"count": 6}, "must be a symbol"),
    ("nonzero", (boolean(6),), {"count": symbol("P", within=6) * 2}, "must be a symbol"),
    ("nonzero", (boolean(6),), {"count": symbol("P")}, "must be within 6"),
    ("take_rows", (f32(6), i64(6, 1)), {}, "must have a batch and positions"),
    ("take_rows", (f32(2, 6), i64(2)), {}, r"must be i64 \[batch, rows\]"),
    ("take_rows", (f32(2, 6), i64(3, 1)), {}, "differ in their batch"),
    ("matmul", (f32(2, 3), f32(2, 3)), {}, "to sum over is 2"),
    ("matmul", (f32(), f32(2, 3)), {}, "must both have an axis"),
    ("matmul", (i64(2, 2), i64(2, 2)), {}, "float element type"),
    ("matmul", (f32(2, 3, 4), f32(5, 4, 3)), {}, "do not broadcast"),
    ("linear", (f32(2, 3), f32(4, 5)), {}, "does not fit weight"),
    ("linear", (f32(2, 3), f32(3, 5), f32(4)), {}, r"shape \[5\]"),
    ("linear", (f32(2, 3), f32(3)), {}, "must have 2 axes"),
    ("qkv_projection", (f32(3), f32(3, 4), None, f32(3, 4), None, f32(2, 4)), {}, "weight_value"),
    ("kv_projection", (f32(3), f32(3, 4), f32(3), f32(3, 4)), {}, "bias_key"),
    ("reduce_sum", (f32(3),), {"axes": ()}, "no axis"),
    ("reduce_sum", (boolean(3),), {"axes": (0,)}, "element type bool"),
    ("reduce_mean", (i64(3),), {"axes": (0,)}, "element type i64"),
    ("reduce_max", (f32(3, 3),), {"axes": (0, -2)}, "named twice"),
    ("reduce_min", (f32(3),), {"axes": (1,)}, "axis 1 is not an axis"),
    ("argmax", (i64(3),), {"axis": 0}, "element type i64"),
    ("argmax", (f32(3),), {"axis": 1}, "axis 1 is not an axis"),
    ("cumsum", (f32(3),), {"axis": 1}, "axis 1 is not an axis"),
    ("reverse", (f32(3),), {"axis": 1}, "axis 1 is not an axis"),
    ("resize", (f32(3, 2),), {"scales": (2,)}, "not a whole number for each"),
    ("resize", (f32(3),), {"scales": (0,)}, "not a whole number for each"),
    ("resize", (f32(3),), {"scales": (2,), "mode": "cubic"}, "nearest, linear"),
    ("group_norm", (f32(2, 3, 4),), {"axis": 2, "groups": 3, "epsilon": 0.1}, "do not divide"),
    ("group_norm", (f32(2, 3, 4),), {"axis": 0, "groups": 1, "epsilon": 0.1}, "the batch"),
    ("group_norm", (f32(2, 4), f32(3)), {"axis": 1, "groups": 2, "epsilon": 0.1}, "gain"),
    ("conv_transpose", (f32(1, 4, 3, 3), f32(3, 2, 2, 2)), T2, "channels of x"),
    ("conv_transpose", (f32(1, 4, 3), f32(4, 2, 2, 2)), T2, "same number of axes"),
    ("conv_transpose", (f32(1, 4, 3, 3), f32(4, 2, 2, 2), f32(4)), T2, "bias"),
    ("conv_transpose", (f32(1, 4, 3, 3), f32(4, 2, 2, 2)), {**T2, "strides": (1,)}, "one entry"),
    (
        "conv_transpose",
        (f32(1, 4, 3, 3), f32(4, 2, 2, 2)),
        {**T2, "output_padding": (1, 0)},
        "not below a step",
    ),
    (
        "conv_transpose",
        (f32(1, 4, 1, 3), f32(4, 2, 2, 2)),
        {**T2, "pads": ((1, 1), (0, 0))},
        "cut off all",
    ),
    (
        "conv_transpose",
        (f32(1, 4, 3, 3), f32(4, 2, 2, 2)),
        {**T2, "pads": ((-1, 1), (0, 0))},
        "negative",
    ),
    ("lstm", (f32(5, 2, 3), f32(1, 16, 3), f32(1, 8, 4), None), {}, "recurrent_weight"),
    ("lstm", (f32(5, 3), f32(1, 16, 3), f32(1, 16, 4), None), {}, "x"),
    ("gru", (f32(5, 2, 3), f32(1, 12, 2), f32(1, 12, 4), None), {}, "weight"),
    (
        "gru",
        (f32(5, 2, 3), f32(1, 12, 3), f32(1, 12, 4), None),
        {"activation": "gelu"},
        "no activation 'gelu'",
    ),
    ("simple_rnn", (f32(5, 2, 3), f32(1, 4, 3), f32(1, 4, 4), f32(1, 4)), {}, "bias"),
    ("softmax", (f32(3),), {"axis": 1}, "axis 1 is not an axis"),
    ("masked_softmax", (f32(3), f32(3)), {}, "must hold booleans"),
    ("masked_softmax", (f32(3), boolean(2, 3)), {}, "does not broadcast"),
    ("layer_norm", (f32(3), f32(2)), {"epsilon": 0.1}, r"shape \[3\]"),
    ("layer_norm", (f32(3),), {"epsilon": -0.1}, "negative"),
    ("rms_norm", (f32(3), f32(2)), {"epsilon": 0.1}, r"shape \[3\]"),
    ("batch_norm", (f32(3, 2), f32(2), f32(2), f32(2), f32(3)), {"axis": 1, "epsilon": 0.1}, "var"),
    ("skip_layer_norm", (f32(3), f32(1)), {"epsilon": 0.1}, "must be equal"),
    ("gelu", (f32(3),), {"approximate": "some"}, "must be one of"),
    ("bias_gelu", (f32(3), f32(2)), {}, r"shape \[3\]"),
    ("scaled_masked_softmax", (f32(3), boolean(2)), {}, "does not broadcast"),
    ("scaled_masked_softmax", (f32(3), None, f32(2)), {}, "does not broadcast"),
    ("attention", QKV, {"heads": 3, "scale": 1.0}, "not 3 equal heads"),
    ("attention", QKV, {"heads": 4, "kv_heads": 3, "scale": 1.0}, "not a multiple"),
    ("attention", QKV, {"heads": 4, "kv_heads": 2, "scale": 1.0}, "have width 2, .* 4"),
    ("attention", (f32(2, 8), f32(2, 8), f32(2, 8)), HEADS, "must have 3 axes"),
    ("attention", (*QKV[:2], f32(2, 4, 8)), HEADS, "differ in batch or length"),
    ("attention", (*QKV, boolean(2, 4)), HEADS, r"shape \[2, 3\]"),
    ("attention", (*QKV, None, boolean(3, 2)), HEADS, "does not broadcast"),
    ("attention", (*QKV, None, f32(3, 3)), HEADS, "must hold booleans"),
    ("attention", (*QKV, None, None, f32(2, 3)), HEADS, "does not broadcast"),
    ("attention", (f32(2, S, 8), *QKV[1:]), {**HEADS, "causal": True}, "as many queries as keys"),
    ("conv", (f32(1, 3, 4, 4), f32(8, 2, 2, 2)), C2, "do not fit 1 groups"),
    ("conv", (f32(1, 3, 4), f32(8, 3, 2, 2)), C2, "same number of axes"),
    ("conv", (f32(1, 3, 4, 4), f32(8, 3, 5, 2)), C2, "does not fit axis 2"),
    ("conv", (f32(1, 3, 4, 4), f32(8, 3, 2, 2)), {**C2, "strides": (1,)}, "one entry for each"),
    ("conv", (f32(1, 3, 4, 4), f32(8, 3, 2, 2)), {**C2, "strides": (0, 1)}, "must be positive"),
    ("max_pool", (f32(1, 3, 4, 4),), {**P2, "pads": ((2, 0), (0, 0))}, "padding only"),
    ("average_pool", (f32(1, 3),), P2, "spatial"),
    ("positions", (f32(3),), {"axis": 1}, "axis 1 is not an axis"),
    ("sinusoid", (f32(3),), {"width": 4}, "must be i32 or i64"),
    ("sinusoid", (i64(3),), {"width": 0}, "not positive"),
    ("sinusoid", (i64(3),), {"width": 4, "base": 0.0}, "base 0.0"),
    ("dropout", (f32(3),), {"rate": 1.5}, r"not in \[0, 1\]"),
    ("gaussian_noise", (f32(3),), {"stddev": -1.0}, "negative"),
    ("quantize_rows", (i64(3),), {}, "float element type"),
    ("quantize_rows", (f32(3),), {"zero_point": 255}, "zero point is 255"),
    ("quantize", (f32(3),), {"scale": 0.0}, "not positive"),
    ("quantize", (f32(3),), {"scale": 1.0, "zero_point": -1}, "zero point is -1"),
    ("quantize_columns", (f32(3),), {}, "must have 2 axes"),
    ("quantize_columns", (f32(3, 2), f32(3)), {}, r"shape \[2\]"),
    ("quantize_blocks", (f32(3, 2),), {"bits": 5, "block": 16}, "4 or 8"),
    ("quantize_blocks", (f32(3, 2),), {"bits": 8, "block": 24}, "power of two"),
    ("quantized_linear", (f32(2, 3), None, i8(3, 4), f32(4)), {}, "element type u8"),
    ("quantized_linear", (u8(2, 3), None, u8(3, 4), f32(4)), {}, "element type i8"),
    ("quantized_linear", (u8(2, 3), None, i8(4, 4), f32(4)), {}, "does not fit the weight"),
    ("quantized_linear", (u8(2, 3), f32(2), i8(3, 4), f32(4)), {}, r"shape \[2, 1\]"),
    ("quantized_linear", (u8(2, 3), None, i8(3, 4), f32(3)), {}, r"shape \[4\]"),
    ("dynamic_quantized_linear", (u8(2, 3), i8(3, 4), f32(4)), {}, "float element type"),
    ("dynamic_quantized_linear", (f32(2, 3), i8(4, 4), f32(4)), {}, "does not fit the weight"),
    ("block_quantized_linear", (f32(2, 32), u8(4, 1, 16), f32(4, 1)), B8, r"shape \[4, 2, 16\]"),
    ("block_quantized_linear", (f32(2, S), u8(4, 2, 16), f32(4, 2)), B8, "must be known"),
    ("block_quantized_linear", (f32(2, 32), u8(4, 2, 16), f32(4)), B8, r"shape \[4, 2\]"),
]


@pytest.mark.parametrize(("op", "types", "attributes", "message"), ERRORS)
def test_errors_say_what_is_wrong(
    op: str, types: tuple[Any, ...], attributes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InferenceError, match=message) as caught:
        infer(op, *types, **attributes)
    assert op in str(caught.value)


def test_every_op_has_a_test_of_an_error() -> None:
    assert {row[0] for row in ERRORS} == set(registry())
