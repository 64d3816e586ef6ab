"""Positions that are selected: as exact as before, and the rows that the whole result has."""

from __future__ import annotations

from typing import Any

import neuralc
import numpy as np
import pytest
from exactness import Check, Variant, session
from random_programs import Program

LENGTH, WIDTH = 6, 16
BIASES = "bias_initializer=RandomUniform(-0.5, 0.5)"
BLOCK = f"num_heads=4, dff=24, activation=gelu, {BIASES}"
STACKS = {
    "encoder": f"TransformerEncoder({BLOCK}) * 2 LayerNormalization()",
    "post-norm": f"TransformerEncoder({BLOCK}, norm_first=false) * 2",
    "decoder": f"TransformerDecoder({BLOCK}, cross_attention=false) * 2 LayerNormalization()",
    "bare attention": "MultiHeadAttention(num_heads=2, key_dim=5, causal=true)",
    "cross": f"TransformerEncoder({BLOCK}) TransformerDecoder({BLOCK}) * 2",
}
ENDS = {
    "first": "SelectPosition() Dense(3)",
    "last": "SelectPosition(-1) Dense(3)",
    "second to last": "SelectPosition(-2, keepdims=true) Dense(3)",
    "logits": "Dense(3)",
}
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "padded": {"padding_mask": True},
    "open": {"dynamic": ("seq",)},
    "open and padded": {"padding_mask": True, "dynamic": ("seq",)},
}
VARIANTS = (Variant(2, "cpu", True), Variant(2, "portable"))
CASES = [
    (stack, options, list(ENDS)[(row + column) % len(ENDS)])
    for row, stack in enumerate(STACKS)
    for column, options in enumerate(OPTIONS)
]
"""Every stack under all options, with every end; every end under all options."""


def program(stack: str, end: str) -> str:
    return f"network N {{ input: ({LENGTH}, {WIDTH}) layers: {STACKS[stack]} {ENDS[end]} }}"


@pytest.mark.parametrize(("stack", "options", "end"), CASES)
def test_few_rows_are_as_exact(stack: str, options: str, end: str) -> None:
    given = OPTIONS[options] | ({"logits": "last"} if end == "logits" else {}) | {"seed": 3}
    longest = LENGTH if "dynamic" in given else 0
    check = Check(Program(program(stack, end), given, longest), VARIANTS)
    model = check.compile(VARIANTS[0], 3)
    assert model is not None
    assert [each for each in model.report.remarks if "computed for 1 of" in each.message] != []
    assert check.run(cases_per_seed=2, seeds=1) == []


MASK = np.array([[1, 1, 1, 1, 0, 0], [0, 0, 1, 1, 1, 1], [1, 0, 1, 0, 0, 0], [0] * LENGTH])
LAST = [3, 5, 2, 0]
"""Padding at the right, at the left, with gaps, and everywhere."""


@pytest.mark.parametrize("target", ["cpu", "portable"])
@pytest.mark.parametrize("level", [0, 2])
@pytest.mark.parametrize("stack", ["decoder", "encoder"])
def test_the_last_logits_are_rows_of_all(stack: str, level: int, target: str) -> None:
    options = {"padding_mask": True, "opt_level": level, "target": target, "lint": False}
    source = program(stack, "logits")
    whole, last = (neuralc.compile(source, logits=logits, **options) for logits in ("all", "last"))
    tokens = np.random.default_rng(1).standard_normal((4, LENGTH, WIDTH)).astype(np.float32)
    inputs = {"input": tokens, "attention_mask": MASK}
    (everything,) = session(whole, True).run(None, inputs)
    (rows,) = session(last, True).run(None, inputs)
    assert rows.shape == (4, 1, 3)
    np.testing.assert_allclose(rows[:, 0], everything[range(4), LAST], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("level", [0, 2])
@pytest.mark.parametrize("target", ["cpu", "portable"])
def test_nothing_hidden_changes_the_last_logits(target: str, level: int) -> None:
    model = neuralc.compile(
        program("decoder", "logits"),
        logits="last",
        padding_mask=True,
        opt_level=level,
        target=target,
        lint=False,
    )
    running = session(model, optimized=True)
    tokens = np.random.default_rng(5).standard_normal((4, LENGTH, WIDTH)).astype(np.float32)
    (before,) = running.run(None, {"input": tokens, "attention_mask": MASK})
    for change in (0.5, -1e4, 1e20, 1e30, -1e30):
        wild = np.where(MASK[..., None] == 0, np.float32(change), tokens)
        wild[3] = tokens[3]
        (after,) = running.run(None, {"input": wild, "attention_mask": MASK})
        assert np.array_equal(before, after), change


@pytest.mark.parametrize(
    ("index", "rows"),
    [(-2, [2, 4, 1, 0]), (-4, [0, 2, 0, 0]), (0, [0, 2, 0, 0]), (1, [1, 3, 1, 1]), (5, [5] * 4)],
)
def test_indices_count_from_what_counts(index: int, rows: list[int]) -> None:
    source = f"network N {{ input: ({LENGTH}, {WIDTH}) layers: SelectPosition({index}) }}"
    model = neuralc.compile(source, padding_mask=True, lint=False)
    tokens = np.random.default_rng(1).standard_normal((4, LENGTH, WIDTH)).astype(np.float32)
    (found,) = session(model, True).run(None, {"input": tokens, "attention_mask": MASK})
    assert np.array_equal(found, tokens[range(4), rows])


def test_ids_that_are_zero_are_padding() -> None:
    source = "network N { input: (4,) layers: Embedding(9, 3, mask_zero=true) SelectPosition(-1) }"
    model = neuralc.compile(source, lint=False, seed=1)
    whole = neuralc.compile(source.replace("SelectPosition(-1)", ""), lint=False, seed=1)
    ids = np.array([[5, 3, 0, 0], [0, 0, 7, 8], [0, 2, 0, 0]])
    (found,) = session(model, True).run(None, {"input_ids": ids})
    (table,) = session(whole, True).run(None, {"input_ids": ids})
    assert np.array_equal(found, table[range(3), [1, 3, 1]])


@pytest.mark.parametrize("stack", ["encoder", "post-norm", "decoder"])
def test_padding_is_left_out_where_only_ends_are_read(stack: str) -> None:
    """The first and the last position that counts are no padding; the one before it may be."""
    left_out = {}
    for end in ("first", "last", "second to last"):
        given = {"padding_mask": True, "padding": "packed", "seed": 3}
        check = Check(Program(program(stack, end), given), VARIANTS)
        model = check.compile(VARIANTS[0], 3)
        assert model is not None
        assert any(node.op == "nonzero" for node in model.target_graph.nodes())
        (told,) = (r.message for r in model.report.remarks if "the padding out" in r.message)
        left_out[end] = int(told.replace("one", "1").split()[0])
        assert check.run(cases_per_seed=5, seeds=1) == []
    assert left_out["first"] == left_out["last"] >= left_out["second to last"] + 5
