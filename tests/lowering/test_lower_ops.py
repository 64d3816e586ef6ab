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
ATTENTION = "; ".join([X] * 3)
SCALE = {"heads": 2, "scale": 0.5}


def test_every_op_and_form_has_a_case(op_cases: Any) -> None:
    cases = {(op, form) for op, form, _ in op_cases}
    primitive = {name for name, spec in registry().items() if not spec.is_fused}
    fused = set(registry()) - primitive
    assert set(table()) == cases
    assert {op for op, form in cases if not form} == primitive
    assert {op for op, form in cases if form} <= fused


@pytest.mark.parametrize("target", ["cpu", "portable"])
def test_computes_what_the_interpreter_does(
    op_case: Any, target: str, graph_of: Any, contents_of: Any, run_model: Any, lowered: Any,
) -> None:  # fmt: skip
    op, form, case = op_case
    graph = graph_of(op, case)
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


def test_lowering_twice_gives_the_same_bytes(op_cases: Any, graph_of: Any, lowered: Any) -> None:
    for op, _, case in op_cases[::7]:
        graphs = [graph_of(op, case) for _ in range(2)]
        first, second = (lowered(graph, target_named("cpu")) for graph in graphs)
        assert first == second


def test_a_model_names_the_domain_of_contrib_operators_only_where_it_uses_one(
    graph_of: Any, case_of: Any
) -> None:
    graph = graph_of("add", case_of(f"{X}; {X}"))
    model = lower(graph, target_named("cpu"), producer_version="test").model
    assert [each.domain for each in model.opset_import] == [""]
