"""Branches, merges and several inputs and outputs: what networks of them mean."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from neuralc.compiler.driver import compile
from neuralc.ir.diagnostic import CompileError
from neuralc.ir.evaluate import evaluate
from neuralc.ir.interpreter import interpret

RANDOM = np.random.default_rng(0)


def compiled(layers: str, input: str = "(4, 6)", **options: Any) -> Any:
    options = {"lint": False, "positions": "none", **options}
    return compile(f"network N {{ input: {input} layers: {layers} }}", **options)


def results(layers: str, shape: str = "(4, 6)", **arrays: Any) -> dict[str, np.ndarray]:
    """The outputs by the float64 interpreter, and the same by ONNX Runtime for both targets."""
    expected = None
    for target in ("cpu", "portable"):
        for level in (0, 2):
            model = compiled(layers, shape, target=target, opt_level=level)
            if expected is None:
                expected = interpret(model._compilation.source_graph, arrays)
            actual = model.session().run(arrays)
            assert list(actual) == list(expected)
            for name, array in expected.items():
                np.testing.assert_allclose(actual[name], array, rtol=2e-5, atol=2e-6)
    assert expected is not None
    return expected


def paths(model: Any) -> set[str]:
    return {value.name for value, _ in model._compilation.source_graph.sources()}


def normal(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape).astype(np.float32)


X, Y = normal(3, 4, 6), normal(3, 4, 6)
TWO = "{ a: (4, 6), b: (4, 6) }"


@pytest.mark.parametrize(
    ("merge", "formula"),
    [
        ("Add()", lambda a, b: a + b),
        ("Subtract()", lambda a, b: a - b),
        ("Multiply()", lambda a, b: a * b),
        ("Average()", lambda a, b: (a + b) / 2),
        ("Maximum()", np.maximum),
        ("Minimum()", np.minimum),
        ("Concatenate()", lambda a, b: np.concatenate([a, b], 2)),
        ("Concatenate(axis=1)", lambda a, b: np.concatenate([a, b], 1)),
        ("Concatenate(-2)", lambda a, b: np.concatenate([a, b], 1)),
        ("Dot(2)", lambda a, b: np.einsum("bik,bjk->bij", a, b)),
        ("Dot(1)", lambda a, b: np.einsum("bki,bkj->bij", a, b)),
    ],
)
def test_a_merge_is_its_formula(merge: str, formula: Any) -> None:
    for layers, given in ((f"a: {{}} b: {{}} {merge}", TWO), (f"b: {{}} a: {{}} {merge}", TWO)):
        (found,) = results(layers, given, a=X, b=Y).values()
        first, second = (X, Y) if layers.startswith("a") else (Y, X)
        np.testing.assert_allclose(found, formula(first, second), rtol=1e-5, atol=1e-5)


def test_three_branches_are_joined_at_once() -> None:
    layers = "a: {} b: { ReLU() } c: { Activation(tanh) } "
    x = X.astype(np.float64)
    parts = (x, np.maximum(x, 0), np.tanh(x))
    found = results(layers + "Average()", input=X)["output"]
    np.testing.assert_allclose(found, sum(parts) / 3, rtol=1e-6)
    found = results(layers + "Minimum()", input=X)["output"]
    np.testing.assert_allclose(found, np.minimum.reduce(parts), rtol=1e-6)


def test_lower_ranks_and_axes_of_size_one_are_repeated() -> None:
    layers = "a: {} b: { GlobalAveragePooling1D() } Multiply()"
    found = results(layers, input=X)["output"]
    np.testing.assert_allclose(found, X * X.mean(1, keepdims=True), rtol=1e-5, atol=1e-6)


def test_vectors_of_unit_length() -> None:
    layers = "a: {} b: {} Dot(axes=1, normalize=true)"
    a, b = normal(3, 5), normal(3, 5)
    found = results(layers, "{ a: (5,), b: (5,) }", a=a, b=b)["output"]
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    np.testing.assert_allclose(found[:, 0], (a * b).sum(1) / lengths, rtol=1e-5)


def test_parallel_joins_what_its_items_give() -> None:
    found = results("Parallel { Activation(tanh) same: {} more: { ReLU() } }", input=X)["output"]
    x = X.astype(np.float64)
    expected = np.concatenate([np.tanh(x), x, np.maximum(x, 0)], 2)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_an_item_of_parallel_may_be_repeated_a_macro_or_parallel_itself() -> None:
    source = """define Two(n) { Dense($n) ReLU() }
    network N { input: (4,) layers: Parallel { Dense(3) * 2 Two(5) Parallel { a: {} b: {} } } * 2 }
    """
    model = compile(source, lint=False)
    shape = model._compilation.source_graph.outputs["output"].type.shape
    width = 3 + 5 + 2 * 4
    assert shape[1] == 3 + 5 + 2 * width
    scopes = {path.rsplit("/", 1)[0] for path in paths(model)}
    assert {"parallel[0]/dense[0]", "parallel[0]/dense[1]", "parallel[1]/dense[2]"} <= scopes


def test_branches_in_macros_wait_for_a_merge_outside() -> None:
    source = """define Two() { a: { Dense(3) } b: { Dense(3) } }
    network N { input: (4,) layers: Two() Add() Two() Concatenate() }"""
    model = compile(source, lint=False)
    assert model._compilation.source_graph.outputs["output"].type.shape[1] == 6
    assert {"a/dense[0]/kernel", "a[1]/dense[0]/kernel"} <= paths(model)


def test_a_residual_block_with_a_projection_is_repeated() -> None:
    source = """define Block(n) {
        main: { Conv2D($n, 3, padding="same") BatchNormalization() ReLU()
                Conv2D($n, 3, padding="same") BatchNormalization() }
        shortcut: { Conv2D($n, 1) }
        Add() ReLU()
    }
    network N { input: (7, 5, 3) layers: Block(4) * 3 GlobalAveragePooling2D() Output(2) }"""
    model = compile(source, lint=False)
    x = normal(2, 7, 5, 3)
    expected = interpret(model._compilation.source_graph, {"input": x})["output"]
    np.testing.assert_allclose(model.session().run({"input": x})["output"], expected, atol=1e-5)


def test_branches_at_the_end_are_outputs() -> None:
    layers = "Dense(5) digit: { Dense(3, softmax) } sign: { Dense(1, sigmoid) } raw: {}"
    found = results(layers, "(6,)", input=normal(2, 6))
    assert {name: each.shape for name, each in found.items()} == {
        "digit": (2, 3),
        "sign": (2, 1),
        "raw": (2, 5),
    }


def test_outputs_of_branches_that_start_from_inputs_have_names_of_their_own() -> None:
    found = results("a: { Dense(2) } b: { Dense(3) }", TWO, a=X, b=Y)
    assert list(found) == ["a_output", "b_output"]


def test_the_last_layer_of_each_head_counts_for_last_logits() -> None:
    model = compiled("a: { Dense(2) } b: { Dense(3) }", logits="last")
    shapes = {n: v.type.shape[1:] for n, v in model._compilation.source_graph.outputs.items()}
    assert shapes == {"a": (1, 2), "b": (1, 3)}


def test_inputs_one_behind_the_other_meet_at_the_first_merge() -> None:
    layers = """Embedding(9, 3) Flatten() Embedding(7, 3) Flatten()
                Embedding(5, 3) GlobalAveragePooling1D() Concatenate() Dense(2)"""
    ids = {name: RANDOM.integers(0, 5, (2, n)) for name, n in (("u", 1), ("v", 1), ("w", 4))}
    found = results(layers, "{ u: (1,), v: (1,), w: (4,) }", **ids)
    assert found["output"].shape == (2, 2)


# ---- sequences that read each other -------------------------------------------------------------


@pytest.mark.parametrize("tail", ["Dense(2) }", "} Dense(2)"])
def test_a_decoder_reads_the_branch_in_front_of_it(tail: str) -> None:
    layers = f"""source: {{ Embedding(9, 8, mask_zero=true) TransformerEncoder(2, dff=8) }}
        target: {{ Embedding(9, 8, mask_zero=true) TransformerDecoder(2, dff=8) {tail}"""
    ids = {"source": RANDOM.integers(1, 9, (2, 5)), "target": RANDOM.integers(1, 9, (2, 3))}
    ids["source"][:, 3:] = 0
    inputs = "{ source: (5,), target: (3,) }"
    before = results(layers, inputs, **ids)
    assert before["output"].shape == (2, 3, 2)
    assert any("cross_attention" in path for path in paths(compiled(layers, inputs)))


def test_cross_attention_takes_the_last_branch_and_reads_the_first() -> None:
    layers = 'a: { Dense(8) } b: { Dense(8) } MultiHeadAttention(2, mode="cross") Dense(3)'
    first, second = normal(2, 5, 6), normal(2, 4, 6)
    found = results(layers, "{ a: (5, 6), b: (4, 6) }", a=first, b=second)["output"]
    assert found.shape == (2, 4, 3)
    swapped = first[:, ::-1].copy()
    again = results(layers, "{ a: (5, 6), b: (4, 6) }", a=swapped, b=second)["output"]
    np.testing.assert_allclose(found, again, atol=1e-6)  # the order of what is read does not count


def test_decoders_side_by_side_do_not_read_each_other() -> None:
    layers = "a: { TransformerDecoder(2, dff=8) } b: { TransformerDecoder(2, dff=8) } Add()"
    assert not any("cross_attention" in path for path in paths(compiled(layers)))


# ---- masks ----------------------------------------------------------------------------------


IDS = np.array([[1, 2, 0, 0], [3, 0, 0, 0]])
OTHER = np.array([[4, 0, 5, 0], [0, 0, 0, 0]])
PAIR = "{ a: (4,), b: (4,) }"
EMBED = "Embedding(9, 6, mask_zero=true)"


def weights(layers: str, input: str) -> dict[str, np.ndarray]:
    graph = compiled(layers, input)._compilation.source_graph
    return {value.name: np.asarray(evaluate(source)) for value, source in graph.sources()}


def test_added_sequences_count_where_one_of_them_does() -> None:
    layers = f"a: {{ {EMBED} }} b: {{ {EMBED} }} Add() GlobalAveragePooling1D()"
    found = results(layers, PAIR, a=IDS, b=OTHER)["output"]
    tables = weights(layers, PAIR)
    total = tables["a/embedding/embeddings"][IDS] + tables["b/embedding/embeddings"][OTHER]
    counts = ((IDS != 0) | (OTHER != 0))[..., None]
    np.testing.assert_allclose(found, (total * counts).sum(1) / counts.sum(1), atol=1e-6)


def test_where_a_branch_has_no_mask_the_sum_has_none() -> None:
    layers = f"a: {{ {EMBED} }} b: {{ Embedding(9, 6) }} Add() GlobalAveragePooling1D()"
    found = results(layers, PAIR, a=IDS, b=OTHER)["output"]
    tables = weights(layers, PAIR)
    total = tables["a/embedding/embeddings"][IDS] + tables["b/embedding/embeddings"][OTHER]
    np.testing.assert_allclose(found, total.mean(1), atol=1e-6)


def test_masks_stand_one_behind_the_other_along_the_sequence() -> None:
    layers = f"a: {{ {EMBED} }} b: {{ Embedding(9, 6) }} Concatenate(1) GlobalAveragePooling1D()"
    found = results(layers, PAIR, a=IDS, b=OTHER)["output"]
    tables = weights(layers, PAIR)
    both = np.concatenate(
        [tables["a/embedding/embeddings"][IDS], tables["b/embedding/embeddings"][OTHER]], 1
    )
    counts = np.concatenate([IDS != 0, np.ones_like(OTHER, bool)], 1)[..., None]
    np.testing.assert_allclose(found, (both * counts).sum(1) / counts.sum(1), atol=1e-6)


def test_each_input_has_a_mask_of_its_own() -> None:
    layers = "a: { GlobalAveragePooling1D() } b: { GlobalAveragePooling1D() } Concatenate()"
    model = compiled(layers, TWO, padding_mask=True)
    names = [each.name for each in model._compilation.source_graph.inputs]
    assert names == ["a", "a_attention_mask", "b", "b_attention_mask"]


def test_branches_of_one_sequence_share_its_mask() -> None:
    layers = "a: { GlobalAveragePooling1D() } b: { GlobalMaxPooling1D() } Concatenate()"
    model = compiled(layers, padding_mask=True)
    names = [each.name for each in model._compilation.source_graph.inputs]
    assert names == ["input", "attention_mask"]


# ---- mistakes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "input", "code", "words"),
    [
        ("lft: { Dense(3) } right: {} Add()", "{ left: (3,), right: (3,) }", "E0235", "`left`"),
        ("left: {} Dense(2)", "{ left: (3,), right: (3,) }", "E0230", "right"),
        ("Embedding(9, 2) Embedding(9, 2)", "{ left: (3,), right: (3,) }", "E0230", "merge"),
        ("a: {} b: {} Add()", "{ a: (3,), b: (4, 3, 2) }", "E0234", "(4, 3, 2)"),
        ("a: {} b: { Dense(3) } Add()", "{ a: (3,), b: (7,), c: (2,) }", "E0230", "`c`"),
        (
            "a: {} b: { Embedding(9, 3) Flatten() } Add()",
            "{ a: (3,), b: (7,) }",
            "E0234",
            "Dense(3)",
        ),
        ("a: {} b: {} Add()", "[(3), (3)]", "E0235", "names"),
    ],
)
def test_mistakes_with_inputs_are_told(layers: str, input: str, code: str, words: str) -> None:
    with pytest.raises(CompileError) as caught:
        compiled(layers, input)
    first = caught.value.diagnostics[0]
    assert first.code == code, first
    assert words in f"{first.message} {first.help}"


def test_a_conflict_points_at_both_branches_and_tells_the_way() -> None:
    with pytest.raises(CompileError) as caught:
        compiled("a: { Dense(8) } b: { Dense(9) Dense(5) Dense(7) } Add()")
    (error,) = caught.value.diagnostics
    assert [label.message for label in error.labels] == [
        "`a` gives (4, 8)",
        "… but `b` gives (4, 7)",
    ]
    assert "`Dense` (4, 9) → `Dense` (4, 5) → `Dense` (4, 7)" in error.notes[0]
