"""Queries and keys are bounded where an overflow could reach other tokens, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnxruntime
import pytest
from neuralc.ir.dim import symbol
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.evaluate import evaluate
from neuralc.ir.graph import Graph
from neuralc.ir.interpreter import interpret
from neuralc.ir.parameter import Seeded
from neuralc.ir.target import target_named
from neuralc.ir.type import TensorType
from neuralc.ir.value import Value
from neuralc.lowering.onnx_lowering import lower
from neuralc.lowering.weights import to_bytes
from neuralc.passes.bound_scores import BoundScores, bound_of
from neuralc.passes.forms_pipeline import forms_passes
from neuralc.passes.manager import run_pipeline
from neuralc.passes.pipelines import passes_of

BATCH = symbol("B", origin="the batch")
LENGTH, WIDTH = 6, 8


class Network:
    """A graph with an input [B, 6, 8], a mask [B, 6], and short ways to add layers."""

    def __init__(self) -> None:
        self.graph = Graph("Network")
        self.x = self.graph.add_input("x", TensorType(DType.F32, (BATCH, LENGTH, WIDTH)))
        self.mask = self.graph.add_input("mask", TensorType(DType.BOOL, (BATCH, LENGTH)))
        self.emit = Emitter(self.graph)

    def weight(self, *shape: int, initializer: str = "glorot_uniform") -> Value:
        path = f"weight{len(list(self.graph.sources()))}"
        return self.emit.parameter(
            path, Seeded(TensorType(DType.F32, shape), initializer, (), 0, path)
        )

    def linear(self, x: Value) -> Value:
        return self.emit("linear", x, self.weight(WIDTH, WIDTH), None)

    def norm(self, x: Value) -> Value:
        return self.emit("layer_norm", x, self.weight(WIDTH, initializer="ones"), epsilon=1e-5)

    def attention(
        self, q: Value, k: Value, v: Value, mask: bool = True, causal: bool = False
    ) -> Value:
        operands = (q, k, v, self.mask if mask else None, None, None)
        return self.emit("attention", *operands, heads=2, scale=0.5, causal=causal)

    def layer(self, x: Value, mask: bool = True, causal: bool = False) -> Value:
        projected = (self.linear(x), self.linear(x), self.linear(x))
        return self.attention(*projected, mask, causal)

    def bounds(self, output: Value, precision: DType = DType.F32) -> int:
        """How many bounds the pass writes; it keeps the meaning and does not come again."""
        self.graph.outputs["output"] = output
        result = run_pipeline(self.graph, [BoundScores(precision)], verify=True)
        x = np.random.default_rng(0).standard_normal((2, LENGTH, WIDTH)).astype(np.float32)
        inputs = {"x": x, "mask": np.ones((2, LENGTH), bool)}
        inputs["mask"][1, 2:] = False
        inputs = {each.name: inputs[each.name] for each in self.graph.inputs}
        before, after = interpret(self.graph, inputs), interpret(result.graph, inputs)
        np.testing.assert_array_equal(after["output"], before["output"])
        again = run_pipeline(result.graph, [BoundScores(precision)], verify=True)
        assert again.records[0].changes == 0, "not idempotent"
        assert len(result.remarks.all()) == result.records[0].changes
        return [node.op for node in result.graph.nodes()].count("minimum")


def test_a_masked_attention_over_an_input_is_bounded() -> None:
    network = Network()
    assert network.bounds(network.layer(network.x)) == 2


def test_a_causal_one_too() -> None:
    network = Network()
    assert network.bounds(network.layer(network.x, mask=False, causal=True)) == 2


def test_one_that_lets_everything_through_is_not() -> None:
    network = Network()
    assert network.bounds(network.layer(network.x, mask=False)) == 0


def test_a_norm_before_the_projections_is_enough() -> None:
    network = Network()
    assert network.bounds(network.layer(network.norm(network.x))) == 0


def test_a_norm_beside_a_residual_is_not() -> None:
    network = Network()
    summed = network.emit("add", network.x, network.norm(network.x))
    assert network.bounds(network.layer(summed)) == 2


def test_bounded_queries_are_enough() -> None:
    network = Network()
    query = network.linear(network.norm(network.x))
    attention = network.attention(query, network.linear(network.x), network.linear(network.x))
    assert network.bounds(attention) == 0


def test_attention_hands_the_size_of_its_values_on() -> None:
    network = Network()
    tame, wild = network.norm(network.x), network.x
    first = network.attention(wild, wild, tame)
    assert network.bounds(network.layer(first)) == 2  # for the first attention alone
    network = Network()
    tame, wild = network.norm(network.x), network.x
    first = network.attention(tame, tame, wild)
    assert network.bounds(network.layer(first)) == 2  # for the second alone


def test_ids_are_no_numbers_to_be_afraid_of() -> None:
    network = Network()
    ids = network.graph.add_input("ids", TensorType(DType.I64, (BATCH, LENGTH)))
    embedded = network.emit("gather", network.weight(50, WIDTH), ids)
    network.graph.outputs["output"] = network.layer(embedded)
    result = run_pipeline(network.graph, [BoundScores()], verify=True)
    assert result.records[0].changes == 0


def test_shorter_floats_stay() -> None:
    network = Network()
    assert network.bounds(network.layer(network.x), DType.F16) == 0


@pytest.mark.parametrize("masked", [True, False])
def test_plain_products_before_a_masked_softmax(masked: bool) -> None:
    network = Network()
    q, k, v = (network.linear(network.x) for _ in range(3))
    scores = network.emit("matmul", q, network.emit("transpose", k, permutation=(0, 2, 1)))
    scaled = network.emit("mul", scores, network.emit.constant(0.5))
    if masked:
        mask = network.emit("reshape", network.mask, shape=(BATCH, 1, LENGTH))
        weights = network.emit("masked_softmax", scaled, mask)
    else:
        weights = network.emit("softmax", scaled)
    # The product with the values stands behind the softmax and stays.
    assert network.bounds(network.emit("matmul", weights, v)) == (2 if masked else 0)


@pytest.mark.parametrize("size", [1, 2, 3, 64, 65, 128, 1024])
def test_the_bound_is_as_large_as_the_scores_of_a_head_allow(size: int) -> None:
    largest, bound = float(np.finfo(np.float32).max), bound_of(size)
    assert largest / 64 < bound * bound * size < largest / 1.5


def test_the_bound_follows_from_the_size_of_a_head() -> None:
    network = Network()
    network.graph.outputs["output"] = network.layer(network.x)
    graph = run_pipeline(network.graph, [BoundScores()]).graph
    limits = {
        float(evaluate(source))
        for node in graph.nodes()
        if node.op in ("minimum", "maximum")
        and (limit := node.operands[1]) is not None
        and (source := graph.source(limit)) is not None
    }
    assert limits == {bound_of(WIDTH // 2), -bound_of(WIDTH // 2)}


def test_large_queries_below_the_bound_still_find_their_key() -> None:
    network = Network()
    network.graph.outputs["output"] = network.layer(network.x)
    run = _session(network.graph, "attention23")
    x = np.random.default_rng(1).standard_normal((1, LENGTH, WIDTH)).astype(np.float32) * 1e17
    mask = np.ones((1, LENGTH), bool)
    expected = interpret(network.graph, {"x": x, "mask": mask})["output"]
    np.testing.assert_allclose(run(x, mask), expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("amount", [1e19, 1e25, 1e30])
@pytest.mark.parametrize("causal", [True, False], ids=["causal", "masked"])
@pytest.mark.parametrize("form", ["attention23", "decomposed"])
def test_two_layers_without_norms_keep_a_huge_token_to_itself(
    form: str, causal: bool, amount: float
) -> None:
    network = Network()
    first = network.layer(network.x, not causal, causal)
    residual = network.emit("add", network.x, first)
    network.graph.outputs["output"] = network.layer(residual, not causal, causal)
    run = _session(network.graph, form)
    x = np.random.default_rng(0).standard_normal((1, LENGTH, WIDTH)).astype(np.float32)
    token = LENGTH - 2
    mask = np.arange(LENGTH)[None] != token
    before = run(x, mask)
    x[:, token] *= np.float32(amount)
    others = np.arange(LENGTH) < token if causal else mask[0]
    np.testing.assert_array_equal(run(x, mask)[:, others], before[:, others])


def _session(graph: Graph, form: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    target = target_named("cpu")
    formed = run_pipeline(graph, forms_passes(target, {"attention": form}), verify=True).graph
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        to_bytes(lower(formed, target, producer_version="0", metadata={})),
        options,
        providers=["CPUExecutionProvider"],
    )
    return lambda x, mask: np.asarray(session.run(None, {"x": x, "mask": mask})[0])


def test_shared_sums_and_masks_are_walked_once() -> None:
    network = Network()
    keys = network.emit("transpose", network.x, permutation=(0, 2, 1))
    scores = network.emit("matmul", network.x, keys)
    mask = network.emit("reshape", network.mask, shape=(BATCH, 1, LENGTH))
    for _ in range(64):  # 2^64 ways from the last sum to the product
        scores = network.emit("add", scores, scores)
        mask = network.emit("logical_and", mask, mask)
    weights = network.emit("masked_softmax", scores, mask)
    network.graph.outputs["output"] = network.emit("matmul", weights, network.x)
    run_pipeline(network.graph, [BoundScores(DType.F32), *passes_of(2)], verify=True)
