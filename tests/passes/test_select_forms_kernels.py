"""Each form of attention computes what the IR says, on the real runtime, whatever the mask.

What `ir/target.py` says about kernels rests on these tests: empty rows give zeros, and no finite
number in a masked or future token reaches another token's output.
"""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from neuralc.ir.diagnostic import CompileError
from neuralc.ir.dim import symbol
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.graph import Graph
from neuralc.ir.interpreter import interpret
from neuralc.ir.target import target_named
from neuralc.ir.type import TensorType
from neuralc.lowering.onnx_lowering import lower
from neuralc.lowering.weights import to_bytes
from neuralc.passes.forms_pipeline import forms_passes
from neuralc.passes.manager import run_pipeline

MASKS = ("none", "key", "pairwise", "shared pairwise", "key and pairwise")
FORMS = ("attention23", "mha", "gqa", "blocks2", "blocks4", "decomposed")
SHAPES = {
    # heads, key heads, queries, keys (None: the queries'), head size, value size
    "small": (2, 2, 5, None, 8, 8),
    "odd": (3, 3, 7, None, 5, 5),
    "one token": (2, 2, 1, None, 8, 8),
    "cross": (2, 2, 4, 9, 8, 8),
    "grouped": (4, 2, 6, None, 8, 8),
    "wide values": (2, 2, 6, None, 8, 12),
    "tiles": (2, 2, 261, None, 16, 16),
}


def attention_graph(shape: str, mask: str, causal: bool, bias: bool = False) -> Graph:
    heads, kv_heads, _, keys, size, value_size = SHAPES[shape]
    batch, length = symbol("B", origin="the batch"), symbol("S", maximum=512)
    memory = symbol("T", maximum=512) if keys is not None else length
    graph = Graph("Attention")

    def floats(name: str, *dims: object) -> object:
        return graph.add_input(name, TensorType(DType.F32, dims))  # type: ignore[arg-type]

    query = floats("query", batch, length, heads * size)
    key = floats("key", batch, memory, kv_heads * size)
    value = floats("value", batch, memory, kv_heads * value_size)
    key_mask = pairwise = scores = None
    if "key" in mask:
        key_mask = graph.add_input("key_mask", TensorType(DType.BOOL, (batch, memory)))
    if "pairwise" in mask:
        lead = () if "shared" in mask else (batch, 1)
        pairwise = graph.add_input("mask", TensorType(DType.BOOL, (*lead, length, memory)))
    if bias:
        scores = floats("bias", heads, 1, memory)
    emit = Emitter(graph, "encoder[0]/attention")
    graph.outputs["output"] = emit(
        "attention",
        *(query, key, value, key_mask, pairwise, scores),  # type: ignore[arg-type]
        heads=heads,
        kv_heads=0 if kv_heads == heads else kv_heads,
        scale=0.3,
        causal=causal,
    )
    return graph


def inputs_of(graph: Graph, shape: str, seed: int = 0) -> dict[str, np.ndarray]:
    """Random inputs of batch 3; in the masks, the last row of the batch has nothing to see."""
    _, _, queries, keys, _, _ = SHAPES[shape]
    sizes = {"B": 3, "S": queries, "T": keys or queries}
    random = np.random.default_rng(seed)
    inputs = {}
    for value in graph.inputs:
        dims = [each if isinstance(each, int) else sizes[str(each)] for each in value.type.shape]
        if value.type.dtype is DType.BOOL:
            inputs[value.name] = random.random(dims) < 0.6
            inputs[value.name][-1] = False
        else:
            inputs[value.name] = random.standard_normal(dims).astype(np.float32)
    return inputs


def session_of(graph: Graph, optimize: bool = True) -> onnxruntime.InferenceSession:
    program = lower(graph, target_named("cpu"), producer_version="0", metadata={})
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    if not optimize:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(
        to_bytes(program), options, providers=["CPUExecutionProvider"]
    )


def in_form(graph: Graph, form: str) -> Graph | None:
    """The graph with its attention in a form; None where that form refuses it."""
    try:
        passes = forms_passes(target_named("cpu"), {"attention": form})
        return run_pipeline(graph, passes, verify=True).graph
    except CompileError as error:
        if error.diagnostics[0].code != "E0623":
            raise
        return None


def run(session: onnxruntime.InferenceSession, inputs: dict[str, np.ndarray]) -> np.ndarray:
    return np.asarray(session.run(["output"], inputs)[0])


def possible(shape: str, mask: str, causal: bool, form: str) -> bool:
    """What each form takes."""
    heads, kv_heads, _, keys, size, value_size = SHAPES[shape]
    plain = mask == "none"
    return {
        "attention23": True,
        "blocks2": True,
        "blocks4": True,
        "decomposed": True,
        "mha": plain and not causal and heads == kv_heads,
        "gqa": plain and causal and keys is None and size == value_size and size % 8 == 0,
    }[form]


CASES = [
    (shape, mask, causal, form)
    for shape, (_, _, _, keys, _, _) in SHAPES.items()
    for mask in MASKS
    for causal in (False, True)
    for form in FORMS
    if not (causal and keys is not None)  # causal attention over another sequence has no meaning
]


@pytest.mark.parametrize(
    ("shape", "mask", "causal", "form"), [case for case in CASES if possible(*case)]
)
def test_equals_the_interpreter(shape: str, mask: str, causal: bool, form: str) -> None:
    graph = attention_graph(shape, mask, causal)
    formed = in_form(graph, form)
    assert formed is not None
    inputs = inputs_of(graph, shape)
    expected = interpret(graph, inputs)["output"]
    for optimize in (True, False):
        actual = run(session_of(formed, optimize), inputs)
        np.testing.assert_allclose(actual, expected, rtol=0, atol=4e-6)
        if "key" in mask:
            assert not actual[-1].any(), "a sequence of padding alone must give zeros"


def test_refuses_what_a_kernel_does_not_take() -> None:
    for shape, mask, causal, form in CASES:
        refused = in_form(attention_graph(shape, mask, causal), form) is None
        assert refused != possible(shape, mask, causal, form), (shape, mask, causal, form)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("causal", [False, True], ids=["all", "causal"])
def test_bias_is_added_to_the_scaled_scores(causal: bool, form: str) -> None:
    graph = attention_graph("small", "none", causal, bias=True)
    formed = in_form(graph, form)
    assert (formed is not None) == (form in ("attention23", "decomposed"))
    if formed is not None:
        inputs = inputs_of(graph, "small")
        expected = interpret(graph, inputs)["output"]
        np.testing.assert_allclose(run(session_of(formed), inputs), expected, rtol=0, atol=4e-6)


@pytest.mark.parametrize("amount", [1e3, 1e10, 1e19, 1e30])
@pytest.mark.parametrize("form", ["attention23", "gqa", "blocks2", "blocks4", "decomposed"])
@pytest.mark.parametrize("shape", ["small", "tiles"])
def test_future_tokens_have_no_influence(shape: str, form: str, amount: float) -> None:
    graph = attention_graph(shape, "none", causal=True)
    formed = in_form(graph, form)
    assert formed is not None
    session = session_of(formed)
    inputs = inputs_of(graph, shape)
    before = run(session, inputs)
    token = inputs["query"].shape[1] - 2
    for name in ("query", "key", "value"):
        inputs[name][:, token] *= np.float32(amount)
    np.testing.assert_array_equal(run(session, inputs)[:, :token], before[:, :token])


@pytest.mark.parametrize("amount", [1e3, 1e10, 1e19, 1e30])
@pytest.mark.parametrize("form", ["attention23", "blocks2", "blocks4", "decomposed"])
@pytest.mark.parametrize("causal", [False, True], ids=["all", "causal"])
@pytest.mark.parametrize("shape", ["small", "tiles"])
def test_masked_tokens_have_no_influence(
    shape: str, causal: bool, form: str, amount: float
) -> None:
    graph = attention_graph(shape, "key", causal)
    formed = in_form(graph, form)
    assert formed is not None
    session = session_of(formed)
    inputs = inputs_of(graph, shape)
    inputs["key_mask"][:, 1] = False
    before = run(session, inputs)
    for name in ("query", "key", "value"):
        inputs[name][:, 1] *= np.float32(amount)
    others = np.arange(before.shape[1]) != 1
    np.testing.assert_array_equal(run(session, inputs)[:, others], before[:, others])
