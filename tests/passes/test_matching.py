"""What patterns ask of a graph, each question with answers that must be no."""

from __future__ import annotations

import numpy as np
import pytest
from neuralc.ir.dim import symbol
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.graph import Graph
from neuralc.ir.parameter import Computed, Literal
from neuralc.ir.type import TensorType
from neuralc.ir.value import Kind, Value
from neuralc.passes.attention_pattern import shared_heads
from neuralc.passes.layout import reshaped, transposed
from neuralc.passes.masks import is_causal
from neuralc.passes.matching import close, factors, polynomial, scalar, times_scalar

B = symbol("B")


@pytest.fixture
def emit() -> Emitter:
    return Emitter(Graph("Any"))


def given(emit: Emitter, *shape: object, dtype: DType = DType.F32) -> Value:
    name = emit.graph.fresh_name("x")
    return emit.graph.add_input(name, TensorType(dtype, shape))


# ---- scalars, factors, polynomials --------------------------------------------------------


def test_scalar_is_a_constant_of_one_element(emit: Emitter) -> None:
    graph = emit.graph
    assert scalar(graph, emit.constant(0.5)) == 0.5
    assert scalar(graph, emit.constant([[3]], DType.I64)) == 3.0
    assert scalar(graph, emit.constant([1.0, 1.0])) is None
    assert scalar(graph, given(emit)) is None
    assert scalar(graph, None) is None
    literal = Literal(TensorType(DType.F32, ()), np.asarray(1.0, np.float32))
    assert scalar(graph, graph.add_source("gain", literal, Kind.PARAMETER)) is None


def test_close_allows_for_rounding_only() -> None:
    assert close(float(np.float32(1 / 3)), 1 / 3, DType.F32)
    assert close(float(np.float16(1 / 3)), 1 / 3, DType.F16)
    assert not close(float(np.float16(1 / 3)), 1 / 3, DType.F32)
    assert not close(0.3334, 1 / 3, DType.F32)
    assert close(0.0, 0.0, DType.F32)
    assert not close(1e-30, 0.0, DType.F32)


def test_times_scalar(emit: Emitter) -> None:
    graph, x = emit.graph, given(emit, 4)
    assert times_scalar(graph, emit("mul", emit.constant(3.0), x)) == (x, 3.0)
    assert times_scalar(graph, emit("div", x, emit.constant(4.0))) == (x, 0.25)
    assert times_scalar(graph, emit("div", emit.constant(4.0), x)) is None
    assert times_scalar(graph, emit("div", x, emit.constant(0.0))) is None
    assert times_scalar(graph, emit("mul", x, emit.constant([[3.0]]))) is None
    assert times_scalar(graph, emit("add", x, emit.constant(3.0))) is None
    assert times_scalar(graph, emit("mul", x, x)) is None
    assert times_scalar(graph, x) is None


def test_factors_open_only_what_nobody_else_reads(emit: Emitter) -> None:
    graph, x, y = emit.graph, given(emit, 4), given(emit, 4)
    inner = emit("mul", x, emit.constant(3.0))
    product = emit("div", emit("mul", inner, y), emit.constant(2.0))
    constant, leaves, nodes = factors(graph, graph.producer(product))
    assert (constant, set(leaves), len(nodes)) == (1.5, {x, y}, 3)
    graph.outputs["inner"] = inner
    constant, leaves, nodes = factors(graph, graph.producer(product))
    assert (constant, set(leaves), len(nodes)) == (0.5, {inner, y}, 2)


def test_factors_leave_quotients_and_long_products(emit: Emitter) -> None:
    graph, x, y = emit.graph, given(emit, 4), given(emit, 4)
    quotient = emit("div", x, y)
    assert factors(graph, graph.producer(quotient))[1] == [quotient]
    by_zero = emit("div", x, emit.constant(0.0))
    assert factors(graph, graph.producer(by_zero))[1] == [by_zero]
    product = x
    for _ in range(40):
        product = emit("mul", product, y)
    assert len(factors(graph, graph.producer(product))[1]) <= 8


def test_polynomials(emit: Emitter) -> None:
    graph, x, y = emit.graph, given(emit, 4), given(emit, 4)
    two, three = emit.constant(2.0), emit.constant(3.0)
    square = emit("mul", emit("sub", x, two), emit("neg", emit("add", two, x)))
    found = polynomial(graph, emit("div", square, two), x)
    assert found is not None
    assert found[0] == {0: 2.0, 1: 0.0, 2: -0.5}
    cube = polynomial(graph, emit("pow", emit("add", x, two), three), x)
    assert cube is not None
    assert cube[0] == {0: 8.0, 1: 12.0, 2: 6.0, 3: 1.0}
    for other in (
        emit("pow", x, emit.constant(0.5)),
        emit("pow", x, emit.constant(-1.0)),
        emit("pow", two, x),
        emit("div", two, x),
        emit("div", x, emit.constant(0.0)),
        emit("add", x, y),
        emit("exp", x),
        y,
    ):
        assert polynomial(graph, other, x) is None


def test_polynomials_are_not_searched_without_end(emit: Emitter) -> None:
    x = given(emit, 4)
    value = x
    for _ in range(20):
        value = emit("add", value, x)
    assert polynomial(emit.graph, value, x) is None


# ---- layout -------------------------------------------------------------------------------


def test_layout_adds_no_node_that_it_can_do_without(emit: Emitter) -> None:
    x = given(emit, B, 2, 3)
    assert reshaped(emit, x, (B, 2, 3)) is x
    assert transposed(emit, x, (0, 1, 2)) is x
    turned = transposed(emit, x, (0, 2, 1))
    assert transposed(emit, turned, (0, 2, 1)) is x
    flat = reshaped(emit, x, (B, 6))
    assert reshaped(emit, flat, (B, 2, 3)) is x
    assert reshaped(emit, flat, (B, 6)) is flat
    assert len(emit.graph) == 2
    one = given(emit, B, 1, 3)
    assert emit.graph.producer(transposed(emit, one, (1, 0, 2))).op == "reshape"


# ---- masks --------------------------------------------------------------------------------


def test_triangles(emit: Emitter) -> None:
    graph = emit.graph

    def causal(array: np.ndarray) -> bool:
        return is_causal(graph, emit.constant(array, DType.of(array.dtype)))

    assert causal(np.tri(5, dtype=bool))
    assert causal(np.tri(5, dtype=bool)[None, None])
    assert not causal(np.tri(5, dtype=np.int64))
    assert not causal(np.tri(5, dtype=bool)[0])
    assert not causal(np.tri(5, 4, dtype=bool))
    assert not causal(np.stack([np.tri(5, dtype=bool)] * 2))
    assert not causal(np.tri(5, dtype=bool).T)
    assert not causal(np.ones((5, 5), dtype=bool))
    assert not causal(np.tri(2100, dtype=bool)), "a literal of more than 4 MB is not read"


def test_a_triangle_keeps_its_meaning_through_a_reshape(emit: Emitter) -> None:
    triangle = emit.constant(np.tri(4, dtype=bool), DType.BOOL)
    assert is_causal(emit.graph, emit("reshape", triangle, shape=(1, 1, 4, 4)))


@pytest.mark.parametrize(
    ("keys", "queries", "expected"),
    [
        ([0, 1, 2], [0, 1, 2], True),
        ([7, 8, 9], [7, 8, 9], True),
        ([0, 1, 2], [1, 2, 3], False),
        ([0, 2, 4], [0, 2, 4], False),
        ([2, 1, 0], [2, 1, 0], False),
    ],
)
def test_literal_positions(
    emit: Emitter, keys: list[int], queries: list[int], expected: bool
) -> None:
    column = emit.constant([keys], DType.I64)
    row = emit.constant([[each] for each in queries], DType.I64)
    assert is_causal(emit.graph, emit("less_equal", column, row)) is expected
    assert is_causal(emit.graph, emit("greater_equal", row, column)) is expected
    assert not is_causal(emit.graph, emit("less_equal", row, column))


def test_positions_that_are_no_integers_are_not_counted(emit: Emitter) -> None:
    column, row = emit.constant([[0.5, 1.5]]), emit.constant([[0.0], [1.0]])
    assert not is_causal(emit.graph, emit("less_equal", column, row))


def test_vectors_must_lie_along_their_axes(emit: Emitter) -> None:
    graph = emit.graph
    column, row = emit.constant([[0, 1]], DType.I64), emit.constant([[0], [1]], DType.I64)
    square = emit.constant([[0, 1], [2, 3]], DType.I64)
    assert not is_causal(graph, emit("less_equal", square, row))
    assert not is_causal(graph, emit("less_equal", column, square))
    assert not is_causal(graph, emit("less_equal", column, emit.constant(0, DType.I64)))
    assert not is_causal(graph, emit("less_equal", column, column))
    assert not is_causal(graph, emit("less_equal", column, emit.constant([[0]], DType.I64)))
    assert not is_causal(graph, given(emit, 2, 2, dtype=DType.BOOL))


def test_long_positions_are_expressions(emit: Emitter) -> None:
    type, turned = TensorType(DType.I64, (3,)), TensorType(DType.I64, (1, 3))
    numbers = Literal(type, np.arange(3))
    row = emit.constant([[0], [1], [2]], DType.I64)
    for op, attributes, expected in (("reshape", {"shape": (1, 3)}, True), ("expand", {}, False)):
        source = Computed(turned, op, attributes or {"shape": (1, 3)}, (numbers,))
        column = emit.graph.add_source("column", source, Kind.CONSTANT)
        assert is_causal(emit.graph, emit("less_equal", column, row)) is expected


# ---- heads that are shared ----------------------------------------------------------------


def repeat(emit: Emitter, x: Value, apart: tuple, wide: tuple, joined: tuple) -> Value:
    value = emit("reshape", x, shape=apart)
    return emit("reshape", emit("expand", value, shape=wide), shape=joined)


def test_shared_heads(emit: Emitter) -> None:
    x = given(emit, B, 2, 3, 4)
    value = repeat(emit, x, (B, 2, 1, 3, 4), (B, 2, 5, 3, 4), (B, 10, 3, 4))
    assert shared_heads(emit.graph, value) is x
    expanded = emit("expand", emit("reshape", x, shape=(B, 1, 2, 3, 4)), shape=(B, 5, 2, 3, 4))
    cases = [
        # The repetition stands before the heads: another order of heads.
        emit("reshape", expanded, shape=(B, 10, 3, 4)),
        # The positions are repeated, not the heads.
        repeat(emit, x, (B, 2, 3, 1, 4), (B, 2, 3, 5, 4), (B, 10, 3, 4)),
        # The result is cut otherwise.
        repeat(emit, x, (B, 2, 1, 3, 4), (B, 2, 5, 3, 4), (B, 5, 6, 4)),
        repeat(emit, x, (B, 2, 1, 3, 4), (B, 2, 5, 3, 4), (B, 30, 4)),
        # A new axis in front.
        repeat(emit, x, (B, 2, 1, 3, 4), (1, B, 2, 1, 3, 4), (B, 2, 3, 4)),
        emit("reshape", x, shape=(B, 6, 4)),
        emit("reshape", emit("tanh", x), shape=(B, 6, 4)),
        # Something else happens between the reshapes.
        emit(
            "reshape", emit("tanh", emit("reshape", x, shape=(B, 2, 1, 3, 4))), shape=(B, 2, 3, 4)
        ),
        emit("reshape", emit("expand", x, shape=(B, 2, 3, 4)), shape=(B, 6, 4)),
        emit("tanh", x),
        x,
    ]
    for other in cases:
        assert shared_heads(emit.graph, other) is other
    one = given(emit, B, 2, 1, 4)
    grown = repeat(emit, one, (B, 2, 1, 1, 4), (B, 2, 5, 7, 4), (B, 10, 7, 4))
    assert shared_heads(emit.graph, grown) is grown
    narrow = given(emit, 8)
    short = repeat(emit, narrow, (8, 1), (8, 2), (16,))
    assert shared_heads(emit.graph, short) is short
