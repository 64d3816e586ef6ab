"""A network's results, and that every target and level agrees about them.

In: layers and an input. Out: what the float64 interpreter finds, and the weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from neuralc.compiler.driver import compile
from neuralc.ir.evaluate import evaluate
from neuralc.ir.interpreter import interpret


def results(layers: str, x: Any, shape: str) -> tuple[Any, list[Any]]:
    """What the interpreter and each target's runtime find, and the weights."""
    weights: list[Any] = []
    found: list[Any] = []
    for target in ("cpu", "portable"):
        for level in (0, 2):
            model = compile(
                f"network N {{ input: {shape} layers: {layers} }}",
                target=target,
                opt_level=level,
                lint=False,
            )
            graph = model._compilation.source_graph
            (exact,) = interpret(graph, {"input": x}).values()
            (result,) = model.session().run({"input": x}).values()
            np.testing.assert_allclose(result, exact, rtol=1e-5, atol=1e-5)
            weights = [np.asarray(evaluate(source)) for _, source in graph.sources()]
            found.append(exact)
    assert all(np.array_equal(found[0], each) for each in found)
    return found[0], weights
