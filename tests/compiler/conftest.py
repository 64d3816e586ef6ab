"""Shared by the tests of the builder: networks from bare layers, their weights, running them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from neuralc.compiler.building.builder import build
from neuralc.compiler.checking.checker import CheckOptions, check
from neuralc.compiler.checking.model import Model
from neuralc.compiler.syntax.parser import parse
from neuralc.compiler.syntax.source import Source
from neuralc.ir.diagnostic import Severity
from neuralc.ir.evaluate import evaluate
from neuralc.ir.graph import Graph
from neuralc.ir.interpreter import interpret
from neuralc.ir.verifier import verify

Array = np.ndarray[Any, Any]


class Lab:
    """Builds networks and runs them in the interpreter."""

    def model(
        self, layers: str, input: str = "(7, 12)", options: CheckOptions | None = None
    ) -> Model:
        """The checked network of these layers."""
        text = f"network N {{ input: {input} layers: {layers} }}"
        result = check(parse(Source("test.neural", text)), options)
        errors = [d for d in result.diagnostics if d.severity is Severity.ERROR]
        assert not errors, errors
        return result.the_model

    def graph(
        self, layers: str, input: str = "(7, 12)", options: CheckOptions | None = None
    ) -> Graph:
        """The verified graph of a network of these layers."""
        graph = build(self.model(layers, input, options), seed=3)
        verify(graph)
        return graph

    def weights(self, graph: Graph) -> dict[str, Array]:
        """Every weight and constant by its name."""
        return {v.name: evaluate(source).astype(np.float64) for v, source in graph.sources()}

    def randomized(self, graph: Graph) -> dict[str, Array]:
        """Weights that make biases, gains and statistics count as well."""
        random = np.random.default_rng(11)
        weights = {}
        for name, array in self.weights(graph).items():
            if name.split("/")[-1] in ("bias", "gain", "alpha", "moving_mean"):
                array = array + random.normal(0, 0.3, array.shape)
            elif name.endswith("moving_variance"):
                array = random.uniform(0.5, 2, array.shape)
            weights[name] = array
        return weights

    def run(self, graph: Graph, weights: dict[str, Array] | None = None, **inputs: Array) -> Array:
        """The output in float64."""
        parameters = None if weights is None else (lambda value: weights[value.name])
        (output,) = interpret(graph, inputs, parameters).values()
        return output


@pytest.fixture(scope="session")
def lab() -> Lab:
    return Lab()
