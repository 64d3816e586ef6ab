"""Every op of the IR, lowered for each target that runs here, against the float64 interpreter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from neuralc.ir.diagnostic import CompileError, ExitStatus
from neuralc.ir.interpreter import interpret
from neuralc.ir.spec import registry
from neuralc.ir.target import target_named
from neuralc.lowering.onnx_lowering import lower
from neuralc.lowering.table import table
from neuralc.lowering.validity import check

X = "f32[B, S, 8]"
VECTOR = "= f32[8]"
IMAGE = {"strides": (2, 1), "pads": ((1, 0), (0, 1))}
FLAT = {"strides": (1,), "pads": ((0, 0),), "dilations": (1,)}
ATTENTION = "f32[B, S, 8]; f32[B, S, 8]; f32[B, S, 8]"
SCALE = {"heads": 2, "scale": 0.5}

Row = tuple[str, dict[str, Any]] | tuple[str, dict[str, Any], float]
"""Operands, attributes, and, where the op needs it, the lowest content of float operands."""

CASES: dict[str, list[Row]] = {
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
    "gather": [("= f32[4, 8]; i64[B, S]", {}), ("f32[B, 5]; i64[2]", {"axis": 1})],
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
    "cast": [],
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

FORMS: dict[tuple[str, str], list[Row]] = {
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
ROWS = [(op, "", row) for op, rows in CASES.items() for row in rows] + [
    (op, form, row) for (op, form), rows in FORMS.items() for row in rows
]


def _graph(graph_of: Any, case_of: Any, op: str, form: str, row: Row) -> tuple[Any, Any]:
    attributes = {**row[1], "form": form} if form else row[1]
    case = case_of(row[0], attributes, row[2] if len(row) > 2 else -3.0)
    return graph_of(op, case), case


def test_every_op_and_form_has_a_case() -> None:
    primitive = {name for name, spec in registry().items() if not spec.is_fused}
    fused = set(registry()) - primitive
    assert set(CASES) == primitive
    assert {key for key in table() if not key[1]} == {(op, "") for op in primitive}
    assert {key for key in table() if key[1]} == set(FORMS)
    assert {op for op, _ in FORMS} <= fused


@pytest.mark.parametrize("target", ["cpu", "portable"])
@pytest.mark.parametrize(("op", "form", "row"), ROWS)
def test_computes_what_the_interpreter_does(
    op: str, form: str, row: Row, target: str,
    graph_of: Any, case_of: Any, contents_of: Any, run_model: Any, lowered: Any,
) -> None:  # fmt: skip
    graph, case = _graph(graph_of, case_of, op, form, row)
    aim = target_named(target)
    needed = table()[op, form]
    if needed.opset > aim.opset or (needed.contrib and not aim.contrib):
        with pytest.raises(CompileError) as caught:
            lowered(graph, aim)
        assert caught.value.diagnostics[0].code == "E0601"
        assert caught.value.status is ExitStatus.COMPILER_FAULT
        return
    model = lowered(graph, aim)
    check(model)
    for sizes in ({"B": 3, "S": 5, "U": 4}, {"B": 1, "S": 1, "U": 1}):
        inputs = contents_of(graph, sizes, case.low, case.high)
        expected = interpret(graph, inputs)
        for optimized in (True, False):
            outputs = run_model(model, inputs, optimized)
            for name, found in zip(graph.outputs, outputs, strict=True):
                wanted = expected[name]
                assert found.shape == wanted.shape
                assert found.dtype == graph.outputs[name].type.dtype.numpy
                if wanted.dtype.kind == "f":
                    np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=3e-6)
                else:
                    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("op", [name for name, spec in registry().items() if spec.is_fused])
def test_a_fused_op_without_a_form_is_a_fault_that_names_it(
    op: str, graph_of: Any, case_of: Any, lowered: Any
) -> None:
    operands = {
        "linear": "f32[B, 8]; f32[8, 3]; _",
        "qkv_projection": "f32[B, 8]; f32[8, 3]; _; f32[8, 3]; _; f32[8, 3]; _",
        "kv_projection": "f32[B, 8]; f32[8, 3]; _; f32[8, 3]; _",
        "gelu": X, "silu": X, "bias_gelu": f"{X}; f32[8]",
        "skip_layer_norm": f"{X}; {X}; _; _",
        "scaled_masked_softmax": f"{X}; _; _",
        "attention": f"{ATTENTION}; _; _; _",
    }[op]  # fmt: skip
    attributes = {"skip_layer_norm": {"epsilon": 0.1}, "attention": SCALE}.get(op, {})
    with pytest.raises(CompileError, match=f"E0601.*{op}"):
        lowered(graph_of(op, case_of(operands, attributes)), target_named("cpu"))


@pytest.mark.parametrize(
    ("form", "operands", "attributes", "what"),
    [
        ("attention23", "bool[B, S]; _; _", {}, "key mask"),
        ("attention23", "_; bool[B, 1, S, S]; f32[S, S]", {}, "bias"),
        ("mha", "_; _; f32[S, S]", {}, "bias"),
        ("mha", "_; bool[S, S]; _", {}, "mask"),
        ("gqa", "_; bool[S, S]; _", {"causal": True}, "mask"),
        ("gqa", "_; _; _", {}, "causal"),
    ],
)
def test_what_a_kernel_cannot_take_is_a_fault(
    form: str, operands: str, attributes: dict[str, Any], what: str,
    graph_of: Any, case_of: Any, lowered: Any,
) -> None:  # fmt: skip
    case = case_of(f"{ATTENTION}; {operands}", {**SCALE, **attributes, "form": form})
    with pytest.raises(CompileError, match=f"E0601.*{what}"):
        lowered(graph_of("attention", case), target_named("cpu"))


def test_cast_converts_between_all_types(
    graph_of: Any, case_of: Any, contents_of: Any, run_model: Any, lowered: Any
) -> None:
    from neuralc.ir.dtype import DType

    kinds = [DType.BOOL, DType.I32, DType.I64, DType.F32]
    for source in kinds:
        for to in kinds:
            graph = graph_of("cast", case_of(f"{source}[B, 6]", {"to": to}))
            inputs = contents_of(graph, {"B": 2}, 0.0, 3.0)
            (found,) = run_model(lowered(graph, target_named("portable")), inputs)
            np.testing.assert_array_equal(found, interpret(graph, inputs)["y0"].astype(to.numpy))


def test_lowering_twice_gives_the_same_bytes(graph_of: Any, case_of: Any, lowered: Any) -> None:
    rows = CASES["reshape"] + CASES["slice"]
    for row in rows[:4]:
        graphs = [graph_of("reshape", case_of(*row)) for _ in range(2)]
        first, second = (lowered(graph, target_named("cpu")) for graph in graphs)
        assert first == second


def test_the_largest_file_of_no_target_carries_a_contrib_import_without_need(
    graph_of: Any, case_of: Any
) -> None:
    graph = graph_of("add", case_of(f"{X}; {X}"))
    model = lower(graph, target_named("cpu"), producer_version="test").model
    assert [each.domain for each in model.opset_import] == [""]
