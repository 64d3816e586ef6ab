"""Values a multiple of 4 KB wide are copied onto padded rows where products gain more than that."""

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
from neuralc.passes.pad_hidden import PadHidden
from neuralc.passes.pad_operands import PadOperands


def products(
    *columns: int, shape: tuple = (12, 1024), weight: str = "parameter", bias: bool = True
) -> Graph:
    """Products that read one input, each with an output of its own."""
    graph = Graph("Products")
    emit = Emitter(graph)
    x = graph.add_input("x", TensorType(DType.F32, shape))
    spread = (("minval", -0.5), ("maxval", 0.5))

    def drawn(path: str, *sizes: int) -> Value:
        type = TensorType(DType.F32, sizes)
        return emit.parameter(path, Seeded(type, "random_uniform", spread, 0, path))

    for index, width in enumerate(columns):
        if weight == "parameter":
            kernel = drawn(f"kernel{index}", shape[-1], width)
        else:
            type = TensorType(DType.F32, (shape[-1], width))
            kernel = graph.add_input(f"kernel{index}", type)
        added = drawn(f"bias{index}", width) if bias else None
        graph.outputs[f"y{index}"] = emit("linear", x, kernel, added)
    return graph


def padded(graph: Graph, target: str = "cpu") -> Graph:
    result = run_pipeline(graph, [PadOperands(target)], verify=True)
    again = run_pipeline(result.graph, [PadOperands(target)], verify=True)
    assert [record.changes for record in again.records] == [0]
    return result.graph


def copies(graph: Graph) -> int:
    """How many values, weights left out, are copied onto wider rows."""
    return sum(node.op == "pad" and node.attributes["pads"][0] == (0, 0) for node in graph.nodes())


@pytest.mark.parametrize("bias", [True, False])
def test_products_of_one_value_share_its_copy(
    bias: bool, same_meaning: Callable[..., None]
) -> None:
    graph = products(200, 200, 112, bias=bias)
    found = padded(graph)
    assert copies(found) == 1
    linears = [node for node in found.nodes() if node.op == "linear"]
    assert {node.operands[0] for node in linears} == {
        node.result
        for node in found.nodes()
        if node.op == "pad" and node.result.type.shape[0] == 12
    }
    same_meaning(graph, found)


def test_weights_that_were_padded_before_are_padded_again(
    same_meaning: Callable[..., None],
) -> None:
    graph = products(1024)
    emit = Emitter(graph)
    hidden = emit("relu", graph.outputs.pop("y0"))
    type = TensorType(DType.F32, (1024, 3))
    kernel = emit.parameter("outer", Seeded(type, "glorot_uniform", (), 0, "outer"))
    graph.outputs["y"] = emit("linear", hidden, kernel, None)
    result = run_pipeline(graph, [PadHidden(), PadOperands()], verify=True).graph
    assert copies(result) == 1 + 1, "what is read, and the weights' columns of the hidden layer"
    same_meaning(graph, result)


@pytest.mark.parametrize(
    ("graph", "target"),
    [
        (products(511), "cpu"),
        (products(200, 200), "cpu"),
        (products(1024, shape=(12, 1000)), "cpu"),
        (products(1024, shape=(12, 512)), "cpu"),
        (products(1024, shape=(11, 1024)), "cpu"),
        (products(1024, shape=(symbol("B"), 1024)), "cpu"),
        (products(1024, shape=(2, 12, 1024)), "cpu"),
        (products(1024, weight="input"), "cpu"),
        (products(1024), "cuda"),
    ],
    ids=[
        "too few columns",
        "too few columns together",
        "other width",
        "half a page",
        "few rows",
        "rows of a batch of one",
        "no rows",
        "weight is an input",
        "cuda",
    ],
)
def test_where_there_is_nothing_to_gain_all_stays(graph: Graph, target: str) -> None:
    assert copies(padded(graph, target)) == 0
