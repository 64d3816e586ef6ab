"""Recurrent layers under masks: what is left out changes nothing, whatever stands there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from neuralc.compiler.driver import compile
from neuralc.ir.interpreter import interpret

KINDS = ("LSTM(4{})", "GRU(4{})", "GRU(4, reset_after=false{})", "SimpleRNN(4{})")
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 1, 1, 1], [1, 0, 0, 1, 0], [0] * 5])
X = np.random.default_rng(0).standard_normal((5, 5, 3)).astype(np.float32)


def models(layers: str) -> list[Any]:
    return [
        compile(
            f"network N {{ input: (S, 3) layers: {layers} }}",
            target=target,
            opt_level=level,
            padding_mask=True,
            lint=False,
        )
        for target in ("cpu", "portable")
        for level in (0, 2)
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backwards", ["", ", go_backwards=true"])
def test_what_padding_holds_changes_nothing(kind: str, backwards: str) -> None:
    layer = kind.format(backwards)
    dirty = X.copy()
    for number, content in enumerate((np.nan, np.inf, 1e30, -np.inf, np.nan)):
        dirty[number][MASK[number] == 0] = content
    found = []
    for model in models(layer):
        graph = model._compilation.source_graph
        expected = interpret(graph, {"input": X, "attention_mask": MASK})["output"]
        for x in (X, dirty):
            (result,) = model.session().run({"input": x, "attention_mask": MASK}).values()
            np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)
        assert not expected[4].any()  # nothing counts: zeros
        found.append(expected)
    assert all(np.array_equal(found[0], each) for each in found)


@pytest.mark.parametrize("kind", KINDS)
def test_gaps_are_as_if_they_were_not_there(kind: str) -> None:
    """Each row alone, without the steps that do not count, gives the same."""
    model = models(kind.format(""))[0]
    graph = model._compilation.source_graph
    together = interpret(graph, {"input": X, "attention_mask": MASK})["output"]
    for row in range(4):
        kept = X[row : row + 1, MASK[row] == 1]
        ones = np.ones(kept.shape[:2], np.int64)
        alone = interpret(graph, {"input": kept, "attention_mask": ones})["output"]
        np.testing.assert_allclose(together[row : row + 1], alone, rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_masked_steps_repeat_the_step_before(kind: str) -> None:
    model = models(kind.format(", return_sequences=true"))[0]
    graph = model._compilation.source_graph
    result = interpret(graph, {"input": X, "attention_mask": MASK})["output"]
    for row, step in zip(*np.nonzero(MASK == 0), strict=True):
        before = result[row, step - 1] if step else np.zeros(4)
        assert np.array_equal(result[row, step], before)


def test_the_mask_travels_on_with_the_sequence_only() -> None:
    masked = "LSTM(4, return_sequences=true) GlobalAveragePooling1D()"
    graph = models(masked)[0]._compilation.source_graph
    result = interpret(graph, {"input": X, "attention_mask": MASK})["output"]
    steps = models("LSTM(4, return_sequences=true)")[0]._compilation.source_graph
    sequence = interpret(steps, {"input": X, "attention_mask": MASK})["output"]
    counts = MASK.sum(1, keepdims=True)
    mean = (sequence * MASK[..., None]).sum(1) / np.maximum(counts, 1)
    np.testing.assert_allclose(result, mean, rtol=1e-6, atol=1e-7)


def test_a_stack_has_no_transposes_between_its_layers() -> None:
    """Time stands in front in the runtime's kernels; it stays there from one to the next."""
    layers = "LSTM(4, return_sequences=true) GRU(4, return_sequences=true) SimpleRNN(4)"
    model = compile(f"network N {{ input: (7, 3) layers: {layers} }}", lint=False)
    weights = {node for node in model.target_graph.nodes() if node.op == "transpose"}
    assert len(weights) == 1  # the network's input
