"""Attention in blocks of queries: what each block sees, and that one is computed at a time."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from neuralc.ir.dim import Dim, evaluate, symbol
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.graph import Graph
from neuralc.ir.interpreter import interpret
from neuralc.ir.node import Node
from neuralc.ir.target import target_named
from neuralc.ir.type import TensorType
from neuralc.ir.value import Value
from neuralc.lowering.onnx_lowering import lower
from neuralc.lowering.weights import to_bytes
from neuralc.passes.forms_pipeline import forms_passes
from neuralc.passes.manager import run_pipeline
from neuralc.passes.memory_plan import plan
from neuralc.passes.query_blocks import blocks_of

BATCH = symbol("B", origin="the batch")
LENGTH = symbol("S", maximum=64)
CPU = target_named("cpu")
HEADS, SIZE = 2, 8


class Network:
    """Attentions over inputs of one length, and the graph in blocks."""

    def __init__(self, length: Dim) -> None:
        self.graph = Graph("Network")
        self.length = length
        self.emit = Emitter(self.graph, "decoder[0]")

    def input(self, name: str, *shape: Dim, dtype: DType = DType.F32) -> Value:
        return self.graph.add_input(name, TensorType(dtype, shape))

    def attention(
        self, causal: bool = True, key_mask: Value | None = None, mask: Value | None = None
    ) -> Value:
        shape = (BATCH, self.length, HEADS * SIZE)
        q, k, v = (self.input(f"{name}{len(self.graph.inputs)}", *shape) for name in "qkv")
        masks = (key_mask, mask, None)
        return self.emit("attention", q, k, v, *masks, heads=HEADS, scale=0.3, causal=causal)

    def in_blocks(self, form: str, **outputs: Value) -> Graph:
        self.graph.outputs = outputs
        passes = forms_passes(CPU, {"attention": form})
        made = run_pipeline(self.graph, passes, verify=True).graph
        again = run_pipeline(made, passes, verify=True)
        assert not any(record.changes for record in again.records), "not idempotent"
        return made


def attentions(graph: Graph) -> list[Node]:
    return [node for node in graph.nodes() if node.op == "attention"]


def seen(node: Node) -> tuple[Dim, Dim]:
    """How many queries and keys a block has."""
    query, key, value = node.operands[:3]
    assert query is not None
    assert key is not None
    assert value is not None
    assert key.type.shape[1] == value.type.shape[1]
    return query.type.shape[1], key.type.shape[1]


def inputs_of(graph: Graph, length: int, batch: int = 2) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    inputs = {}
    for value in graph.inputs:
        shape = [evaluate(dim, {"B": batch, "S": length}) for dim in value.type.shape]
        if value.type.dtype is DType.BOOL:
            inputs[value.name] = random.random(shape) < 0.7
            inputs[value.name][-1] = False
        else:
            inputs[value.name] = random.standard_normal(shape).astype(np.float32)
    return inputs


def outcome(graph: Graph, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The outputs on the real runtime."""
    content = to_bytes(lower(graph, CPU, producer_version="0", metadata={}))
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


# ---- what a block sees --------------------------------------------------------------------


def test_a_causal_block_sees_the_keys_up_to_its_end() -> None:
    network = Network(64)
    made = network.in_blocks("blocks4", output=network.attention())
    assert [seen(node) for node in attentions(made)] == [(16, 16), (16, 32), (16, 48), (16, 64)]
    assert not any(node.attributes["causal"] for node in attentions(made))


def test_without_causality_a_block_sees_all_keys_and_needs_no_mask() -> None:
    network = Network(64)
    made = network.in_blocks("blocks4", output=network.attention(causal=False))
    assert [seen(node) for node in attentions(made)] == [(16, 64)] * 4
    assert all(node.operands[3:] == (None, None, None) for node in attentions(made))
    assert {node.op for node in made.nodes()} == {"slice", "attention", "concat"}


def test_the_last_block_reads_keys_and_values_as_they_are() -> None:
    network = Network(64)
    made = network.in_blocks("blocks2", output=network.attention())
    first, last = attentions(made)
    assert [made.producer(each).op for each in first.operands[1:3]] == ["slice"] * 2  # type: ignore[union-attr]
    assert all(each.type.shape[1] == 64 for each in last.operands[1:3] if each is not None)
    assert not [n for n in made.nodes() if n.op == "slice" and n.result in last.operands[1:3]]


@pytest.mark.parametrize("count", [2, 4, 8, 16, 32])
@pytest.mark.parametrize("length", [1, 5, 33, 64])
def test_blocks_of_any_length_equal_the_interpreter(length: int, count: int) -> None:
    network = Network(length)
    key_mask = network.input("key_mask", BATCH, length, dtype=DType.BOOL)
    pairwise = network.input("mask", BATCH, 1, length, length, dtype=DType.BOOL)
    shared = network.input("shared", 1, length, dtype=DType.BOOL)
    made = network.in_blocks(
        f"blocks{count}",
        plain=network.attention(),
        padded=network.attention(key_mask=key_mask),
        both=network.attention(key_mask=key_mask, mask=pairwise),
        all=network.attention(causal=False, key_mask=key_mask),
        broadcast=network.attention(causal=False, mask=shared),
    )
    assert len(attentions(made)) == 5 * min(length, count)
    inputs = inputs_of(network.graph, length)
    expected, actual = interpret(network.graph, inputs), outcome(made, inputs)
    for name in network.graph.outputs:
        np.testing.assert_allclose(actual[name], expected[name], rtol=0, atol=4e-6)
    assert not actual["padded"][-1].any()


@pytest.mark.parametrize("count", [2, 8])
def test_an_open_length_may_be_as_short_as_one(count: int) -> None:
    network = Network(LENGTH)
    key_mask = network.input("key_mask", BATCH, LENGTH, dtype=DType.BOOL)
    outputs = {"plain": network.attention(), "padded": network.attention(key_mask=key_mask)}
    made = network.in_blocks(f"blocks{count}", **outputs)
    for length in (1, 2, 3, 7, 8, 9, 64):
        inputs = inputs_of(network.graph, length)
        expected, actual = interpret(network.graph, inputs), outcome(made, inputs)
        for name in outputs:
            np.testing.assert_allclose(actual[name], expected[name], rtol=0, atol=4e-6)


@pytest.mark.parametrize("count", [2, 3, 4, 8, 16, 32])
def test_blocks_cover_every_query_once(count: int) -> None:
    for length in range(count, 100):
        blocks = blocks_of(length, count)
        assert [stop for _, stop, _ in blocks] == [behind for _, _, behind in blocks]
        assert {stop - start for start, stop, _ in blocks} <= {length // count, -(-length // count)}
    open_blocks = blocks_of(LENGTH, count)
    for length in range(1, 100):
        blocks = [tuple(evaluate(dim, {"S": length}) for dim in each) for each in open_blocks]
        assert all(0 <= start < stop <= length for start, stop, _ in blocks)
        kept = [at for start, _, behind in blocks for at in range(start, behind)]
        assert kept == list(range(length))
        assert all(behind <= stop for _, stop, behind in blocks)


# ---- masks --------------------------------------------------------------------------------


def test_layers_share_the_masks_of_their_blocks() -> None:
    network = Network(64)
    outputs = {f"output{layer}": network.attention() for layer in range(3)}
    made = network.in_blocks("blocks4", **outputs)
    assert len(attentions(made)) == 12
    assert len({node.operands[4] for node in attentions(made)}) == 4


def test_another_padding_has_masks_of_its_own() -> None:
    network = Network(64)
    first, second = (network.input(n, BATCH, 64, dtype=DType.BOOL) for n in ("one", "two"))
    outputs = {n: network.attention(key_mask=each) for n, each in (("a", first), ("b", second))}
    made = network.in_blocks("blocks4", **outputs)
    assert len({node.operands[4] for node in attentions(made)}) == 8


# ---- memory -------------------------------------------------------------------------------


def test_only_one_block_has_its_scores_in_memory() -> None:
    network = Network(64)
    output = network.attention()
    whole = plan(network.in_blocks("attention23", output=output), CPU, {"B": 4})
    made = plan(network.in_blocks("blocks16", output=output), CPU, {"B": 4})
    scores = 4 * 4 * HEADS * 64 * 64
    assert whole.peak > scores
    workspaces = [each for each in made.buffers if each.what.startswith("workspace")]
    assert len(workspaces) == 16
    assert len({each.first for each in workspaces}) == 16
    assert max(each.bytes for each in workspaces) < scores // 16 + 4 * 4 * 64 + 64
    assert made.lower_bound < scores


def test_the_runtime_computes_one_block_after_the_other(tmp_path: Path) -> None:
    network = Network(64)
    made = network.in_blocks("blocks8", output=network.attention())
    content = to_bytes(lower(made, CPU, producer_version="0", metadata={}))
    options = onnxruntime.SessionOptions()
    options.enable_profiling = True
    options.profile_file_prefix = str(tmp_path / "profile")
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    session.run(None, inputs_of(network.graph, 64))
    events = json.loads(Path(session.end_profiling()).read_text())
    ran = [
        each["args"]["op_name"]
        for each in sorted(events, key=lambda each: each["ts"])
        if each["name"].endswith("_kernel_time")
    ]
    at = [place for place, op in enumerate(ran) if op == "Attention"]
    between = [ran[a + 1 : b] for a, b in pairwise(at)]
    assert len(at) == 8
    # The runtime cuts the queries in one Split; keys and values are cut for each block alone.
    assert all(ops == ["Slice", "Slice"] for ops in between), ran
