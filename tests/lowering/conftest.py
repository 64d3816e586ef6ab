"""Shared by the lowering tests: graphs of one op from a line of text, and running them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from neuralc.ir.dim import Dim, Symbol, evaluate, parse_dim
from neuralc.ir.dtype import DType
from neuralc.ir.graph import Graph
from neuralc.ir.parameter import Literal
from neuralc.ir.target import Target
from neuralc.ir.type import TensorType
from neuralc.ir.value import Kind, Value
from neuralc.lowering.onnx_lowering import lower
from neuralc.lowering.weights import to_bytes

SYMBOLS = {"B": Symbol("B"), "S": Symbol("S", maximum=9), "U": Symbol("U")}
"""The batch, a bounded and an unbounded length."""


@dataclass(frozen=True)
class Case:
    """One op on operands like `f32[B, S, 8]`; `= ` before one makes it a weight, `_` leaves it out,
    `+ ` makes it an input of the model only, which says a size.

    `low` and `high` bound the random content of float operands.
    """

    operands: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    low: float = -3.0
    high: float = 3.0


def dims(text: str) -> tuple[Dim, ...]:
    return tuple(parse_dim(each, SYMBOLS) for each in text.split(",") if each.strip())


def attribute(value: Any) -> Any:
    """Text in brackets is a shape, a formula of symbols a dimension."""
    if not isinstance(value, str) or value.islower():
        return value
    return dims(value[1:-1]) if value[0] == "[" else parse_dim(value, SYMBOLS)


def operand(graph: Graph, text: str, number: int, random: np.random.Generator) -> Value | None:
    found = re.fullmatch(r"(=?)\s*(\w+)\[(.*)\]", text)
    if found is None:
        assert text == "_"
        return None
    type = TensorType(DType(found[2]), dims(found[3]))
    if not found[1]:
        return graph.add_input(f"x{number}", type)
    content = random.uniform(0.5, 1.5, type.static_shape).astype(type.dtype.numpy)
    return graph.add_source(f"weight{number}", Literal(type, content), Kind.PARAMETER)


def one_op(op: str, case: Case) -> Graph:
    graph = Graph(op)
    random = np.random.default_rng(0)
    parts = [part.strip() for part in re.split(r";", case.operands)]
    made = [(part, operand(graph, part.strip("+ "), i, random)) for i, part in enumerate(parts)]
    attributes = {name: attribute(value) for name, value in case.attributes.items()}
    node = graph.add(op, [value for part, value in made if part[0] != "+"], attributes)
    graph.outputs = {f"y{i}": result for i, result in enumerate(node.results)}
    return graph


def contents(
    graph: Graph, sizes: Mapping[str, int], low: float = -3.0, high: float = 3.0, seed: int = 1
) -> dict[str, np.ndarray]:
    """Random content for every input; integers are small enough for any table of the cases."""
    random = np.random.default_rng(seed)
    made: dict[str, np.ndarray] = {}
    for value in graph.inputs:
        shape = [evaluate(dim, sizes) for dim in value.type.shape]
        if value.type.dtype is DType.BOOL:
            made[value.name] = random.integers(0, 2, shape).astype(bool)
        elif value.type.dtype.is_float:
            made[value.name] = random.uniform(low, high, shape).astype(value.type.dtype.numpy)
        else:
            made[value.name] = random.integers(0, 4, shape).astype(value.type.dtype.numpy)
    return made


def run(model: bytes, inputs: Mapping[str, np.ndarray], optimized: bool = True) -> Sequence[Any]:
    """The outputs in a session with default options, or with the runtime's optimizer off."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    if not optimized:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(None, dict(inputs))


@pytest.fixture(scope="session")
def case_of() -> type[Case]:
    return Case


@pytest.fixture(scope="session")
def graph_of() -> Callable[[str, Case], Graph]:
    return one_op


@pytest.fixture(scope="session")
def contents_of() -> Callable[..., dict[str, np.ndarray]]:
    return contents


@pytest.fixture(scope="session")
def run_model() -> Callable[..., Sequence[Any]]:
    return run


@pytest.fixture(scope="session")
def lowered() -> Callable[[Graph, Target], bytes]:
    return lambda graph, target: to_bytes(lower(graph, target, producer_version="test"))
