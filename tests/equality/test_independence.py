"""What must not influence an output, does not: future tokens where causal, masked tokens anywhere.

Outputs must stay bit-identical under any finite change, up to 1e30, of such a token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import neuralc
import numpy as np
import onnxruntime as ort
import pytest

Inputs = dict[str, np.ndarray]
BATCH = 2
CHANGES = (0.5, -1e3, 1e30, -1e30)
FLOAT_BEFORE_BLOCKS = ("bidirectional_attention", "causal_attention", "visualizable_attention")


@pytest.fixture(params=[(t, o) for t in ("cpu", "portable") for o in (0, 2)], ids=str)
def target_and_level(request: pytest.FixtureRequest) -> tuple[str, int]:
    return request.param


@pytest.fixture
def run(
    network_source: Callable[[str], str], tmp_path: Path, target_and_level: tuple[str, int]
) -> Callable[..., tuple[neuralc.CompiledModel, Callable[[Inputs], np.ndarray]]]:
    target, level = target_and_level

    def compiled(name: str, **options: object) -> tuple:
        model = neuralc.compile(
            network_source(name), opt_level=level, target=target, lint=False, **options
        )
        path = tmp_path / "model.onnx"
        model.save(path)
        session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        return model, lambda inputs: session.run(None, inputs)[0]

    return compiled


def changed(inputs: Inputs, name: str, row: int, position: int) -> Iterator[Inputs]:
    """Copies of the inputs in which one token is another."""
    for change in CHANGES:
        other = inputs[name].copy()
        if np.issubdtype(other.dtype, np.integer):
            other[row, position] = (other[row, position] + 1 + int(abs(change)) % 7) % 80
        elif abs(change) < 1:
            other[row, position] += np.float32(change)
        else:
            other[row, position] = np.float32(change) * np.sign(other[row, position] + 0.1)
        yield inputs | {name: other}


@pytest.mark.parametrize("padded", [False, True], ids=["unpadded", "padded"])
def test_a_future_token_changes_no_earlier_output(
    run: Callable, sampler: Callable[..., Inputs], padded: bool
) -> None:
    model, outputs = run("causal_attention", padding_mask=padded)
    inputs = sampler(model.source_graph, BATCH, 1, "right")
    name = next(n for n in inputs if not n.endswith("mask"))
    before = outputs(inputs)
    for position in (1, inputs[name].shape[1] // 2, inputs[name].shape[1] - 1):
        for other in changed(inputs, name, 0, position):
            after = outputs(other)
            assert np.array_equal(before[0, :position], after[0, :position])
            assert np.array_equal(before[1], after[1])


def test_a_future_target_token_changes_no_earlier_output(
    run: Callable, sampler: Callable[..., Inputs]
) -> None:
    model, outputs = run("encoder_decoder_with_cross_attention")
    inputs = sampler(model.source_graph, BATCH, 2)
    before = outputs(inputs)
    for other in changed(inputs, "decoder_input_ids", 0, 4):
        after = outputs(other)
        assert np.array_equal(before[0, :4], after[0, :4])
        assert not np.array_equal(before[0, 4:], after[0, 4:])


@pytest.mark.parametrize("padding", ["right", "left", "gapped"])
@pytest.mark.parametrize("name", [*FLOAT_BEFORE_BLOCKS, "nlp_attention"])
def test_a_masked_token_changes_no_other_output(
    run: Callable, sampler: Callable[..., Inputs], name: str, padding: str
) -> None:
    model, outputs = run(name, padding_mask=True)
    for seed in range(3):
        inputs = sampler(model.source_graph, BATCH, seed, padding)
        masked = np.argwhere(inputs["attention_mask"] == 0)
        if not len(masked):
            continue
        row, position = (int(each) for each in masked[len(masked) // 2])
        token = next(n for n in inputs if not n.endswith("mask"))
        before = outputs(inputs)
        for other in changed(inputs, token, row, position):
            after = outputs(other)
            if before.ndim == 3:
                before[row, position] = after[row, position] = 0
            assert np.array_equal(before, after)
            assert np.isfinite(after).all()


def test_a_masked_source_token_changes_no_target_output(
    run: Callable, sampler: Callable[..., Inputs]
) -> None:
    model, outputs = run("encoder_decoder_with_cross_attention", padding_mask=True)
    inputs = sampler(model.source_graph, BATCH, 3)
    inputs["attention_mask"][0, 3:5] = 0
    before = outputs(inputs)
    for other in changed(inputs, "input_ids", 0, 4):
        assert np.array_equal(before, outputs(other))
