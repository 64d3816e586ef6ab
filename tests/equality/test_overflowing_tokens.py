"""No token reaches another through an overflow, at any level, in any form, with or without norms.

A token of 1e30 squared is an infinity in float32, and zero times infinity is NaN: what no token
may see can still spoil it, unless the compiler keeps queries and keys within bounds.
"""

from __future__ import annotations

import neuralc
import numpy as np
import pytest
from exactness import Variant, session

LENGTH, WIDTH, TOKEN = 5, 16, 2
STACKS = {
    "pre-norm": "TransformerEncoder(num_heads=2, dff=8, activation=gelu_tanh) * 2",
    "post-norm": "TransformerEncoder(num_heads=2, dff=8, norm_first=false, epsilon=1e-12) * 2",
    "attention alone": "MultiHeadAttention(num_heads=2) MultiHeadAttention(num_heads=3, key_dim=5)",
    "projected": 'Dense(16, activation="silu") MultiHeadAttention(num_heads=2) '
    "UnitNormalization() MultiHeadAttention(num_heads=2)",
    "residual": "Residual { MultiHeadAttention(num_heads=2) } MultiHeadAttention(num_heads=2)",
    "root mean square": "RMSNormalization() MultiHeadAttention(num_heads=2, use_bias=false) "
    "BatchNormalization() MultiHeadAttention(num_heads=2, use_bias=false)",
}
VARIANTS = (
    *(Variant(level, target, True) for level in (0, 1, 2) for target in ("cpu", "portable")),
    Variant(0),
    Variant(2, "cpu", False, (("attention", "decomposed"), ("qkv", "packed"))),
    Variant(2, "cpu", True, (("attention", "gqa"),)),
)
CHANGES = (1e4, 1e20, 1e30, -1e30)


def program(stack: str, masks: str) -> str:
    if masks.startswith("causal"):
        stack = stack.replace("TransformerEncoder(", "TransformerDecoder(")
        stack = stack.replace("Attention(", "Attention(causal=true, ")
    if masks == "pairwise":
        for layer in ("TransformerEncoder(", "MultiHeadAttention("):
            stack = stack.replace(layer, f'{layer}use_attention_mask="pairwise", ')
    return f"network N {{ input: ({LENGTH}, {WIDTH}) layers: {stack} }}"


def masks_for(kind: str, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Masks that hide the token from all others in the first row of the batch."""
    if kind == "causal":
        return {}
    if kind == "pairwise":
        mask = random.integers(0, 2, (2, LENGTH, LENGTH))
        mask[0, :, TOKEN] = 0
    else:
        mask = np.ones((2, LENGTH), np.int64)
        mask[0, TOKEN] = mask[1, 0] = 0
    return {"attention_mask": mask}


def takes_gqa(stack: str, masks: str) -> bool:
    """Whether GroupQueryAttention can compute it: causal without a mask, heads of eight."""
    return masks == "causal" and stack != "attention alone"


@pytest.mark.parametrize("masks", ["padded", "pairwise", "causal", "causal and padded"])
@pytest.mark.parametrize("stack", STACKS)
def test_a_hidden_token_of_any_size_changes_no_other(stack: str, masks: str) -> None:
    random = np.random.default_rng(7)
    inputs = {"input": random.standard_normal((2, LENGTH, WIDTH)).astype(np.float32)}
    inputs |= masks_for(masks, random)
    others = np.ones((2, LENGTH), bool)
    others[0, TOKEN : None if masks == "causal" else TOKEN + 1] = False
    for dynamic in ((), ("seq",)):
        for variant in VARIANTS if not dynamic else VARIANTS[:6]:
            if dict(variant.forms).get("attention") == "gqa" and not takes_gqa(stack, masks):
                continue
            model = neuralc.compile(
                program(STACKS[stack], masks),
                opt_level=variant.level,
                target=variant.target,
                forms=variant.forms,
                padding_mask="padded" in masks,
                positions="none",
                dynamic=dynamic,
                lint=False,
            )
            running = session(model, variant.optimized)
            (before,) = running.run(None, inputs)
            assert np.isfinite(before).all()
            for change in CHANGES:
                wild = inputs["input"].copy()
                wild[0, TOKEN] = np.float32(change) * np.sign(wild[0, TOKEN])
                (after,) = running.run(None, inputs | {"input": wild})
                assert np.array_equal(before[others], after[others]), (variant, change)
