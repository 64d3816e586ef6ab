"""Means that come before products: as exact as before, blind to padding, zero where nothing counts.

The widths are those from which the mean moves; programs of random layers are narrower.
"""

from __future__ import annotations

import neuralc
import numpy as np
import pytest
from exactness import Check, Variant, session
from random_programs import Program

LENGTH, WIDTH, TOKEN = 6, 32, 2
BIASES = "bias_initializer=RandomUniform(-0.5, 0.5)"
STACKS = {
    "pre-norm": "TransformerEncoder(num_heads=4, dff=40, activation=gelu) * 2",
    "post-norm, then attention": "TransformerEncoder(num_heads=4, dff=40, norm_first=false) "
    "Residual { MultiHeadAttention(num_heads=4) }",
    "products in a row": f"Dense(48, activation=relu) Dense(40, {BIASES}) Dense(32, {BIASES})",
    "two residual sums": f"Residual {{ Dense(32, activation=tanh) Dense(32, {BIASES}) }} "
    f"LayerNormalization() Residual {{ Dense(40, activation=silu) Dense(32, {BIASES}) }}",
}
POOLINGS = ("GlobalAveragePooling1D()", "GlobalAveragePooling1D(keepdims=true) Dense(3)")
VARIANTS = tuple(
    Variant(2, target, optimized)
    for target in ("cpu", "portable", "cuda")
    for optimized in (False, True)
    if target != "cuda" or not optimized
)


def program(stack: str, pooling: str) -> str:
    return f"network N {{ input: ({LENGTH}, {WIDTH}) layers: {STACKS[stack]} {pooling} }}"


@pytest.mark.parametrize("dynamic", [(), ("seq",)], ids=["fixed", "open"])
@pytest.mark.parametrize("padded", [False, True], ids=["unpadded", "padded"])
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("stack", STACKS)
def test_an_early_mean_is_as_exact(
    stack: str, pooling: str, padded: bool, dynamic: tuple[str, ...]
) -> None:
    options = {"padding_mask": padded, "dynamic": dynamic, "seed": 3}
    checked = Program(program(stack, pooling), options, LENGTH if dynamic else 0)
    check = Check(checked, VARIANTS)
    model = check.compile(VARIANTS[0], 0)
    assert model is not None
    assert [each for each in model.report.remarks if "the mean comes before" in each.message] != []
    assert check.run() == []


@pytest.mark.parametrize("dynamic", [(), ("seq",)], ids=["fixed", "open"])
@pytest.mark.parametrize("target", ["cpu", "portable"])
@pytest.mark.parametrize("stack", STACKS)
def test_a_masked_token_changes_no_mean(stack: str, target: str, dynamic: tuple[str, ...]) -> None:
    model = neuralc.compile(
        program(stack, POOLINGS[0]),
        target=target,
        padding_mask=True,
        positions="none",
        dynamic=dynamic,
        lint=False,
    )
    running = session(model, optimized=True)
    mask = np.ones((3, LENGTH), np.int64)
    mask[0, TOKEN] = 0
    mask[2] = 0
    tokens = np.random.default_rng(5).standard_normal((3, LENGTH, WIDTH)).astype(np.float32)
    (before,) = running.run(None, {"input": tokens, "attention_mask": mask})
    assert np.isfinite(before).all()
    assert np.abs(before[:2]).min() > 0
    assert (before[2] == 0).all()
    changes = [0.5, -1e4, 1e20, 1e30, -1e30]
    if "former" not in STACKS[stack]:
        changes += [np.inf, np.nan]  # in an attention zero times infinity is NaN at every level
    for change in changes:
        wild = tokens.copy()
        wild[0, TOKEN] = change
        wild[2] = change
        (after,) = running.run(None, {"input": wild, "attention_mask": mask})
        assert np.array_equal(before, after), change
