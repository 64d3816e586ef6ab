"""Forms are chosen by measured cost, within what a kernel takes, or as the user says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from neuralc.ir.costs import CostTable, cost_table
from neuralc.ir.diagnostic import CompileError, ExitStatus
from neuralc.ir.dim import Dim, symbol
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.graph import Graph
from neuralc.ir.interpreter import interpret
from neuralc.ir.parameter import Seeded
from neuralc.ir.span import Span
from neuralc.ir.target import Target, target_named
from neuralc.ir.type import TensorType
from neuralc.ir.value import Value
from neuralc.passes.form_choice import LARGE_SCORES, Sizes
from neuralc.passes.forms_pipeline import forms_passes
from neuralc.passes.manager import PipelineResult, run_pipeline
from neuralc.passes.select_forms import SelectForms

BATCH = symbol("B", origin="the batch")
SPAN = Span("model.neural", 5, 3, 5, 40)
CPU = target_named("cpu")


class Network:
    """A graph of floats and short ways to add what the pass works on."""

    def __init__(self) -> None:
        self.graph = Graph("Network")
        self.emit = Emitter(self.graph, "encoder[0]", (SPAN,))

    def input(self, name: str, *shape: Dim, dtype: DType = DType.F32) -> Value:
        return self.graph.add_input(name, TensorType(dtype, shape))

    def weight(self, *shape: int) -> Value:
        name = "glorot_uniform" if len(shape) > 1 else "random_uniform"
        bounds = () if len(shape) > 1 else (("minval", -1.0), ("maxval", 1.0))
        path = f"weight{len(list(self.graph.sources()))}"
        return self.emit.parameter(
            path, Seeded(TensorType(DType.F32, shape), name, bounds, 0, path)
        )

    def attention(
        self, length: Dim = 6, heads: int = 2, causal: bool = False, key_mask: Value | None = None
    ) -> Value:
        shape = (BATCH, length, heads * 64)
        count = len(self.graph.inputs)
        q, k, v = (self.input(f"{name}{count}", *shape) for name in "qkv")
        operands = (q, k, v, key_mask, None, None)
        return self.emit("attention", *operands, heads=heads, scale=0.125, causal=causal)

    def chosen(
        self,
        target: Target = CPU,
        forms: Mapping[str, str] | None = None,
        **outputs: Value,
    ) -> PipelineResult:
        """After the pass, which keeps the meaning."""
        self.graph.outputs = outputs
        result = run_pipeline(self.graph, [SelectForms(target, forms or {})], verify=True)
        random = np.random.default_rng(0)
        inputs = {}
        for value in self.graph.inputs:
            shape = [dim if isinstance(dim, int) else 2 for dim in value.type.shape]
            if int(np.prod(shape)) > 1 << 18:
                return result  # as large as it is for the sake of the choice
            numbers = random.standard_normal(shape)
            is_mask = value.type.dtype is DType.BOOL
            inputs[value.name] = numbers > 0 if is_mask else numbers.astype(np.float32)
        before, after = interpret(self.graph, inputs), interpret(result.graph, inputs)
        for name in outputs:
            np.testing.assert_allclose(after[name], before[name], rtol=1e-12, atol=1e-12)
        return result


def costs(case: str, **microseconds: float) -> Target:
    points = {form: ((1.0, cost), (1e15, cost)) for form, cost in microseconds.items()}
    return replace(CPU, costs=CostTable({case: points}))


def form_of(result: PipelineResult, op: str = "attention") -> str:
    """The form of the one such node; `expanded` where there is none any more."""
    forms = [node.attributes["form"] for node in result.graph.nodes() if node.op == op]
    assert len(forms) <= 1
    return str(forms[0]) if forms else "expanded"


def ops(result: PipelineResult) -> list[str]:
    return [node.op for node in result.graph.nodes()]


# ---- the choice ---------------------------------------------------------------------------


def test_the_fastest_is_taken() -> None:
    for fastest in ("attention23", "mha"):
        network = Network()
        table = {"attention23": 10.0, "mha": 10.0, "decomposed": 10.0, fastest: 5.0}
        result = network.chosen(costs("attention", **table), output=network.attention())
        assert form_of(result) == fastest


def test_what_expands_may_be_the_fastest() -> None:
    network = Network()
    target = costs("attention", attention23=10, mha=10, decomposed=5)
    result = network.chosen(target, output=network.attention())
    assert form_of(result) == "expanded"
    assert "softmax" in ops(result)


def test_in_a_tie_the_form_without_scores_wins() -> None:
    network = Network()
    target = costs("attention", attention23=100, mha=102, decomposed=101)
    assert form_of(network.chosen(target, output=network.attention())) == "mha"


def test_beyond_a_tie_it_does_not() -> None:
    network = Network()
    target = costs("attention", attention23=100, mha=104, decomposed=101)
    assert form_of(network.chosen(target, output=network.attention())) == "attention23"


@pytest.mark.parametrize(("length", "form"), [(1024, "attention23"), (4096, "mha")])
def test_large_scores_are_worth_some_time(length: int, form: str) -> None:
    assert (4 * 2 * length * length > LARGE_SCORES) == (form == "mha")
    network = Network()
    target = costs("attention", attention23=100, mha=120, decomposed=110)
    assert form_of(network.chosen(target, output=network.attention(length))) == form


def test_no_memory_is_worth_any_time() -> None:
    network = Network()
    target = costs("attention", attention23=100, mha=130, decomposed=110)
    assert form_of(network.chosen(target, output=network.attention(4096))) == "attention23"


def test_a_case_has_costs_of_its_own() -> None:
    network = Network()
    target = costs("attention causal", attention23=100, gqa=50, decomposed=110)
    outputs = {"a": network.attention(), "b": network.attention(causal=True)}
    result = network.chosen(target, **outputs)
    forms = [n.attributes["form"] for n in result.graph.nodes() if n.op == "attention"]
    assert forms == ["attention23", "gqa"]


def test_without_any_costs_the_first_form_is_taken() -> None:
    network = Network()
    target = replace(CPU, costs=CostTable())
    result = network.chosen(target, output=network.attention(causal=True))
    assert form_of(result) == "attention23"


def test_the_remark_gives_figures_alternatives_and_reasons() -> None:
    network = Network()
    target = costs("attention", attention23=10, mha=25, decomposed=30)
    (remark,) = network.chosen(target, output=network.attention()).remarks.all()
    assert remark.kind.value == "form"
    assert remark.spans == (SPAN,)
    assert remark.message == (
        "attention as attention23: 10 µs (mha 25 µs; decomposed 30 µs; "
        "gqa not: it is for causal attention only)"
    )


def test_symbolic_sizes_count_at_their_maxima() -> None:
    graph = Graph("Sizes")
    bounded, free = symbol("S", maximum=300), symbol("T")
    for name, shape in {"x": (BATCH, bounded), "y": (BATCH, free)}.items():
        graph.add_input(name, TensorType(DType.F32, shape))
    size = Sizes(graph)
    assert size(BATCH * bounded * 2) == 600
    assert size(free) == 512


# ---- measured tables ----------------------------------------------------------------------


def test_the_committed_table_knows_every_form_of_the_target() -> None:
    table = cost_table("cpu").points
    for case in ("attention", "attention causal", "attention masked", "attention causal masked"):
        assert {"attention23", "decomposed"} <= set(table[case])
    assert "mha" in table["attention"]
    assert "gqa" in table["attention causal"]
    for op in ("linear", "qkv_projection", "gelu", "bias_gelu", "skip_layer_norm"):
        assert set(table[op]) == {form.name for form in CPU.forms[op]}
    assert "ONNX Runtime" in cost_table("cpu").machine


# ---- what the user asks for ---------------------------------------------------------------


@pytest.mark.parametrize("form", ["attention23", "mha", "decomposed"])
def test_an_override_is_obeyed(form: str) -> None:
    network = Network()
    result = network.chosen(CPU, {"attention": form}, output=network.attention())
    assert form_of(result) == ("expanded" if form == "decomposed" else form)
    (remark,) = result.remarks.all()[:1]
    assert remark.message == f"attention as {form}: it was asked for"


@pytest.mark.parametrize(
    ("forms", "code", "words"),
    [
        ({"atention": "mha"}, "E0622", "'atention'"),
        ({"attention": "flash"}, "E0622", "no form 'flash'"),
        ({"attention": "gqa"}, "E0623", "causal attention only"),
    ],
)
def test_an_impossible_override_says_why(forms: Mapping[str, str], code: str, words: str) -> None:
    network = Network()
    with pytest.raises(CompileError) as caught:
        network.chosen(CPU, forms, output=network.attention())
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == code
    assert words in diagnostic.message
    assert caught.value.status is ExitStatus.USAGE
    assert diagnostic.span == (SPAN if code == "E0623" else None)


def test_an_override_that_the_target_lacks_says_so() -> None:
    network = Network()
    with pytest.raises(CompileError, match=r"E0623.*'portable' has no such kernel"):
        network.chosen(target_named("portable"), {"attention": "mha"}, output=network.attention())


# ---- targets ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "precision", "causal", "masked", "form"),
    [
        ("cpu", "fp32", False, False, "attention23"),
        ("cpu", "fp32", True, True, "attention23"),
        ("portable", "fp32", False, False, "expanded"),
        ("portable", "fp32", True, True, "expanded"),
        ("cuda", "fp32", False, False, "mha"),
        ("cuda", "fp16", False, False, "mha"),
        ("cuda", "fp16", True, False, "gqa"),
        ("cuda", "fp32", True, False, "mha"),
        ("cuda", "fp16", False, True, "expanded"),
    ],
)
def test_each_target_has_its_forms(
    target: str, precision: str, causal: bool, masked: bool, form: str
) -> None:
    network = Network()
    key_mask = network.input("mask", BATCH, 6, dtype=DType.BOOL) if masked else None
    attention = network.attention(causal=causal, key_mask=key_mask)
    result = network.chosen(target_named(target, precision), output=attention)
    assert form_of(result) == form


@pytest.mark.parametrize(
    ("name", "precision", "code"),
    [("tpu", "fp32", "E0620"), ("cpu", "fp16", "E0621"), ("cuda", "int8", "E0621")],
)
def test_unknown_targets_and_precisions(name: str, precision: str, code: str) -> None:
    with pytest.raises(CompileError, match=code):
        target_named(name, precision)


# ---- masks --------------------------------------------------------------------------------


def test_layers_share_one_written_out_mask() -> None:
    network = Network()
    key_mask = network.input("mask", BATCH, 6, dtype=DType.BOOL)
    outputs = {name: network.attention(key_mask=key_mask) for name in "abc"}
    result = network.chosen(CPU, {"attention": "attention23"}, **outputs)
    assert ops(result).count("expand") == 1


def test_another_mask_or_another_length_has_its_own() -> None:
    network = Network()
    masks = [network.input(f"mask{n}", BATCH, 6, dtype=DType.BOOL) for n in (1, 2)]
    outputs = {f"out{n}": network.attention(key_mask=mask) for n, mask in enumerate(masks)}
    query = network.input("query", BATCH, 3, 128)
    cross = (query, network.graph.inputs[3], network.graph.inputs[4], masks[0], None, None)
    outputs["cross"] = network.emit("attention", *cross, heads=2, scale=0.125)
    result = network.chosen(CPU, {"attention": "attention23"}, **outputs)
    assert ops(result).count("expand") == 3


# ---- projections --------------------------------------------------------------------------


def projection(network: Network, op: str, computed: bool = False, rank: int = 2) -> list[Value]:
    x = network.input("x", *(BATCH, 3, 8)[-rank:] if rank == 3 else (BATCH, 8))
    widths = (8, 8, 16) if op == "qkv_projection" else (8, 16)
    operands: list[Value | None] = [x]
    for number, width in enumerate(widths):
        kernel = network.weight(8, width)
        if computed and number == 0:
            kernel = network.emit("add", network.input("delta", 8, width), kernel)
        operands += [kernel, network.weight(width) if number else None]
    return list(network.emit.all(op, *operands))


@pytest.mark.parametrize("op", ["qkv_projection", "kv_projection"])
@pytest.mark.parametrize("form", ["separate", "packed"])
def test_projections_alone_or_packed(op: str, form: str) -> None:
    network = Network()
    results = projection(network, op)
    outputs = {f"out{n}": value for n, value in enumerate(results)}
    result = network.chosen(CPU, {"qkv": form}, **outputs)
    products = [node for node in result.graph.nodes() if node.op == "linear"]
    assert len(products) == (1 if form == "packed" else len(results))
    assert {node.attributes["form"] for node in products} == {"gemm"}
    assert ops(result).count("split") == (1 if form == "packed" else 0)


def test_weights_that_are_computed_are_not_packed() -> None:
    network = Network()
    outputs = dict(zip("qkv", projection(network, "qkv_projection", computed=True), strict=True))
    target = costs("qkv_projection", separate=100, packed=10)
    assert "split" not in ops(network.chosen(target, **outputs))
    with pytest.raises(CompileError, match=r"E0623.*computed when the model runs"):
        network.chosen(CPU, {"qkv": "packed"}, **outputs)


def test_gemm_takes_rows_only() -> None:
    network = Network()
    outputs = dict(zip("kv", projection(network, "kv_projection", rank=3), strict=True))
    assert "linear" not in ops(network.chosen(CPU, **outputs))
    with pytest.raises(CompileError, match=r"E0623.*rows only"):
        network.chosen(CPU, {"linear": "gemm"}, **outputs)


# ---- activations and norms ----------------------------------------------------------------


def test_gelu_behind_a_product_takes_its_bias_into_it() -> None:
    network = Network()
    x, kernel, bias = network.input("x", BATCH, 8), network.weight(8, 4), network.weight(4)
    product = network.emit("matmul", x, kernel)
    result = network.chosen(CPU, output=network.emit("bias_gelu", product, bias))
    assert ops(result) == ["linear", "gelu"]
    assert form_of(result, "linear") == "gemm"
    assert form_of(result, "gelu") == "gelu20"


def test_gelu_behind_a_product_that_others_read_adds_its_bias() -> None:
    network = Network()
    x, kernel, bias = network.input("x", BATCH, 8), network.weight(8, 4), network.weight(4)
    product = network.emit("matmul", x, kernel)
    activated = network.emit("bias_gelu", product, bias)
    result = network.chosen(CPU, output=activated, other=product)
    assert sorted(ops(result)) == ["add", "gelu", "matmul"]


def test_gelu_behind_a_product_with_a_bias_adds_its_own() -> None:
    network = Network()
    x, kernel = network.input("x", BATCH, 8), network.weight(8, 4)
    product = network.emit("linear", x, kernel, network.weight(4))
    result = network.chosen(CPU, output=network.emit("bias_gelu", product, network.weight(4)))
    assert sorted(ops(result)) == ["add", "gelu", "linear"]


def test_gelu_behind_a_product_of_two_activations_adds_its_bias() -> None:
    network = Network()
    a, b = network.input("a", BATCH, 3, 8), network.input("b", BATCH, 8, 4)
    product = network.emit("matmul", a, b)
    result = network.chosen(CPU, output=network.emit("bias_gelu", product, network.weight(4)))
    assert sorted(ops(result)) == ["add", "gelu", "matmul"]


@pytest.mark.parametrize(
    ("approximate", "expected"), [("tanh", ["add", "gelu"]), ("none", ["bias_gelu"])]
)
def test_only_exact_gelu_has_a_kernel_with_its_bias(approximate: str, expected: list[str]) -> None:
    network = Network()
    x, bias = network.input("x", BATCH, 4), network.weight(4)
    gelu = network.emit("bias_gelu", x, bias, approximate=approximate)
    target = costs("bias_gelu", bias_gelu=1, add_gelu=10)
    assert ops(network.chosen(target, output=gelu)) == expected


def test_a_sum_and_its_norm_go_apart_on_the_cpu() -> None:
    network = Network()
    x, skip = network.input("x", BATCH, 4), network.input("skip", BATCH, 4)
    gain, bias = network.weight(4), network.weight(4)
    normal, total = network.emit.all("skip_layer_norm", x, skip, gain, bias, epsilon=1e-5)
    result = network.chosen(CPU, output=normal, sum=total)
    assert ops(result) == ["add", "layer_norm"]


def test_other_fused_ops_become_their_formulas() -> None:
    network = Network()
    x, mask = network.input("x", BATCH, 4), network.input("mask", BATCH, 4, dtype=DType.BOOL)
    softmax = network.emit("scaled_masked_softmax", x, mask, None, scale=0.5)
    result = network.chosen(CPU, output=softmax, silu=network.emit("silu", x))
    assert sorted(ops(result)) == ["masked_softmax", "mul", "mul", "sigmoid"]


# ---- the pipeline -------------------------------------------------------------------------


def test_no_choice_is_left_and_none_is_made_twice() -> None:
    network = Network()
    key_mask = network.input("mask", BATCH, 6, dtype=DType.BOOL)
    attended = network.attention(key_mask=key_mask)
    hidden = network.emit("linear", attended, network.weight(128, 8), network.weight(8))
    network.graph.outputs["output"] = network.emit("bias_gelu", hidden, network.weight(8))
    for target in (CPU, target_named("portable"), target_named("cuda", "fp16")):
        first = run_pipeline(network.graph, forms_passes(target, {}), verify=True)
        assert all(node.attributes.get("form") != "" for node in first.graph.nodes())
        second = run_pipeline(first.graph, [SelectForms(target, {})], verify=True)
        assert second.records[0].changes == 0


# ---- shape classes ----------------------------------------------------------------------------


def test_the_class_of_a_node_decides() -> None:
    cells = {
        ("fp32", "gelu", "gelu20", "some rows, narrow"): ((1.0, 9.0),),
        ("fp32", "gelu", "primitive", "some rows, narrow"): ((1.0, 3.0),),
    }
    points = {"gelu": {"gelu20": ((1.0, 1.0),), "primitive": ((1.0, 2.0),)}}
    target = replace(CPU, costs=CostTable(points, cells=cells))
    for width, wanted in ((16, "expanded"), (512, "gelu20")):
        network = Network()
        y = network.emit("gelu", network.input("x", BATCH, 6, width), approximate="none")
        assert form_of(network.chosen(target, output=y), "gelu") == wanted
