"""Shared by the lowering tests: graphs of one op from a line of text, and running them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from neuralc.ir.dim import Dim, Symbol, evaluate, parse_dim
from neuralc.ir.dtype import DType
from neuralc.ir.graph import Graph
from neuralc.ir.parameter import Literal
from neuralc.ir.target import Target
from neuralc.ir.type import TensorType
from neuralc.ir.value import Kind, Value
from neuralc.lowering.onnx_lowering import lower
from neuralc.lowering.weights import to_bytes

SYMBOLS = {"B": Symbol("B"), "S": Symbol("S", maximum=9), "U": Symbol("U")}
SYMBOLS["P"] = Symbol("P", within=parse_dim("B*S", SYMBOLS))
"""The batch, a bounded and an unbounded length."""


@dataclass(frozen=True)
class Case:
    """One op on operands like `f32[B, S, 8]`; `= ` before one makes it a weight, `_` leaves it out,
    `+ ` makes it an input of the model only, which says a size.

    `low` and `high` bound the random content of float operands.
    """

    operands: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    low: float = -3.0
    high: float = 3.0


X = "f32[B, S, 8]"
VECTOR = "= f32[8]"
IMAGE = {"strides": (2, 1), "pads": ((1, 0), (0, 1))}
FLAT = {"strides": (1,), "pads": ((0, 0),), "dilations": (1,)}
ATTENTION = "f32[B, S, 8]; f32[B, S, 8]; f32[B, S, 8]"
SCALE = {"heads": 2, "scale": 0.5}

CASES: dict[str, list[tuple[Any, ...]]] = {
    **{
        op: [(X, {})]
        for op in (
            "neg", "abs", "exp", "tanh", "erf", "sigmoid", "relu", "softplus", "softsign", "selu",
            "mish", "floor", "hard_sigmoid",
        )
    },
    **{op: [(X, {}, 0.1)] for op in ("log", "sqrt", "reciprocal")},
    "elu": [(X, {}), (X, {"alpha": 0.3})],
    "leaky_relu": [(X, {"slope": 0.2})],
    "logical_not": [("bool[B, S]", {})],
    **{
        op: [(f"{X}; {X}", {}), (f"{X}; f32[S, 1]", {}), ("i64[B, S]; i64[S]", {})]
        for op in ("add", "sub", "mul", "maximum", "minimum")
    },
    "div": [(f"{X}; = f32[8]", {}), (f"{X}; f32[B, S, 1]", {}, 0.5)],
    "pow": [(f"{X}; f32[8]", {}, 0.1)],
    **{
        op: [("i64[B, S]; i64[S]", {}), (f"{X}; f32[8]", {})]
        for op in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
    },
    **{op: [("bool[B, S]; bool[S]", {})] for op in ("logical_and", "logical_or")},
    "where": [(f"bool[B, S, 1]; {X}; = f32[]", {}), ("bool[S]; i64[B, S]; i64[1]", {})],
    "reshape": [
        (X, {"shape": "[B, S, 2, 4]"}),
        (X, {"shape": "[B*S, 8]"}),
        (X, {"shape": "[S, B, 8]"}),
        ("f32[B*S, 8]; + f32[B, S]", {"shape": "[B, S, 8]"}),
        ("f32[4, 6]", {"shape": (2, 12)}),
        ("bool[B, S]", {"shape": "[B, 1, 1, S]"}),
        ("f32[2*S, B]; + f32[S]", {"shape": "[2, S, B]"}),
    ],
    "transpose": [(X, {"permutation": (2, 0, 1)})],
    "expand": [
        ("f32[1, 8]", {"shape": (3, 8)}),
        ("f32[S, 8]; + f32[B]", {"shape": "[B, S, 8]"}),
        ("f32[B, 1, 8]; + f32[S]", {"shape": "[B, 2*S + 1, 8]"}),
    ],
    "concat": [(f"{X}; f32[B, 2, 8]", {"axis": 1}), (f"{X}; {X}; {X}", {"axis": -1})],
    "slice": [
        (X, {"axis": -1, "start": 1, "stop": 7, "step": 2}),
        (X, {"axis": 1, "start": 0, "stop": "S"}),
        (X, {"axis": 1, "start": "S - 1", "stop": "S"}),
        ("= f32[9, 8]; + f32[S]", {"axis": 0, "start": 0, "stop": "S"}),
        ("f32[2*S]; + f32[S]", {"axis": 0, "start": "S - 1", "stop": "S + S//2"}),
    ],
    "split": [(X, {"axis": -1, "sizes": (1, 4, 3)}), ("f32[6, B]", {"axis": 0, "sizes": (6,)})],
    "pad": [(X, {"pads": ((0, 0), (1, 2), (0, 3)), "value": 1.5}), ("i64[B]", {"pads": ((1, 0),)})],
    "nonzero": [("bool[B*S]; + f32[B, S]", {"count": "P"})],
    "gather": [("= f32[4, 8]; i64[B, S]", {}), ("f32[B, 5]; i64[2]", {"axis": 1})],
    "take_rows": [("f32[B, 5, 8]; i64[B, 1]", {}), ("bool[B, 6]; i64[B, 3]", {})],
    "matmul": [
        (f"{X}; = f32[8, 3]", {}),
        ("f32[B, 2, S, 4]; f32[B, 2, 4, S]", {}),
        ("f32[B, S, 4]; f32[4]", {}),
        ("f32[2, 1, 3, 4]; f32[5, 4, 2]", {}),
    ],
    "reduce_sum": [(X, {"axes": (1,)}), (X, {"axes": (0, -1), "keepdims": True})],
    "reduce_mean": [(X, {"axes": (1,)}), (X, {"axes": (0, 1, 2)})],
    "reduce_max": [(X, {"axes": (1,)}), ("bool[B, S]", {"axes": (1,)})],
    "reduce_min": [(X, {"axes": (1,)}), ("bool[B, S]", {"axes": (1,), "keepdims": True})],
    "cast": [("bool[B, 6]", {"to": DType.F32})],
    "argmax": [("bool[B, S]", {"axis": 1, "keepdims": True}), (X, {"axis": -1})],
    "reverse": [(X, {"axis": 1}), ("bool[B, S]", {"axis": -1})],
    "lstm": [
        ("f32[S, B, 3]; = f32[1, 16, 3]; = f32[1, 16, 4]; = f32[1, 32]", {}),
        (
            "f32[S, B, 3]; = f32[1, 16, 3]; = f32[1, 16, 4]; _",
            {"activation": "softsign", "recurrent_activation": "hard_sigmoid"},
        ),
        *(
            ("f32[S, B, 3]; = f32[1, 16, 3]; = f32[1, 16, 4]; _", {"activation": each}, -1.0, 1.0)
            for each in ("relu", "linear", "elu", "leaky_relu", "sigmoid")
        ),
    ],
    "gru": [
        ("f32[S, B, 3]; = f32[1, 12, 3]; = f32[1, 12, 4]; = f32[1, 24]", {}),
        ("f32[S, B, 3]; = f32[1, 12, 3]; = f32[1, 12, 4]; = f32[1, 24]", {"reset_after": False}),
        (
            "f32[S, B, 3]; = f32[1, 12, 3]; = f32[1, 12, 4]; _",
            {"activation": "elu", "recurrent_activation": "hard_sigmoid"},
        ),
    ],
    "simple_rnn": [
        ("f32[S, B, 3]; = f32[1, 4, 3]; = f32[1, 4, 4]; = f32[1, 8]", {}),
        ("f32[S, B, 3]; = f32[1, 4, 3]; = f32[1, 4, 4]; _", {"activation": "leaky_relu"}),
    ],
    "cumsum": [(X, {"axis": 1}), ("i64[B, S]", {"axis": -1})],
    "softmax": [(X, {}), (X, {"axis": 1})],
    "masked_softmax": [
        ("f32[B, 2, S, S]; bool[B, 1, 1, S]", {}),
        ("f32[B, 2, S, S]; bool[S, S]", {}),
        (f"{X}; bool[B, S, 1]", {"axis": 1}),
    ],
    "layer_norm": [
        (f"{X}; {VECTOR}; {VECTOR}", {"epsilon": 1e-6}),
        (f"{X}; _; _", {"epsilon": 1e-3}),
        (f"{X}; {VECTOR}; _", {"epsilon": 1e-3}),
        (f"{X}; _; {VECTOR}", {"epsilon": 1e-3}),
        ("f32[B, 8, S]; = f32[8]; = f32[8]", {"axis": 1, "epsilon": 1e-3}),
        ("f32[B, S]; _; _", {"axis": -1, "epsilon": 1e-3}),
    ],
    "rms_norm": [
        (f"{X}; {VECTOR}", {"epsilon": 1e-6}),
        (f"{X}; _", {"epsilon": 1e-6}),
        ("f32[B, 8, S]; = f32[8]", {"axis": 1, "epsilon": 1e-3}),
        ("f32[B, 8, S]; _", {"axis": 1, "epsilon": 1e-3}),
    ],
    "batch_norm": [
        ("f32[B, 8, 3, S]" + f"; {VECTOR}" * 4, {"axis": 1, "epsilon": 1e-3, "training": True}),
        (X + f"; {VECTOR}" * 4, {"axis": -1, "epsilon": 1e-3}),
        ("f32[B, 3, 8, S]" + f"; {VECTOR}" * 4, {"axis": 2, "epsilon": 1e-3}),
    ],
    "conv": [
        ("f32[B, 3, 7, 6]; = f32[4, 3, 3, 2]; = f32[4]", {**IMAGE, "dilations": (1, 2)}),
        ("f32[B, 4, 7, 6]; = f32[4, 2, 1, 2]; _", {**IMAGE, "dilations": (1, 1), "groups": 2}),
        ("f32[B, 2, S]; = f32[3, 2, 1]; _", FLAT),
    ],
    "conv_transpose": [
        (
            "f32[B, 4, 7, 6]; = f32[4, 3, 3, 2]; = f32[3]",
            {**IMAGE, "output_padding": (1, 0), "dilations": (1, 2)},
        ),
        (
            "f32[B, 4, 3, 5]; = f32[4, 3, 1, 1]; _",
            {
                "strides": (3, 2),
                "pads": ((0, 0), (0, 0)),
                "output_padding": (2, 1),
                "dilations": (1, 1),
                "groups": 2,
            },
        ),
        ("f32[B, 2, S]; = f32[2, 3, 2]; _", {**FLAT, "output_padding": (0,)}),
        (
            "f32[B, 2, 3, 2, 3]; = f32[2, 3, 2, 1, 2]; _",
            {
                "strides": (2, 1, 3),
                "pads": ((0, 1), (0, 0), (0, 0)),
                "output_padding": (0, 0, 1),
                "dilations": (1, 1, 1),
            },
        ),
    ],
    "group_norm": [
        ("f32[B, 8, 3, S]" + f"; {VECTOR}" * 2, {"axis": 1, "groups": 2, "epsilon": 1e-3}),
        ("f32[B, 8, 3, S]; _; _", {"axis": 1, "groups": 8, "epsilon": 1e-3}),
        ("f32[B, 3, S, 8]" + f"; {VECTOR}" * 2, {"axis": -1, "groups": 8, "epsilon": 1e-3}),
        (f"f32[B, 4, 3, 8]; {VECTOR}; _", {"axis": 3, "groups": 4, "epsilon": 1e-3}),
        (f"f32[B, 8]; _; {VECTOR}", {"axis": 1, "groups": 2, "epsilon": 1e-3}),
        ("f32[B, 8]; _; _", {"axis": 1, "groups": 8, "epsilon": 1e-3}),
    ],
    "resize": [
        (X, {"scales": (1, 3, 1)}),
        (X, {"scales": (1, 3, 1), "mode": "linear"}),
        ("f32[B, 4, 3, 5]", {"scales": (1, 2, 3, 1)}),
        ("f32[B, 4, 3, 5]", {"scales": (1, 2, 3, 1), "mode": "linear"}),
        ("f32[B, 4, 3, 5]", {"scales": (1, 1, 3, 4), "mode": "linear"}),
        ("f32[B, 4, 3, S]", {"scales": (1, 1, 2, 2), "mode": "linear"}),
    ],
    "max_pool": [("f32[B, 3, 7, 6]", {**IMAGE, "kernel": (3, 2)})],
    "average_pool": [
        ("f32[B, 3, 7, 6]", {**IMAGE, "kernel": (3, 2)}),
        ("f32[B, 3, 7, 6]", {**IMAGE, "kernel": (3, 2), "count_include_pad": True}),
    ],
    "positions": [(X, {"axis": 1}), (X, {"axis": -1, "offset": 2}), ("f32[U]", {"axis": 0})],
    "sinusoid": [("i64[S]", {"width": 6}), ("i64[3]", {"width": 5, "base": 100.0})],
    "dropout": [(X, {"rate": 0.5}), (X, {"rate": 1.0})],
    "gaussian_noise": [(X, {"stddev": 0.1})],
}  # fmt: skip

CASES |= {
    "quantize_rows": [(X, {}), (X, {"zero_point": 32}), (X, {"zero_point": 0}, 0.1)],
    "quantize": [(X, {"scale": 0.02}), (X, {"scale": 0.01, "zero_point": 0}, 0.1)],
    "quantize_columns": [("f32[6, 5]; _", {}), ("f32[7, 5]; = f32[5]", {})],
    "quantize_blocks": [
        ("f32[40, 3]", {"bits": 8, "block": 16}),
        ("f32[40, 3]", {"bits": 4, "block": 16}),
    ],
    "quantized_linear": [
        ("u8[B, 8]; f32[B, 1]; = i8[8, 3]; = f32[3]; = f32[3]", {}),
        ("u8[B, S, 8]; f32[B, S, 1]; = i8[8, 3]; = f32[3]; _", {"zero_point": 32}),
        ("u8[B, 8]; _; = i8[8, 3]; = f32[3]; = f32[3]", {"scale": 0.5, "zero_point": 0}),
        ("u8[B, 8]; _; = i8[8, 3]; = f32[3]; _", {"scale": 0.5}),
    ],
    "dynamic_quantized_linear": [
        ("f32[B, 8]; = i8[8, 3]; = f32[3]; = f32[3]", {}),
        (f"{X}; = i8[8, 3]; = f32[3]; _", {}),
    ],
    "block_quantized_linear": [
        ("f32[B, 40]; = u8[3, 3, 16]; = f32[3, 3]; = f32[3]", {"bits": 8, "block": 16}),
        ("f32[B, S, 64]; = u8[3, 2, 16]; = f32[3, 2]; _", {"bits": 4, "block": 32}),
    ],
}

FORMS: dict[tuple[str, str], list[tuple[Any, ...]]] = {
    ("linear", "gemm"): [
        ("f32[B, 8]; = f32[8, 3]; = f32[3]", {}),
        ("f32[B, 8]; = f32[8, 3]; _", {}),
    ],
    ("gelu", "gelu20"): [(X, {}), (X, {"approximate": "tanh"})],
    ("bias_gelu", "bias_gelu"): [
        (f"{X}; {VECTOR}", {}),
        (f"{X}; {VECTOR}", {"approximate": "tanh"}),
    ],
    ("skip_layer_norm", "skip_layer_norm"): [
        (f"{X}; {X}; {VECTOR}; {VECTOR}", {"epsilon": 1e-5}),
        (f"{X}; {X}; _; _", {"epsilon": 1e-5}),
    ],
    ("attention", "attention23"): [
        (f"{ATTENTION}; _; _; _", SCALE),
        (f"{ATTENTION}; _; _; _", {**SCALE, "causal": True}),
        (f"{ATTENTION}; _; _; f32[B, 2, S, S]", SCALE),
        ("f32[B, S, 8]; f32[B, 3, 4]; f32[B, 3, 6]; _; _; _", {**SCALE, "kv_heads": 1}),
        (f"{ATTENTION}; _; bool[B, 1, S, S]; _", SCALE),
        (f"{ATTENTION}; _; bool[B, 1, S, S]; _", {**SCALE, "causal": True}),
    ],
    ("attention", "mha"): [
        (f"{ATTENTION}; _; _; _", SCALE),
        (f"{ATTENTION}; _; _; _", {**SCALE, "causal": True}),
        ("f32[B, S, 8]; f32[B, 3, 8]; f32[B, 3, 12]; _; _; _", SCALE),
    ],
    ("attention", "gqa"): [
        (
            "f32[B, S, 32]; f32[B, S, 16]; f32[B, S, 16]; _; _; _",
            {"heads": 4, "kv_heads": 2, "scale": 0.4, "causal": True},
        ),
        (
            "f32[B, 5, 16]; f32[B, 5, 16]; f32[B, 5, 16]; _; _; _",
            {"heads": 2, "scale": 0.4, "causal": True},
        ),
    ],
}

OP_CASES = [(op, "", Case(*row)) for op, rows in CASES.items() for row in rows] + [
    (op, form, Case(row[0], {**row[1], "form": form}))
    for (op, form), rows in FORMS.items()
    for row in rows
]
"""Every primitive op, and every fused one in each form that is one kernel."""


def dims(text: str) -> tuple[Dim, ...]:
    return tuple(parse_dim(each, SYMBOLS) for each in text.split(",") if each.strip())


def attribute(value: Any) -> Any:
    """Text in brackets is a shape, a formula of symbols a dimension."""
    if not isinstance(value, str) or value.islower():
        return value
    return dims(value[1:-1]) if value[0] == "[" else parse_dim(value, SYMBOLS)


def operand(graph: Graph, text: str, number: int, random: np.random.Generator) -> Value | None:
    found = re.fullmatch(r"(=?)\s*(\w+)\[(.*)\]", text)
    if found is None:
        assert text == "_"
        return None
    type = TensorType(DType(found[2]), dims(found[3]))
    if not found[1]:
        return graph.add_input(f"x{number}", type)
    content = random.uniform(0.5, 1.5, type.static_shape).astype(type.dtype.numpy)
    return graph.add_source(f"weight{number}", Literal(type, content), Kind.PARAMETER)


def one_op(op: str, case: Case) -> Graph:
    graph = Graph(op)
    random = np.random.default_rng(0)
    parts = [part.strip() for part in re.split(r";", case.operands)]
    made = [(part, operand(graph, part.strip("+ "), i, random)) for i, part in enumerate(parts)]
    attributes = {name: attribute(value) for name, value in case.attributes.items()}
    node = graph.add(op, [value for part, value in made if part[0] != "+"], attributes)
    graph.outputs = {f"y{i}": result for i, result in enumerate(node.results)}
    return graph


def contents(
    graph: Graph, sizes: Mapping[str, int], low: float = -3.0, high: float = 3.0, seed: int = 1
) -> dict[str, np.ndarray]:
    """Random content for every input; integers are small enough for any table of the cases."""
    random = np.random.default_rng(seed)
    made: dict[str, np.ndarray] = {}
    for value in graph.inputs:
        shape = [evaluate(dim, sizes) for dim in value.type.shape]
        if value.type.dtype is DType.BOOL:
            made[value.name] = random.integers(0, 2, shape).astype(bool)
        elif value.type.dtype.is_float:
            made[value.name] = random.uniform(low, high, shape).astype(value.type.dtype.numpy)
        else:
            made[value.name] = random.integers(0, 4, shape).astype(value.type.dtype.numpy)
    return made


def run(model: bytes, inputs: Mapping[str, np.ndarray], optimized: bool = True) -> Sequence[Any]:
    """The outputs in a session with default options, or with the runtime's optimizer off."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    if not optimized:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(None, dict(inputs))


@pytest.fixture(scope="session")
def case_of() -> type[Case]:
    return Case


@pytest.fixture(scope="session")
def graph_of() -> Callable[[str, Case], Graph]:
    return one_op


@pytest.fixture(scope="session")
def contents_of() -> Callable[..., dict[str, np.ndarray]]:
    return contents


@pytest.fixture(scope="session")
def run_model() -> Callable[..., Sequence[Any]]:
    return run


@pytest.fixture(scope="session")
def lowered() -> Callable[[Graph, Target], bytes]:
    return lambda graph, target: to_bytes(lower(graph, target, producer_version="test"))


@pytest.fixture(scope="session")
def op_cases() -> list[tuple[str, str, Case]]:
    return OP_CASES


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "op_case" in metafunc.fixturenames:
        names = [f"{op}-{form}-{number}" for number, (op, form, _) in enumerate(OP_CASES)]
        metafunc.parametrize("op_case", OP_CASES, ids=names)
