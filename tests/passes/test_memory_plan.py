"""The memory plan: lifetimes as the runtime has them, and places that never clash."""

from __future__ import annotations

import json
import time
from itertools import combinations
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from neuralc.ir.diagnostic import CompileError
from neuralc.ir.dim import Dim, symbol
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.graph import Graph
from neuralc.ir.parameter import Seeded
from neuralc.ir.span import Span
from neuralc.ir.target import target_named
from neuralc.ir.type import TensorType
from neuralc.ir.value import Value
from neuralc.lowering.onnx_lowering import lower
from neuralc.lowering.weights import to_bytes
from neuralc.passes.memory_buffers import Buffer
from neuralc.passes.memory_order import runtime_order
from neuralc.passes.memory_plan import MemoryPlan, live_bytes, placed, plan

BATCH = symbol("B", origin="the batch")
CPU = target_named("cpu")
UNIT = 4 * 64 * 16
"""Bytes of the tensors that most tests work on."""


class Network:
    """A graph over tensors of `UNIT` bytes."""

    def __init__(self) -> None:
        self.graph = Graph("Network")
        self.emit = Emitter(self.graph, "layer", (Span("model.neural", 3, 5, 3, 9),))
        self.x = self.input("x", 64, 16)

    def input(self, name: str, *shape: Dim, dtype: DType = DType.F32) -> Value:
        return self.graph.add_input(name, TensorType(dtype, shape))

    def weight(self, *shape: int) -> Value:
        source = Seeded(TensorType(DType.F32, shape), "ones", (), 0, "weight")
        return self.emit.parameter("weight", source)

    def plan(self, **outputs: Value) -> MemoryPlan:
        self.graph.outputs = outputs
        return plan(self.graph, CPU)


def buffer_of(made: MemoryPlan, value: Value) -> Buffer:
    (found,) = [each for each in made.buffers if value.name in each.names]
    return found


# ---- places -------------------------------------------------------------------------------


buffers = st.builds(
    lambda size, first, length: Buffer("", (), 64 * size, first, first + length, "", "", None),
    st.integers(1, 40),
    st.integers(0, 30),
    st.integers(0, 12),
)


@given(st.lists(buffers, max_size=40))
def test_no_two_buffers_in_use_at_once_overlap(unplaced: list[Buffer]) -> None:
    found = placed(unplaced)
    assert [(each.bytes, each.first, each.last) for each in found] == [
        (each.bytes, each.first, each.last) for each in unplaced
    ]
    for a, b in combinations(found, 2):
        apart = a.offset + a.bytes <= b.offset or b.offset + b.bytes <= a.offset
        assert apart or not a.overlaps(b)
    peak = max((each.offset + each.bytes for each in found), default=0)
    assert max(live_bytes(unplaced, 43)) <= peak <= sum(each.bytes for each in unplaced)
    assert all(each.offset >= 0 for each in found)


def test_the_tightest_gap_is_filled() -> None:
    def buffer(size: int, first: int, last: int) -> Buffer:
        return Buffer("", (), size, first, last, "", "", None)

    # In steps 1 and 2 the first and the third are in use; the last fits exactly between them.
    made = placed([buffer(640, 0, 2), buffer(256, 0, 0), buffer(320, 0, 2), buffer(192, 1, 2)])
    assert max(each.offset + each.bytes for each in made) == 640 + 320 + 256
    assert made[3].offset == made[1].offset or made[3].offset >= 640 + 320


def test_time_grows_with_the_length_of_the_graph() -> None:
    def seconds(layers: int) -> float:
        network = Network()
        x, kernel = network.x, network.weight(16, 16)
        for _ in range(layers):
            x = network.emit("add", x, network.emit("linear", x, kernel, None, form="gemm"))
        network.graph.outputs["output"] = x
        fastest = []
        for _ in range(3):
            start = time.process_time()
            plan(network.graph, CPU)
            fastest.append(time.process_time() - start)
        return min(fastest)

    assert seconds(1600) < 16 * seconds(200)


# ---- lifetimes ----------------------------------------------------------------------------


def test_a_chain_needs_two_buffers_however_long_it_is() -> None:
    network = Network()
    x = network.x
    for _ in range(9):
        x = network.emit("exp", x)
    made = network.plan(output=x)
    assert made.peak == made.lower_bound == 2 * UNIT
    assert made.total == 9 * UNIT
    assert made.reuse == 4.5


def test_a_residual_is_held_until_its_sum() -> None:
    network = Network()
    start = network.emit("exp", network.x)
    x = start
    for _ in range(3):
        x = network.emit("exp", x)
    made = network.plan(output=network.emit("add", start, x))
    assert buffer_of(made, start).last == 4
    assert made.peak == 3 * UNIT


@pytest.mark.parametrize(("op", "count"), [("relu", 1), ("softmax", 1), ("exp", 2), ("floor", 2)])
def test_what_the_runtime_computes_in_place(op: str, count: int) -> None:
    network = Network()
    before = network.emit("exp", network.x)
    after = network.emit(op, before)
    made = network.plan(output=network.emit("reduce_sum", after, axes=(0,)))
    assert len({buffer_of(made, each).first for each in (before, after)}) == count


def test_nothing_is_written_over_what_is_read_later() -> None:
    network = Network()
    before = network.emit("exp", network.x)
    after = network.emit("relu", before)
    made = network.plan(output=network.emit("neg", network.emit("add", before, after)))
    assert buffer_of(made, before) != buffer_of(made, after)


def test_nothing_is_written_over_a_view_that_is_read_later() -> None:
    network = Network()
    before = network.emit("exp", network.x)
    view = network.emit("reshape", before, shape=(16, 64))
    after = network.emit("relu", before)
    late = network.emit("matmul", view, network.emit("neg", after))
    made = network.plan(output=late)
    assert buffer_of(made, before) == buffer_of(made, view)
    assert buffer_of(made, before) != buffer_of(made, after)


def test_nothing_is_written_over_what_belongs_to_the_caller() -> None:
    network = Network()
    first = network.emit("relu", network.x)
    second = network.emit("relu", first)
    third = network.emit("relu", second)
    made = network.plan(second=second, third=third)
    assert len(made.buffers) == 3
    assert buffer_of(made, second).last == len(made.steps) - 1


def test_a_reshape_takes_no_memory() -> None:
    network = Network()
    before = network.emit("exp", network.x)
    view = network.emit("reshape", before, shape=(1024,))
    made = network.plan(output=network.emit("exp", view))
    assert len(made.buffers) == 2
    assert buffer_of(made, before) == buffer_of(made, view)


def test_a_reshape_of_an_input_takes_none_either_unless_it_is_an_output() -> None:
    network = Network()
    view = network.emit("reshape", network.x, shape=(1024,))
    assert len(network.plan(output=network.emit("exp", view)).buffers) == 1
    network = Network()
    view = network.emit("reshape", network.x, shape=(1024,))
    assert network.plan(output=view).peak == UNIT


def test_what_no_output_needs_is_not_planned() -> None:
    network = Network()
    network.emit("exp", network.x)
    assert network.plan(output=network.emit("neg", network.x)).peak == UNIT


def test_an_output_that_only_dead_nodes_read_is_planned() -> None:
    network = Network()
    output = network.emit("neg", network.x)
    network.emit("exp", output)
    assert network.plan(output=output).peak == UNIT


def test_kernels_own_workspace_lives_for_one_step() -> None:
    network = Network()
    mask = network.input("mask", 64, 16, dtype=DType.BOOL)
    made = network.plan(output=network.emit("masked_softmax", network.x, mask))
    assert [each.bytes for each in made.buffers] == [UNIT, UNIT]
    assert made.buffers[1].what == "workspace of masked_softmax"


@pytest.mark.parametrize(
    ("form", "causal", "expected"),
    [
        ("attention23", False, 4 * 2 * 64 * 64),
        ("attention23", True, 4 * 2 * 64 * 64 + 4 * 64 * 64),
        ("mha", False, 4 * 3 * 64 * 16),
        ("gqa", True, 4 * 5 * 64 * 16),
    ],
)
def test_attention_has_the_workspace_of_its_form(form: str, causal: bool, expected: int) -> None:
    network = Network()
    query, key, value = (network.input(name, 1, 64, 16) for name in ("q", "k", "v"))
    attributes = {"heads": 2, "scale": 0.25, "causal": causal, "form": form}
    operands = (query, key, value, None, None, None)
    made = network.plan(output=network.emit("attention", *operands, **attributes))
    assert [each.bytes for each in made.buffers] == [4 * 64 * 16, expected]


# ---- sizes --------------------------------------------------------------------------------


def test_sizes_are_one_row_and_the_declared_maxima() -> None:
    network = Network()
    y = network.input("y", BATCH, symbol("S", maximum=128), 8)
    network.graph.outputs["output"] = network.emit("exp", y)
    assert plan(network.graph, CPU).peak == 4 * 128 * 8
    assert plan(network.graph, CPU, {"B": 3, "S": 16}).peak == 4 * 3 * 16 * 8


def test_an_open_axis_needs_a_size() -> None:
    network = Network()
    y = network.input("y", BATCH, symbol("S", origin="axis 1 of y"), 8)
    network.graph.outputs["output"] = network.emit("exp", y)
    with pytest.raises(CompileError, match=r"E0624.*S, axis 1 of y"):
        plan(network.graph, CPU)
    assert plan(network.graph, CPU, {"S": 10}).peak == 320


def test_small_buffers_are_aligned() -> None:
    network = Network()
    y = network.input("y", 3)
    assert network.plan(output=network.emit("exp", y)).peak == 64


def test_weights_and_inputs_are_counted_apart() -> None:
    network = Network()
    network.weight(5)
    product = network.emit("matmul", network.x, network.weight(16, 8))
    made = network.plan(output=product)
    assert made.weights == 4 * 16 * 8
    assert made.inputs == UNIT
    assert made.peak == 4 * 64 * 8


# ---- the report ---------------------------------------------------------------------------


def test_the_report_names_who_holds_the_peak() -> None:
    network = Network()
    wide = network.emit("matmul", network.x, network.weight(16, 128))
    made = network.plan(output=network.emit("matmul", wide, network.weight(128, 16)))
    assert made.as_text() == (
        "memory plan of Network on cpu\n"
        "  activations  36.9 KB at the peak; at least 36.9 KB; "
        "without reuse 36.9 KB (1.0 times as much)\n"
        "  weights      16.4 KB\n"
        "  inputs       4.1 KB, the caller's\n"
        "\n"
        "peak at matmul in layer, step 2 of 2, held by\n"
        "    32.8 KB  matmul f32[64, 128]  in layer at model.neural:3:5\n"
        "     4.1 KB  matmul_1 f32[64, 16]  in layer at model.neural:3:5\n"
        "\n"
        "    offset      size  steps      what\n"
        "         0     32768  1-2        matmul\n"
        "     32768      4096  2-2        matmul_1\n"
    )


def test_the_report_as_data() -> None:
    network = Network()
    made = network.plan(output=network.emit("exp", network.x))
    data = json.loads(json.dumps(made.as_json()))
    assert data["peak"] == made.peak
    assert data["buffers"][0]["values"] == ["exp"]
    assert data["buffers"][0]["place"] == "model.neural:3:5"
    assert data["steps"] == [{"op": "exp", "scope": "layer"}]


def test_a_graph_without_nodes_has_a_plan() -> None:
    network = Network()
    made = network.plan(output=network.x)
    assert made.peak == made.lower_bound == 0
    assert "activations" in made.as_text()


# ---- the runtime --------------------------------------------------------------------------


def test_the_order_is_the_one_of_the_runtime(tmp_path: Path) -> None:
    network = Network()
    ops = ["exp", "sqrt", "abs", "neg", "floor", "tanh", "sigmoid", "log"]
    a, b, c = (network.emit(op, network.x) for op in ops[:3])
    left = network.emit("add", network.emit(ops[3], a), network.emit(ops[4], b))
    right = network.emit("mul", network.emit(ops[5], c), network.emit(ops[6], b))
    network.graph.outputs["first"] = network.emit("sub", left, right)
    network.graph.outputs["second"] = network.emit(ops[7], c)
    program = lower(network.graph, CPU, producer_version="0", metadata={})
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.enable_profiling = True
    options.profile_file_prefix = str(tmp_path / "profile")
    session = onnxruntime.InferenceSession(
        to_bytes(program), options, providers=["CPUExecutionProvider"]
    )
    session.run(None, {"x": np.ones((64, 16), np.float32)})
    events = json.loads(Path(session.end_profiling()).read_text())
    ran = [e["args"]["op_name"].lower() for e in events if e["name"].endswith("_kernel_time")]
    assert ran == [node.op for node in runtime_order(network.graph)]
