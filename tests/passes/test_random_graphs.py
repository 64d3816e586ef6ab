"""Graphs that nobody would write: every level keeps the meaning of random ones."""

from __future__ import annotations

import math
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from neuralc.ir.dim import symbol
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.graph import Graph
from neuralc.ir.parameter import Seeded
from neuralc.ir.type import TensorType
from neuralc.ir.value import Value
from neuralc.passes.manager import run_pipeline
from neuralc.passes.pipelines import passes_of

B = symbol("B")
CONSTANTS = (0.0, 1.0, 0.5, 2.0, -1.0, 0.125, 1 / math.sqrt(2), 3.0)
Step = tuple[str, int, int]

UNARY = ("tanh", "sigmoid", "erf", "neg", "abs", "relu", "dropout", "silu", "gelu")
BINARY = ("add", "sub", "mul", "maximum")
OTHER = ("constant", "bias", "dense", "split", "join", "turn", "norm", "softmax", "attend", "mask")


TAKEN = (None, (0, 1, 1), (3, 4, 1), (0, 4, 2), "given")


def build(steps: list[Step], taken: tuple[int, int, int] | str | None = None) -> Graph:
    """A graph from choices: each step applies an op to two of the values made before.

    `taken` are the rows of the results that are asked for, as a slice or for each member.
    """
    graph = Graph("Random")
    emit = Emitter(graph)
    values = [graph.add_input(name, TensorType(DType.F32, (B, 4, 4))) for name in ("x", "y")]
    masks = [graph.add_input("mask", TensorType(DType.BOOL, (B, 4)))]

    def weight(*shape: int) -> Value:
        limits = (("minval", -0.5), ("maxval", 0.5))
        path = graph.fresh_name("weight")
        source = Seeded(TensorType(DType.F32, shape), "random_uniform", limits, 0, path)
        return emit.parameter(path, source)

    for op, i, j in steps:
        a, b = values[i % len(values)], values[j % len(values)]
        if op in ("dropout",):
            values.append(emit(op, a, rate=0.5))
        elif op in UNARY:
            values.append(emit(op, a))
        elif op in BINARY:
            values.append(emit(op, a, b))
        elif op == "constant":
            constant = emit.constant(CONSTANTS[j % len(CONSTANTS)])
            choice = ("mul", "add", "mul", "sub")[i % 4]
            values.append(emit(choice, *((constant, a) if j % 2 else (a, constant))))
        elif op == "bias":
            values.append(emit("add", *((weight(4), a) if j % 2 else (a, weight(4)))))
        elif op == "dense":
            values.append(emit("add", emit("matmul", a, weight(4, 4)), weight(4)))
        elif op == "split":
            apart = emit("reshape", a, shape=(B, 4, 2, 2))
            turned = emit("transpose", apart, permutation=(0, 2, 1, 3))
            back = emit("transpose", turned, permutation=(0, 2, 1, 3))
            values.append(emit("reshape", back, shape=(B, 4, 4)))
        elif op == "join":
            values.append(emit("reshape", emit("reshape", a, shape=(B * 4, 4)), shape=(B, 4, 4)))
        elif op == "turn":
            values.append(emit("transpose", a, permutation=(0, 2, 1)))
        elif op == "norm":
            values.append(emit("layer_norm", emit("add", a, b), weight(4), None, epsilon=0.1))
        elif op == "softmax":
            values.append(emit("masked_softmax", a, emit("reshape", masks[-1], shape=(B, 1, 4))))
        elif op == "attend":
            key = emit("transpose", b, permutation=(0, 2, 1))
            scores = emit("mul", emit("matmul", a, key), emit.constant(0.5))
            mask = emit("reshape", masks[-1], shape=(B, 1, 4))
            position = emit("positions", a, axis=1)
            column = emit("reshape", position, shape=(1, 4))
            row = emit("reshape", position, shape=(4, 1))
            if j % 2:
                mask = emit("logical_and", emit("greater_equal", row, column), mask)
            values.append(emit("matmul", emit("masked_softmax", scores, mask), b))
        elif op == "mask":
            masks.append(emit("logical_not", masks[i % len(masks)]))
    for index, value in enumerate(values[-3:] if taken is None else values[-1:]):
        if isinstance(taken, tuple):
            start, stop, step = taken
            value = emit("slice", value, axis=1, start=start, stop=stop, step=step)
        elif taken is not None:
            rows = graph.add_input("rows", TensorType(DType.I64, (B, 1)))
            value = emit("take_rows", value, rows)
        graph.outputs[f"output_{index}"] = value
    return graph


STEPS = st.lists(
    st.tuples(st.sampled_from(UNARY + BINARY + OTHER), st.integers(0, 30), st.integers(0, 30)),
    min_size=1,
    max_size=24,
)


@given(steps=STEPS, level=st.sampled_from([1, 2]), taken=st.sampled_from(TAKEN))
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_levels_keep_the_meaning(
    steps: list[Step],
    level: int,
    taken: tuple[int, int, int] | str | None,
    same_meaning: Callable[..., None],
) -> None:
    graph = build(steps, taken)
    result = run_pipeline(graph, passes_of(level), verify=True)
    same_meaning(graph, result.graph)
    again = run_pipeline(result.graph, passes_of(level), verify=True)
    assert [record.name for record in again.records if record.changes] == []
