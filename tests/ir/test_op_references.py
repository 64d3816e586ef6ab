"""Every op: its reference against an independent formula, its types against its results.

`CASES` has at least one row an op, and a test that fails where it has not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from neuralc.ir.binding import bind_type
from neuralc.ir.dim import symbol
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.graph import Graph
from neuralc.ir.reference import compute
from neuralc.ir.spec import registry, spec_of
from neuralc.ir.type import TensorType

RANDOM = np.random.default_rng(7)


def normal(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape)


def positive(*shape: int) -> np.ndarray:
    return RANDOM.uniform(0.1, 3.0, shape)


def flags(*shape: int) -> np.ndarray:
    return RANDOM.uniform(size=shape) < 0.6


def type_of(array: np.ndarray | None) -> TensorType | None:
    if array is None:
        return None
    dtype = DType.F32 if array.dtype == np.float64 else DType.of(array.dtype)
    return TensorType(dtype, array.shape)


@dataclass
class Case:
    """An op on arrays, and the results it must have: one array or a list of them."""

    op: str
    operands: list[Any]
    expected: Any
    attributes: dict[str, Any] = field(default_factory=dict)


def each(formula: Callable[[float], float], x: np.ndarray) -> np.ndarray:
    """A formula of Python's own mathematics, element by element."""
    return np.array([formula(v) for v in x.ravel().tolist()]).reshape(x.shape)


def naive_attention(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, heads: int, kv_heads: int, scale: float,
    allowed: Callable[[int, int, int, int], bool] = lambda b, h, i, j: True,
    bias: Callable[[int, int, int, int], float] = lambda b, h, i, j: 0.0,
) -> np.ndarray:  # fmt: skip
    """Attention by its definition, one query at a time."""
    batch, queries, width = q.shape
    size, value_size = width // heads, v.shape[2] // kv_heads
    out = np.zeros((batch, queries, heads * value_size))
    for b in range(batch):
        for h in range(heads):
            shared = h // (heads // kv_heads)
            for i in range(queries):
                seen = [j for j in range(k.shape[1]) if allowed(b, h, i, j)]
                scores = [
                    scale * sum(
                        q[b, i, h * size + d] * k[b, j, shared * size + d] for d in range(size)
                    ) + bias(b, h, i, j)
                    for j in seen
                ]  # fmt: skip
                powers = [math.exp(s - max(scores)) for s in scores]
                for j, power in zip(seen, powers, strict=True):
                    row = v[b, j, shared * value_size : (shared + 1) * value_size]
                    place = slice(h * value_size, (h + 1) * value_size)
                    out[b, i, place] += power / sum(powers) * row
    return out


def naive_conv(x: np.ndarray, w: np.ndarray, b: np.ndarray, strides: Any, pads: Any, dilations: Any,
               groups: int) -> np.ndarray:  # fmt: skip
    """Two-dimensional cross-correlation, one output at a time."""
    padded = np.pad(x, [(0, 0), (0, 0), *pads])
    spans = [d * (k - 1) + 1 for d, k in zip(dilations, w.shape[2:], strict=True)]
    sizes = [
        (n - span) // s + 1 for n, span, s in zip(padded.shape[2:], spans, strides, strict=True)
    ]
    out = np.zeros((x.shape[0], w.shape[0], *sizes))
    for n, o, i, j in np.ndindex(*out.shape):
        first = o // (w.shape[0] // groups) * w.shape[1]
        out[n, o, i, j] = b[o] + sum(
            w[o, c, p, q]
            * padded[
                n, first + c, i * strides[0] + p * dilations[0], j * strides[1] + q * dilations[1]
            ]
            for c, p, q in np.ndindex(*w.shape[1:])
        )
    return out


def naive_spread(x: np.ndarray, w: np.ndarray, b: np.ndarray, strides: Any, pads: Any, more: Any,
                 dilations: Any, groups: int) -> np.ndarray:  # fmt: skip
    """Two-dimensional transposed convolution, one input at a time."""
    sizes = [
        (n - 1) * s + d * (k - 1) + 1 - sum(p) + extra
        for n, s, d, k, p, extra in zip(
            x.shape[2:], strides, dilations, w.shape[2:], pads, more, strict=True
        )
    ]
    width = w.shape[1]
    out = np.zeros((x.shape[0], width * groups, *sizes)) + b[:, None, None]
    for n, c, i, j in np.ndindex(*x.shape):
        first = c // (x.shape[1] // groups) * width
        for o, p, q in np.ndindex(*w.shape[1:]):
            row = i * strides[0] + p * dilations[0] - pads[0][0]
            column = j * strides[1] + q * dilations[1] - pads[1][0]
            if 0 <= row < sizes[0] and 0 <= column < sizes[1]:
                out[n, first + o, row, column] += x[n, c, i, j] * w[c, o, p, q]
    return out


def transposed_convolutions() -> list[Case]:
    """Every attribute apart from 1 and 0, on its own and with others."""
    found = []
    for strides, pads, more, dilations, groups in (
        ((1, 1), ((0, 0), (0, 0)), (0, 0), (1, 1), 1),
        ((2, 3), ((1, 0), (0, 2)), (1, 2), (1, 1), 2),
        ((1, 2), ((0, 1), (1, 1)), (0, 1), (3, 2), 1),
        ((3, 2), ((0, 0), (2, 1)), (2, 0), (1, 2), 2),
    ):
        weight, bias = normal(4, 3, 3, 2), normal(3 * groups)
        expected = naive_spread(IMAGE, weight, bias, strides, pads, more, dilations, groups)
        attributes = {"strides": strides, "pads": pads, "output_padding": more}
        attributes |= {"dilations": dilations, "groups": groups}
        found.append(Case("conv_transpose", [IMAGE, weight, bias], expected, attributes))
    return found


RAMP = np.array([[0.0, 3.0, 9.0]])
LINES = np.array([[0.0, 0.0, 1.0, 2.0, 3.0, 5.0, 7.0, 9.0, 9.0]])
"""RAMP on lines between the centres of its elements, three times as long."""


def naive_groups(x: np.ndarray, groups: int, epsilon: float) -> np.ndarray:
    """Each member's groups of channels on their own, channels in axis 1."""
    out = np.zeros_like(x)
    size = x.shape[1] // groups
    for member in range(len(x)):
        for group in range(groups):
            part = x[member, group * size : (group + 1) * size]
            scaled = (part - part.mean()) / math.sqrt(part.var() + epsilon)
            out[member, group * size : (group + 1) * size] = scaled
    return out


def naive_rows(x: np.ndarray, zero_point: int) -> list[np.ndarray]:
    """Each row by the largest step that it needs on either side of zero."""
    scales = np.array(
        [
            max(max(row) / (255 - zero_point), -min(row) / zero_point if zero_point else 0, 2**-100)
            for row in x
        ]
    )
    levels = [
        [min(max(round(v / s) + zero_point, 0), 255) for v in row]
        for row, s in zip(x.tolist(), scales.tolist(), strict=True)
    ]
    return [np.array(levels, np.uint8), scales[:, None]]


def naive_columns(weight: np.ndarray, kept: np.ndarray) -> list[np.ndarray]:
    """Column by column: the smallest scale that neither a weight nor a pair exceeds."""
    levels, scales = np.zeros(weight.shape, np.int8), np.zeros(weight.shape[1])
    for j, column in enumerate(weight.T.tolist()):
        limit = max(map(abs, column)) * kept[j]
        column = [min(max(v, -limit), limit) for v in column]
        pairs = [abs(a + b) for a, b in zip(column[0::2], column[1::2], strict=False)]
        scales[j] = np.float32(max(limit / 127, *(pair / 127 for pair in pairs)))
        levels[:, j] = [round(v / scales[j]) for v in column]
    return [levels, scales]


def naive_blocks(weight: np.ndarray, bits: int, block: int) -> list[np.ndarray]:
    """Block by block: the value that is furthest from zero becomes the lowest level."""
    rows, columns = weight.shape
    count, middle = -(-rows // block), 2 ** (bits - 1)
    packed = np.zeros((columns, count, block * bits // 8), np.uint8)
    scales = np.zeros((columns, count))
    for j, b in np.ndindex(columns, count):
        part = [*weight[b * block : (b + 1) * block, j].tolist(), *[0.0] * block][:block]
        scales[j, b] = scale = np.float32(-max(part, key=abs) / middle)
        levels = [min(max(round(v / float(scale)) + middle, 0), 2 * middle - 1) for v in part]
        if bits == 4:
            levels = [a + 16 * b for a, b in zip(levels[0::2], levels[1::2], strict=True)]
        packed[j, b] = levels
    return [packed, scales]


def naive_block_product(
    x: np.ndarray, packed: np.ndarray, scales: np.ndarray, bits: int, block: int
) -> np.ndarray:
    """One product of a block after the other, in whole numbers."""
    out = np.zeros((len(x), len(packed)))
    for i, j, b in np.ndindex(len(x), *scales.shape):
        part = x[i, b * block : (b + 1) * block].tolist()
        step = max(map(abs, part)) / 127
        bytes = packed[j, b].tolist()
        levels = bytes if bits == 8 else [half for v in bytes for half in (v % 16, v // 16)]
        whole = sum(
            round(v / step) * (level - 2 ** (bits - 1))
            for v, level in zip(part, levels, strict=False)
        )
        out[i, j] += whole * step * scales[j, b]
    return out


X = normal(2, 3, 4)
P = positive(2, 3, 4)
A, B = normal(2, 3, 4), normal(3, 1)
INTS, OTHERS = np.array([[7, -7, 6], [0, 5, -5]]), np.array([[2, 2, -4], [3, -3, 3]])
COUNTED = {"count": symbol("P", within=5)}
M, N = flags(2, 3), flags(2, 3)
GAIN, BIAS = normal(4), normal(4)
MASK = np.array([[True, False, True, True], [False] * 4, [True] * 4])
Q, K, V = normal(2, 3, 8), normal(2, 5, 8), normal(2, 5, 12)
KEYS = np.array([[True, True, False, True, False], [False] * 5])
PAIRS = flags(2, 1, 3, 5)
SCORE_BIAS = normal(1, 4, 3, 5)
IMAGE = normal(2, 4, 6, 5)
ROWS, ROWS_OF_40 = normal(5, 7), normal(2, 40)
LONG, KEPT = normal(40, 3), np.array([0.7, 1.0, 0.9])
BYTES = RANDOM.integers(0, 256, (3, 6), np.uint8)
LEVELS = RANDOM.integers(-127, 128, (6, 4), np.int8)
STEPS = positive(3, 1)
W = [normal(4, 6), normal(4, 5), normal(4, 7)]
WB = [normal(6), normal(5), normal(7)]
CONV = {"strides": (2, 1), "pads": ((1, 0), (2, 1)), "dilations": (1, 2)}
POOL = {"kernel": (2, 3), "strides": (2, 1), "pads": ((1, 0), (1, 1))}


def sigmoid(v: float) -> float:
    return 1 / (1 + math.exp(-v))


def gelu(v: float) -> float:
    return v / 2 * (1 + math.erf(v / math.sqrt(2)))


def norm(row: np.ndarray) -> np.ndarray:
    return (row - row.mean()) / np.sqrt(row.var() + 1e-3)


def normed(x: np.ndarray) -> np.ndarray:
    return np.apply_along_axis(norm, -1, x)


def pooled(reduce: Callable[[np.ndarray], float], outside: float) -> np.ndarray:
    padded = np.pad(IMAGE, [(0, 0), (0, 0), (1, 0), (1, 1)], constant_values=outside)
    out = np.empty((2, 4, 3, 5))
    for n, c, i, j in np.ndindex(*out.shape):
        window = padded[n, c, 2 * i : 2 * i + 2, j : j + 3]
        out[n, c, i, j] = reduce(window[~np.isnan(window)])
    return out


def masked_rows(x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    out = np.zeros_like(x)
    for place in np.ndindex(*x.shape[:-1]):
        seen = np.broadcast_to(mask, x.shape)[place]
        if seen.any():
            powers = np.exp(x[place][seen] - x[place][seen].max())
            out[place][seen] = powers / powers.sum()
    return out


def elu(v: float, alpha: float = 0.7) -> float:
    return v if v > 0 else alpha * (math.exp(v) - 1)


def naive_recurrence(kind: str, after: bool = True) -> list[np.ndarray]:
    """One number after the other, gates in ONNX's order, tanh and the logistic function."""
    gates = {"lstm": 4, "gru": 3, "simple_rnn": 1}[kind]
    w, r, b = RNN_WEIGHTS[gates]
    units = r.shape[2]
    sequence = np.zeros((*RNN_INPUT.shape[:2], units))
    for member in range(RNN_INPUT.shape[1]):
        h, c = [0.0] * units, [0.0] * units
        for t, row in enumerate(RNN_INPUT[:, member]):
            fed = [
                [
                    sum(w[0, g * units + u, d] * v for d, v in enumerate(row)) + b[0, g * units + u]
                    for u in range(units)
                ]
                for g in range(gates)
            ]

            def back(g: int, u: int, state: list[float]) -> float:
                total = sum(r[0, g * units + u, k] * v for k, v in enumerate(state))
                return total + b[0, (gates + g) * units + u]

            if kind == "simple_rnn":
                h = [math.tanh(fed[0][u] + back(0, u, h)) for u in range(units)]
            elif kind == "lstm":
                i, o, f = (
                    [sigmoid(fed[g][u] + back(g, u, h)) for u in range(units)] for g in range(3)
                )
                new = [math.tanh(fed[3][u] + back(3, u, h)) for u in range(units)]
                c = [f[u] * c[u] + i[u] * new[u] for u in range(units)]
                h = [o[u] * math.tanh(c[u]) for u in range(units)]
            else:
                z, s = ([sigmoid(fed[g][u] + back(g, u, h)) for u in range(units)] for g in (0, 1))
                reset = [s[u] * h[u] for u in range(units)]
                inner = [s[u] * back(2, u, h) if after else back(2, u, reset) for u in range(units)]
                h = [
                    (1 - z[u]) * math.tanh(fed[2][u] + inner[u]) + z[u] * h[u] for u in range(units)
                ]
            sequence[t, member] = h
    return [sequence, sequence[-1]]


RNN_INPUT = normal(4, 2, 3)
RNN_WEIGHTS = {
    gates: (normal(1, gates * 2, 3), normal(1, gates * 2, 2), normal(1, gates * 4))
    for gates in (1, 3, 4)
}


CASES = [
    Case("simple_rnn", [RNN_INPUT, *RNN_WEIGHTS[1]], naive_recurrence("simple_rnn")),
    Case("lstm", [RNN_INPUT, *RNN_WEIGHTS[4]], naive_recurrence("lstm")),
    Case("gru", [RNN_INPUT, *RNN_WEIGHTS[3]], naive_recurrence("gru")),
    Case(
        "gru",
        [RNN_INPUT, *RNN_WEIGHTS[3]],
        naive_recurrence("gru", after=False),
        {"reset_after": False},
    ),
    Case("reverse", [X], X[:, ::-1], {"axis": 1}),
    Case("neg", [X], each(lambda v: -v, X)),
    Case("neg", [INTS], -INTS),
    Case("abs", [X], each(lambda v: v if v > 0 else -v, X)),
    Case("exp", [X], each(math.exp, X)),
    Case("log", [P], each(math.log, P)),
    Case("sqrt", [P], each(math.sqrt, P)),
    Case("reciprocal", [P], each(lambda v: 1 / v, P)),
    Case("tanh", [X], each(lambda v: 1 - 2 / (math.exp(2 * v) + 1), X)),
    Case("erf", [X], each(lambda v: 1 - math.erfc(v), X)),
    Case("sigmoid", [X], each(sigmoid, X)),
    Case("relu", [X], each(lambda v: max(v, 0.0), X)),
    Case("softplus", [X], each(lambda v: math.log1p(math.exp(v)), X)),
    Case("softplus", [np.array([800.0, -800.0])], np.array([800.0, 0.0])),
    Case("softsign", [X], each(lambda v: v / (1 + abs(v)), X)),
    Case("selu", [X], 1.0507009873554805 * each(lambda v: elu(v, 1.6732632423543772), X)),
    Case("mish", [X], each(lambda v: v * math.tanh(math.log1p(math.exp(v))), X)),
    Case("floor", [X], each(math.floor, X)),
    Case("hard_sigmoid", [4 * X], each(lambda v: min(max(v / 6 + 0.5, 0), 1), 4 * X)),
    Case("elu", [X], each(elu, X), {"alpha": 0.7}),
    Case("leaky_relu", [X], each(lambda v: v if v > 0 else 0.3 * v, X), {"slope": 0.3}),
    Case("logical_not", [M], np.array([[not v for v in row] for row in M])),
    Case(
        "add",
        [A, B],
        np.array([[[a + b for a in row] for row, b in zip(m, B[:, 0], strict=True)] for m in A]),
    ),
    Case("sub", [A, B], A + -B),
    Case("mul", [A, B], A / (1 / B)),
    Case("div", [A, B], A * (1 / B)),
    Case("div", [INTS, OTHERS], np.array([[3, -3, -1], [0, -1, -1]])),
    Case("pow", [P, np.array(1.5)], each(lambda v: v * math.sqrt(v), P)),
    Case("maximum", [A, B], np.where(A > B, A, B)),
    Case("minimum", [A, B], np.where(A > B, B, A)),
    Case("equal", [INTS, np.array(-7)], np.array([[False, True, False], [False] * 3])),
    Case("not_equal", [INTS, np.array(-7)], np.array([[True, False, True], [True] * 3])),
    Case("less", [INTS, OTHERS], np.array([[False, True, False], [True, False, True]])),
    Case("less_equal", [INTS, np.array(5)], np.array([[False, True, False], [True] * 3])),
    Case("greater", [INTS, np.array(5)], np.array([[True, False, True], [False] * 3])),
    Case(
        "greater_equal", [INTS, np.array(5)], np.array([[True, False, True], [False, True, False]])
    ),
    Case("logical_and", [M, N], np.minimum(M, N)),
    Case("logical_or", [M, N], np.maximum(M, N)),
    Case("where", [M, INTS, OTHERS], INTS * M + OTHERS * (1 - M)),
    Case("cast", [np.array([2.7, -2.7])], np.array([2, -2]), {"to": DType.I64}),
    Case("cast", [INTS], INTS != 0, {"to": DType.BOOL}),
    Case("cast", [M], np.where(M, 1.0, 0.0), {"to": DType.F32}),
    Case("nonzero", [KEYS[0]], np.array([i for i, v in enumerate(KEYS[0]) if v]), COUNTED),
    Case("reshape", [X], np.array(X.ravel().tolist()).reshape(4, 6), {"shape": (4, 6)}),
    Case("transpose", [X], np.einsum("abc->cab", X), {"permutation": (2, 0, 1)}),
    Case("expand", [B], np.stack([np.hstack([B] * 2)] * 2), {"shape": (2, 3, 2)}),
    Case(
        "concat",
        [X, P],
        np.einsum("abc->acb", np.block([[np.einsum("abc->acb", X), np.einsum("abc->acb", P)]])),
        {"axis": 1},
    ),
    Case("split", [X], [X[:, :, :1], X[:, :, 1:]], {"axis": -1, "sizes": (1, 3)}),
    Case("slice", [X], X[:, :, [1, 3]], {"axis": 2, "start": 1, "stop": 4, "step": 2}),
    Case(
        "pad",
        [INTS],
        np.block([[INTS, np.full((2, 1), 9)], [np.full((1, 4), 9)]]),
        {"pads": ((0, 1), (0, 1)), "value": 9},
    ),
    Case(
        "gather",
        [X, INTS % 3],
        np.stack([[X[:, i] for i in row] for row in INTS % 3]).transpose(2, 0, 1, 3),
        {"axis": 1},
    ),
    Case(
        "take_rows",
        [X, INTS[:2, :2] % 3],
        np.stack([[X[b, i] for i in INTS[b, :2] % 3] for b in range(2)]),
    ),
    Case("matmul", [X, normal(4, 2)], None),
    Case("matmul", [normal(3, 4), normal(2, 1, 4, 5)], None),
    Case("matmul", [normal(4), normal(2, 4, 5)], None),
    Case("linear", [X, W[0], WB[0]], X @ W[0] + WB[0]),
    Case("linear", [X, W[0], None], X @ W[0]),
    Case(
        "qkv_projection",
        [X, W[0], WB[0], W[1], None, W[2], WB[2]],
        [X @ W[0] + WB[0], X @ W[1], X @ W[2] + WB[2]],
    ),
    Case("kv_projection", [X, W[1], WB[1], W[2], None], [X @ W[1] + WB[1], X @ W[2]]),
    Case("reduce_sum", [X], np.einsum("abc->b", X), {"axes": (0, -1)}),
    Case(
        "reduce_mean", [X], np.einsum("abc->ac", X)[:, None] / 3, {"axes": (1,), "keepdims": True}
    ),
    Case("reduce_max", [X], np.sort(X, axis=1)[:, -1], {"axes": (1,)}),
    Case("reduce_max", [M], np.array([any(row) for row in M]), {"axes": (1,)}),
    Case("reduce_min", [X], np.sort(X, axis=1)[:, 0], {"axes": (1,)}),
    Case("reduce_min", [M], np.array([all(row) for row in M]), {"axes": (1,)}),
    Case("argmax", [M], np.array([[*row, True].index(True) % len(row) for row in M]), {"axis": 1}),
    Case(
        "argmax",
        [X],
        np.array([[list(r).index(max(r)) for r in m.T] for m in X])[:, None],
        {"axis": 1, "keepdims": True},
    ),
    Case("cumsum", [INTS], INTS @ np.triu(np.ones((3, 3), int)), {"axis": -1}),
    Case("softmax", [X], masked_rows(X, np.array(True))),
    Case("softmax", [X], np.exp(X) / np.exp(X).sum(1, keepdims=True), {"axis": 1}),
    Case("masked_softmax", [X, MASK], masked_rows(X, MASK)),
    Case("layer_norm", [X, GAIN, BIAS], normed(X) * GAIN + BIAS, {"epsilon": 1e-3}),
    Case(
        "layer_norm",
        [X, None, None],
        np.swapaxes(normed(np.swapaxes(X, 1, 2)), 1, 2),
        {"epsilon": 1e-3, "axis": 1},
    ),
    Case(
        "rms_norm",
        [X, GAIN],
        X * GAIN / np.sqrt((X * X).sum(-1, keepdims=True) / 4 + 1e-3),
        {"epsilon": 1e-3},
    ),
    Case(
        "batch_norm",
        [IMAGE, GAIN, BIAS, X[0, 0], P[0, 0]],
        np.stack(
            [
                (IMAGE[:, c] - X[0, 0, c]) / math.sqrt(P[0, 0, c] + 0.1) * GAIN[c] + BIAS[c]
                for c in range(4)
            ],
            1,
        ),
        {"axis": 1, "epsilon": 0.1},
    ),
    Case(
        "skip_layer_norm",
        [X, P, GAIN, BIAS],
        [normed(X + P) * GAIN + BIAS, X + P],
        {"epsilon": 1e-3},
    ),
    Case("gelu", [X], each(gelu, X)),
    Case(
        "gelu",
        [X],
        each(lambda v: v * sigmoid(2 * math.sqrt(2 / math.pi) * (v + 0.044715 * v**3)), X),
        {"approximate": "tanh"},
    ),
    Case("bias_gelu", [X, BIAS], each(gelu, X + BIAS)),
    Case("silu", [X], each(lambda v: v * sigmoid(v), X)),
    Case("scaled_masked_softmax", [X, MASK, B], masked_rows(X / 4 + B, MASK), {"scale": 0.25}),
    Case("scaled_masked_softmax", [X, None, None], masked_rows(X, np.array(True))),
    Case(
        "attention",
        [Q, K, V, None, None, None],
        naive_attention(Q, K, V, 4, 4, 0.5),
        {"heads": 4, "scale": 0.5},
    ),
    Case(
        "attention",
        [Q, K, V, KEYS, PAIRS, SCORE_BIAS],
        naive_attention(
            Q,
            K,
            V,
            4,
            4,
            0.5,
            lambda b, h, i, j: bool(KEYS[b, j] and PAIRS[b, 0, i, j]),
            lambda b, h, i, j: SCORE_BIAS[0, h, i, j],
        ),
        {"heads": 4, "scale": 0.5},
    ),
    Case(
        "attention",
        [K, K[..., :4], V[..., :6], KEYS, None, None],
        naive_attention(
            K, K[..., :4], V[..., :6], 4, 2, 1.0, lambda b, h, i, j: bool(KEYS[b, j] and j <= i)
        ),
        {"heads": 4, "kv_heads": 2, "scale": 1.0, "causal": True},
    ),
    Case("conv", [IMAGE, normal(6, 2, 3, 2), normal(6)], None, {**CONV, "groups": 2}),
    *transposed_convolutions(),
    Case("resize", [X], X.repeat(2, 0).repeat(3, 2), {"scales": (2, 1, 3)}),
    Case("resize", [RAMP], LINES, {"scales": (1, 3), "mode": "linear"}),
    Case(
        "group_norm",
        [IMAGE, None, None],
        naive_groups(IMAGE, 2, 0.1),
        {"axis": 1, "groups": 2, "epsilon": 0.1},
    ),
    Case(
        "group_norm",
        [np.moveaxis(IMAGE, 1, 3), np.arange(4.0), np.ones(4)],
        np.moveaxis(naive_groups(IMAGE, 4, 0.1), 1, 3) * np.arange(4.0) + 1,
        {"axis": -1, "groups": 4, "epsilon": 0.1},
    ),
    Case("max_pool", [IMAGE], pooled(np.max, -np.inf), POOL),
    Case("average_pool", [IMAGE], pooled(np.mean, np.nan), POOL),
    Case("average_pool", [IMAGE], pooled(np.mean, 0.0), {**POOL, "count_include_pad": True}),
    Case("positions", [X], np.array([5, 6, 7]), {"axis": 1, "offset": 5}),
    Case(
        "sinusoid",
        [np.array([0, 3])],
        np.array(
            [
                [0, 1, 0, 1, 0],
                [
                    math.sin(3),
                    math.cos(3),
                    math.sin(3 / 100**0.4),
                    math.cos(3 / 100**0.4),
                    math.sin(3 / 100**0.8),
                ],
            ]
        ),
        {"width": 5, "base": 100.0},
    ),
    Case("dropout", [X], X, {"rate": 0.5}),
    Case("gaussian_noise", [X], X, {"stddev": 0.5}),
    Case("quantize_rows", [ROWS], naive_rows(ROWS, 128)),
    Case("quantize_rows", [ROWS], naive_rows(ROWS, 32), {"zero_point": 32}),
    Case("quantize_rows", [abs(ROWS)], naive_rows(abs(ROWS), 0), {"zero_point": 0}),
    Case(
        "quantize",
        [np.array([-99.0, -0.1, 0.26, 99.0])],
        np.array([0, 128, 129, 255], np.uint8),
        {"scale": 0.25},
    ),
    Case("quantize_columns", [LONG, None], naive_columns(LONG, np.ones(3))),
    Case("quantize_columns", [LONG, KEPT], naive_columns(LONG, KEPT)),
    Case("quantize_columns", [np.zeros((3, 2))], [np.zeros((3, 2), np.int8), np.ones(2)]),
    *(
        Case("quantize_blocks", [LONG], naive_blocks(LONG, bits, 16), {"bits": bits, "block": 16})
        for bits in (4, 8)
    ),
    Case(
        "quantized_linear",
        [BYTES, STEPS, LEVELS, GAIN, BIAS],
        np.einsum("ij,jk->ik", BYTES - 32.0, 1.0 * LEVELS) * STEPS * GAIN + BIAS,
        {"zero_point": 32},
    ),
    Case(
        "quantized_linear",
        [BYTES, None, LEVELS, GAIN],
        np.einsum("ij,jk->ik", BYTES - 128.0, 1.0 * LEVELS) * 0.5 * GAIN,
        {"scale": 0.5},
    ),
    Case(
        "dynamic_quantized_linear",
        [np.array([[0.0, 510.0], [100.0, 101.0]]), LEVELS[:2], GAIN, BIAS],
        np.einsum("ij,jk->ik", [[0.0, 510.0], [100.0, 100.0]], 1.0 * LEVELS[:2]) * GAIN + BIAS,
    ),
    Case(
        "dynamic_quantized_linear",
        [np.array([[-255.0, 255.0]]), LEVELS[:2], GAIN],
        np.einsum("ij,jk->ik", [[-256.0, 254.0]], 1.0 * LEVELS[:2]) * GAIN,
    ),
    *(
        Case(
            "block_quantized_linear",
            [ROWS_OF_40, *(parts := naive_blocks(LONG, bits, 16))],
            naive_block_product(ROWS_OF_40, *parts, bits, 16),
            {"bits": bits, "block": 16},
        )
        for bits in (4, 8)
    ),
]


def expected_of(case: Case) -> list[np.ndarray]:
    if case.op == "matmul":
        a, b = case.operands
        left = a[None] if a.ndim == 1 else a
        return [np.einsum("...ij,...jk->...ik", left, b).reshape(spec_shape(case))]
    if case.op == "conv":
        return [naive_conv(*case.operands, *CONV.values(), 2)]
    return case.expected if isinstance(case.expected, list) else [case.expected]


def spec_shape(case: Case) -> tuple[int, ...]:
    a, b = case.operands
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return (*batch, *a.shape[-2:-1], b.shape[-1])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.op)
def test_the_reference_is_the_formula_and_the_type_is_the_results(case: Case) -> None:
    types = [type_of(array) for array in case.operands]
    results = compute(case.op, types, case.operands, case.attributes)
    spec = spec_of(case.op)
    inferred = spec.infer(spec.arrange(types), spec.complete(case.attributes))
    expected = expected_of(case)
    assert len(results) == len(expected) == len(inferred)
    for result, wanted, type in zip(results, expected, inferred, strict=True):
        assert result.shape == bind_type(type, {"P": len(wanted)} if spec.counts else {}).shape
        held = np.float64 if type.dtype.is_float else type.dtype.numpy
        assert result.dtype == held
        # Constants of a decomposition are rounded to float32.
        np.testing.assert_allclose(
            result, wanted, rtol=3e-7 if spec.is_fused else 1e-12, atol=1e-12
        )


def test_every_op_has_a_case_a_text_and_names_for_its_results() -> None:
    assert {case.op for case in CASES} == set(registry())
    for spec in registry().values():
        assert len(spec.doc) >= 3, spec.name
        assert spec.doc.endswith("."), spec.name
        assert spec.results, spec.name


@pytest.mark.parametrize("op", [name for name, spec in registry().items() if spec.is_fused])
def test_a_decomposition_has_the_types_that_the_op_infers(op: str) -> None:
    batch = symbol("N")
    for case in (case for case in CASES if case.op == op):
        graph = Graph("test")
        emit = Emitter(graph)
        fixed = {"weight", "bias", "gain"}
        operands = []
        for array, operand in zip(case.operands, spec_of(op).operands, strict=True):
            type = type_of(array)
            if type is not None and array.ndim == 3 and operand.name not in fixed:
                type = type.with_shape((batch, *type.shape[1:]))
            if type is not None and operand.name in ("key_mask", "mask") and type.shape[0] == 2:
                type = type.with_shape((batch, *type.shape[1:]))
            operands.append(graph.add_input(operand.name, type) if type else None)
        attributes = spec_of(op).complete(case.attributes)
        inferred = spec_of(op).infer([v.type if v else None for v in operands], attributes)
        found = spec_of(op).decompose(emit, operands, attributes)
        found = found if isinstance(found, tuple) else (found,)
        assert tuple(value.type for value in found) == inferred
        assert all(not spec_of(node.op).is_fused for node in graph.nodes())
