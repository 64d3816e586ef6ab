"""One layer, compiled and in Keras 3 with the same weights.

In: a program's layers, Keras' layers, inputs. Out: the results of both.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from neuralc.compiler.driver import compile
from neuralc.ir.evaluate import evaluate
from neuralc.ir.interpreter import interpret
from neuralc.ir.value import Kind

os.environ.setdefault("KERAS_BACKEND", "torch")

Array = np.ndarray[Any, Any]


def compiled(layers: str, input: str) -> Any:
    """The model of these layers; every weight is random, so that no gate or bias is at rest."""
    source = f"network N {{ input: {input} layers: {layers} }}"
    return compile(source, lint=False, positions="none", seed=3)


def weights_of(model: Any, scope: str) -> list[Array]:
    """A layer's weights in the order in which the program's layer has them, which is Keras'."""
    graph = model._compilation.source_graph
    return [
        np.asarray(evaluate(source))
        for value, source in graph.sources()
        if value.name.startswith(f"{scope}/") and value.kind is not Kind.CONSTANT
    ]


def agree(model: Any, keras_model: Any, inputs: dict[str, Array], given: Sequence[Array]) -> None:
    """The interpreter's and ONNX Runtime's results are Keras' but for 1e-5 of the scale."""
    expected = np.asarray(keras_model(*given).detach().cpu())
    scale = max(1e-3, float(np.abs(expected).max()))
    (exact,) = interpret(model._compilation.source_graph, inputs).values()
    (found,) = model.session().run(inputs).values()
    assert exact.shape == found.shape == expected.shape
    assert np.abs(exact - expected).max() <= 1e-5 * scale
    assert np.abs(found - expected).max() <= 1e-5 * scale
