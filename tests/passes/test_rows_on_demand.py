"""Rows on demand over whole networks: what is left whole, masks of every kind, open lengths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from neuralc.ir.dim import symbol
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.graph import Graph
from neuralc.ir.interpreter import interpret
from neuralc.ir.parameter import Seeded
from neuralc.ir.type import TensorType
from neuralc.ir.value import Value
from neuralc.passes.manager import run_pipeline
from neuralc.passes.pipelines import passes_of

Build = Callable[..., Graph]
LENGTH = symbol("S", minimum=4, maximum=64)
NETWORKS: dict[str, dict[str, Any]] = {
    "encoder": {},
    "causal": {"causal": True},
    "padded": {"padded": True},
    "causal and padded": {"causal": True, "padded": True},
    "open": {"causal": True, "padded": True, "length": LENGTH},
    "encoder and decoder": {"cross": True, "padded": True},
    "relu": {"activation": "relu"},
}
TAKEN = ("first", "last", "second", "some", "given", "last that counts")


def take(graph: Graph, emit: Emitter, x: Value, which: str) -> Value:
    batch, length, _ = x.type.shape
    starts = {"first": 0, "last": length - 1, "second": 1}
    if which in starts:
        return emit("slice", x, axis=1, start=starts[which], stop=starts[which] + 1)
    if which == "some":
        return emit("slice", x, axis=1, start=0, stop=3, step=2)
    if which == "given":
        return emit("take_rows", x, graph.add_input("rows", TensorType(DType.I64, (batch, 2))))
    (mask,) = (node.result for node in graph.nodes() if node.op == "not_equal")
    positions = emit("positions", mask, axis=1)
    zero = emit.constant(0, DType.I64)
    index = emit("reduce_max", emit("where", mask, positions, zero), axes=(1,), keepdims=True)
    return emit("take_rows", x, index)


def network(encoder: Build, which: str, **options: Any) -> Graph:
    """Two layers, and a head on the rows that are taken."""
    graph = encoder(2, **options)
    emit = Emitter(graph)
    (pooling,) = (node for node in graph.nodes() if node.op == "reduce_mean")
    x = pooling.operands[0]
    assert x is not None
    rows = take(graph, emit, x, which)
    source = Seeded(TensorType(DType.F32, (16, 3)), "glorot_uniform", (), 0, "head")
    logits = emit("matmul", emit("layer_norm", rows, epsilon=1e-5), emit.parameter("w", source))
    graph.outputs = {"output": emit("softmax", logits)}
    graph.erase_dead()
    return graph


@pytest.mark.parametrize("which", TAKEN)
@pytest.mark.parametrize("name", NETWORKS)
def test_the_last_layer_works_on_few_rows(
    name: str, which: str, encoder: Build, same_meaning: Callable[..., None]
) -> None:
    options = NETWORKS[name]
    if which == "last that counts" and "padded" not in options:
        options = {**options, "padded": True}
    graph = network(encoder, which, **options)
    result = run_pipeline(graph, passes_of(2), verify=True)
    same_meaning(graph, result.graph, S=7)
    rows = 2 if which in ("some", "given") else 1
    lengths = [
        (node.op, node.results[0].type.shape[1])
        for node in result.graph.nodes()
        if node.op in ("linear", "attention", "gelu", "qkv_projection", "kv_projection")
    ]
    few, whole = (
        [op for op, length in lengths if (length == rows) is wanted] for wanted in (True, False)
    )
    attentions = 2 if "cross" in options else 1
    assert few.count("attention") == attentions
    assert few.count("linear") == 3 + 2 * attentions
    assert whole.count("attention") == (4 if "cross" in options else 1)
    assert whole[-1] == "kv_projection"
    assert not {"kv_projection", "qkv_projection"} & set(few)
    again = run_pipeline(result.graph, passes_of(2), verify=True)
    assert [record.name for record in again.records if record.changes] == []


@pytest.mark.parametrize(
    ("which", "masked"),
    [("last", False), ("last that counts", False), ("second", True), ("given", True)],
)
def test_what_is_left_of_causality(which: str, masked: bool, encoder: Build) -> None:
    graph = network(encoder, which, causal=True, padded=True)
    result = run_pipeline(graph, passes_of(2), verify=True).graph
    *_, attention = (node for node in result.nodes() if node.op == "attention")
    assert attention.attributes["causal"] is False
    assert attention.operands[3] is not None
    assert (attention.operands[4] is not None) is masked


@pytest.mark.parametrize("which", ["last that counts", "given", "second"])
def test_nothing_passes_masks_or_members(which: str, encoder: Build) -> None:
    """Padding and later tokens of one member, and other members, change nothing."""
    graph = run_pipeline(
        network(encoder, which, causal=True, padded=True), passes_of(2), verify=True
    ).graph
    random = np.random.default_rng(3)
    tokens = random.standard_normal((3, 6, 16)).astype(np.float32)
    mask = np.array([[1, 1, 0, 1, 0, 0], [0, 0, 1, 1, 1, 0], [0] * 6])
    inputs = {"input": tokens, "attention_mask": mask, "rows": np.array([[3, 1], [4, 2], [1, 0]])}
    inputs = {value.name: inputs[value.name] for value in graph.inputs}
    before = interpret(graph, inputs)["output"]
    for member, position in ((0, 2), (0, 4), (1, 5), (1, 0)):
        if which == "second" and position <= 1:
            continue
        for change in (0.5, -1e4, 1e30):
            other = tokens.copy()
            other[member, position] = change
            after = interpret(graph, {**inputs, "input": other})["output"]
            assert np.array_equal(before, after), (member, position, change)
