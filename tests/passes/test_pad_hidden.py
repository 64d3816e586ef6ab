"""Hidden layers a multiple of 4 KB wide get columns of zeros; the guards say where they may not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from neuralc.ir.dim import symbol
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.graph import Graph
from neuralc.ir.parameter import Seeded
from neuralc.ir.type import TensorType
from neuralc.ir.value import Value
from neuralc.passes.manager import run_pipeline
from neuralc.passes.pad_hidden import FINITE_AT_ZERO, PadHidden

ROWS = 12
WIDTH = 1024


class Block:
    """Two products with a hidden layer between them, written step by step."""

    def __init__(self, *shape: object) -> None:
        self.graph = Graph("Block")
        self.x = self.graph.add_input("x", TensorType(DType.F32, shape or (ROWS, 4)))
        self.emit = Emitter(self.graph, "block")
        self.weights = 0

    def weight(self, *shape: int) -> Value:
        spread = (("minval", -0.5), ("maxval", 0.5))
        self.weights += 1
        path = f"weight[{self.weights}]"
        type = TensorType(DType.F32, shape)
        return self.emit.parameter(path, Seeded(type, "random_uniform", spread, 0, path))

    def linear(self, x: Value, columns: int = WIDTH) -> Value:
        rows = x.type.shape[-1]
        assert isinstance(rows, int)
        return self.emit("linear", x, self.weight(rows, columns), self.weight(columns))

    def ends(self, last: Value, **others: Value) -> Graph:
        """The graph with a second product behind the hidden layer."""
        self.graph.outputs.update({"y": self.linear(last, 3), **others})
        return self.graph


def widths(graph: Graph) -> set[object]:
    return {node.result.type.shape[-1] for node in graph.nodes() if node.op == "linear"}


def padded(graph: Graph, target: str = "cpu") -> tuple[Graph, list[str]]:
    result = run_pipeline(graph, [PadHidden(target)], verify=True)
    again = run_pipeline(result.graph, [PadHidden(target)], verify=True)
    assert [record.changes for record in again.records] == [0]
    return result.graph, [remark.message for remark in result.remarks.all()]


@pytest.mark.parametrize("op", sorted(FINITE_AT_ZERO))
def test_added_columns_change_nothing(op: str, same_meaning: Callable[..., None]) -> None:
    block = Block()
    attributes = {"slope": 0.1} if op == "leaky_relu" else {}
    graph = block.ends(block.emit(op, block.linear(block.x), **attributes))
    found, remarks = padded(graph)
    assert widths(found) == {WIDTH + 16, 3}
    assert "1024 wide gets 16 columns" in remarks[0]
    same_meaning(graph, found)


def test_a_gated_hidden_layer_is_widened_whole(same_meaning: Callable[..., None]) -> None:
    block = Block()
    emit = block.emit
    gate = emit("silu", block.linear(block.x))
    shifted = emit("add", block.linear(block.x), emit.constant(0.5))
    graph = block.ends(emit("mul", gate, shifted))
    found, _ = padded(graph)
    assert widths(found) == {WIDTH + 16, 3}
    same_meaning(graph, found)


def test_a_product_without_a_bias_stays_without_one(same_meaning: Callable[..., None]) -> None:
    block = Block()
    hidden = block.emit("linear", block.x, block.weight(4, WIDTH), None)
    graph = block.ends(block.emit("relu", hidden))
    found, _ = padded(graph)
    first = next(node for node in found.nodes() if node.op == "linear")
    assert first.operands[2] is None
    assert widths(found) == {WIDTH + 16, 3}
    same_meaning(graph, found)


def _infinite_at_zero(block: Block) -> Graph:
    gate = block.emit("reciprocal", block.linear(block.x))
    return block.ends(block.emit("mul", block.linear(block.x), gate))


def _softmax_gate(block: Block) -> Graph:
    gate = block.emit("softmax", block.linear(block.x))
    return block.ends(block.emit("mul", block.linear(block.x), gate))


def _used_twice(block: Block) -> Graph:
    hidden = block.emit("relu", block.linear(block.x))
    return block.ends(hidden, other=block.emit("neg", hidden))


def _product_used_twice(block: Block) -> Graph:
    inner = block.linear(block.x)
    return block.ends(block.emit("relu", inner), other=block.emit("neg", inner))


def _is_output(block: Block) -> Graph:
    hidden = block.emit("relu", block.linear(block.x))
    return block.ends(hidden, hidden=hidden)


def _gate_is_an_input(block: Block) -> Graph:
    gate = block.graph.add_input("gate", TensorType(DType.F32, (ROWS, WIDTH)))
    return block.ends(block.emit("mul", block.linear(block.x), gate))


def _scaled_by_a_vector(block: Block) -> Graph:
    return block.ends(block.emit("mul", block.linear(block.x), block.weight(WIDTH)))


def _inner_weight_is_an_input(block: Block) -> Graph:
    weight = block.graph.add_input("w", TensorType(DType.F32, (4, WIDTH)))
    return block.ends(block.emit("relu", block.emit("linear", block.x, weight, None)))


def _outer_weight_is_an_input(block: Block) -> Graph:
    weight = block.graph.add_input("w", TensorType(DType.F32, (WIDTH, 3)))
    hidden = block.emit("relu", block.linear(block.x))
    block.graph.outputs["y"] = block.emit("linear", hidden, weight, None)
    return block.graph


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (_infinite_at_zero, "reciprocal would have to know"),
        (_softmax_gate, "softmax would have to know"),
        (_used_twice, "used elsewhere"),
        (_product_used_twice, "used elsewhere"),
        (_is_output, "used elsewhere"),
        (_gate_is_an_input, "no product"),
        (_scaled_by_a_vector, "no product"),
        (_inner_weight_is_an_input, "weights of the hidden layer are computed"),
        (_outer_weight_is_an_input, "weights behind the hidden layer are computed"),
    ],
    ids=lambda each: getattr(each, "__name__", None),
)
def test_a_near_miss_stays_and_says_why(write: Callable[[Block], Graph], reason: str) -> None:
    found, remarks = padded(write(Block()))
    assert WIDTH + 16 not in widths(found)
    assert [reason in remark for remark in remarks] == [True]


@pytest.mark.parametrize(
    ("shape", "width", "target"),
    [
        ((ROWS, 4), 1000, "cpu"),
        ((ROWS, 4), 512, "cpu"),
        ((11, 4), WIDTH, "cpu"),
        ((symbol("B"), 4), WIDTH, "cpu"),
        ((symbol("B"), 12, 4), WIDTH, "cpu"),
        ((ROWS, 4), WIDTH, "cuda"),
    ],
    ids=str,
)
def test_where_there_is_nothing_to_gain_all_stays(shape: tuple, width: int, target: str) -> None:
    block = Block(*shape)
    graph = block.ends(block.emit("relu", block.linear(block.x, width)))
    found, remarks = padded(graph, target)
    assert widths(found) == {width, 3}
    assert not remarks
