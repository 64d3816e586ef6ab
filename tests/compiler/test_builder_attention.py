"""Built transformers compute what an independent float64 implementation in numpy computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from neuralc.compiler.checking.checker import CheckOptions

Array = Any
Weights = dict[str, Array]


def sample(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def close(actual: Array, expected: Array) -> None:
    np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-11)


# ---- the independent implementation ------------------------------------------------------------


def dense(x: Array, w: Weights, path: str) -> Array:
    y = np.einsum("...i,io->...o", x, w[f"{path}/kernel"])
    return y + w[f"{path}/bias"] if f"{path}/bias" in w else y


def norm(x: Array, w: Weights, path: str, epsilon: float) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    scale = np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon)
    return centred / scale * w[f"{path}/gain"] + w[f"{path}/bias"]


def attention(
    x: Array, context: Array, w: Weights, path: str, heads: int, allowed: Array | None = None
) -> Array:
    """One head, one batch row and one query at a time, from the formula.

    The scale 1/√size is a float32 constant of the graph, so it is rounded here too.
    """
    q, k, v = (dense(y, w, f"{path}{n}") for y, n in
               ((x, "query"), (context, "key"), (context, "value")))  # fmt: skip
    size, value_size = q.shape[-1] // heads, v.shape[-1] // heads
    result = np.zeros((*q.shape[:2], heads * value_size))
    for b in range(q.shape[0]):
        for h in range(heads):
            keys = k[b, :, h * size : (h + 1) * size]
            values = v[b, :, h * value_size : (h + 1) * value_size]
            for i in range(q.shape[1]):
                visible = np.arange(len(keys)) if allowed is None else np.flatnonzero(allowed[b, i])
                if not len(visible):
                    continue
                query = q[b, i, h * size : (h + 1) * size]
                scores = keys[visible] @ query * float(np.float32(1 / np.sqrt(size)))
                powers = np.exp(scores - scores.max())
                mixed = powers / powers.sum() @ values[visible]
                result[b, i, h * value_size : (h + 1) * value_size] = mixed
    return dense(result, w, f"{path}output")


def feed_forward(x: Array, w: Weights, scope: str, activation: Any) -> Array:
    return dense(activation(dense(x, w, f"{scope}/ffn/inner")), w, f"{scope}/ffn/outer")


def block(
    x: Array,
    w: Weights,
    scope: str,
    heads: int,
    *,
    pre: bool = True,
    allowed: Array | None = None,
    memory: Array | None = None,
    memory_allowed: Array | None = None,
    activation: Any = lambda x: np.maximum(x, 0),
    epsilon: float = 1e-5,
) -> Array:
    parts = [("attention", lambda y: attention(y, y, w, f"{scope}/attention/", heads, allowed))]
    if memory is not None:
        cross = f"{scope}/cross_attention/"
        parts.append(
            ("cross_attention", lambda y: attention(y, memory, w, cross, heads, memory_allowed))
        )
    parts.append(("ffn", lambda y: feed_forward(y, w, scope, activation)))
    for name, part in parts:
        path = f"{scope}/{name}_norm"
        x = x + part(norm(x, w, path, epsilon)) if pre else norm(x + part(x), w, path, epsilon)
    return x


def positions(length: int, width: int) -> Array:
    table = np.zeros((length, width))
    for p in range(length):
        for i in range(width):
            angle = p / 10000 ** (2 * (i // 2) / width)
            table[p, i] = np.cos(angle) if i % 2 else np.sin(angle)
    return table


def lower_triangle(batch: int, length: int) -> Array:
    return np.broadcast_to(np.tril(np.ones((length, length), bool)), (batch, length, length))


# ---- attention and transformer blocks ----------------------------------------------------------


@pytest.mark.parametrize("pre", [True, False])
def test_encoder(lab: Any, pre: bool) -> None:
    graph = lab.graph(f"TransformerEncoder(3, dff=20, norm_first={str(pre).lower()}) * 2")
    w, x = lab.randomized(graph), sample(2, 7, 12)
    expected = x + positions(7, 12)
    for index in range(2):
        expected = block(expected, w, f"encoder[{index}]", 3, pre=pre)
    close(lab.run(graph, w, input=x), expected)


def test_encoder_with_padding_and_pooling(lab: Any) -> None:
    graph = lab.graph(
        "TransformerEncoder(4, use_attention_mask=true, epsilon=1e-12) GlobalAveragePooling1D()"
    )
    w, x = lab.randomized(graph), sample(3, 7, 12)
    mask = np.array([[1, 1, 1, 1, 0, 0, 0], [0, 1, 0, 1, 1, 0, 1], [0] * 7])
    allowed = np.broadcast_to((mask != 0)[:, None, :], (3, 7, 7))
    y = block(x + positions(7, 12), w, "encoder[0]", 4, allowed=allowed, epsilon=1e-12)
    total = (y * mask[:, :, None]).sum(1)
    expected = total / np.maximum(mask.sum(1, keepdims=True), 1)
    actual = lab.run(graph, w, input=x, attention_mask=mask)
    close(actual, expected)
    assert not actual[2].any()


def test_pairwise_and_causal_masks_are_combined(lab: Any) -> None:
    graph = lab.graph('TransformerDecoder(2, use_attention_mask="pairwise")')
    w, x = lab.randomized(graph), sample(2, 7, 12)
    pairs = np.random.default_rng(5).integers(0, 2, (2, 7, 7))
    pairs[0, 3] = 0
    allowed = (pairs != 0) & lower_triangle(2, 7)
    expected = block(x + positions(7, 12), w, "decoder[0]", 2, allowed=allowed)
    close(lab.run(graph, w, input=x, attention_mask=pairs), expected)


@pytest.mark.parametrize("layer", ["TransformerDecoder(2)", "TransformerDecoder(2, causal=false)"])
def test_decoder_alone(lab: Any, layer: str) -> None:
    graph = lab.graph(layer)
    w, x = lab.randomized(graph), sample(2, 7, 12)
    allowed = None if "false" in layer else lower_triangle(2, 7)
    expected = block(x + positions(7, 12), w, "decoder[0]", 2, allowed=allowed)
    close(lab.run(graph, w, input=x), expected)


@pytest.mark.parametrize("pre", [True, False])
def test_encoder_and_decoder_with_masks_and_lengths_of_their_own(lab: Any, pre: bool) -> None:
    first = "norm_first=false" if not pre else "norm_first=true"
    graph = lab.graph(
        f"Embedding(50, 12) TransformerEncoder(3, {first}) LayerNormalization() "
        f"TransformerDecoder(3, {first}) * 2 Dense(5)",
        "(9,)",
        CheckOptions(padding_mask=True, dynamic=("seq",)),
    )
    assert [v.name for v in graph.inputs] == [
        "input_ids", "attention_mask", "decoder_input_ids", "decoder_attention_mask"
    ]  # fmt: skip
    w = lab.randomized(graph)
    random = np.random.default_rng(2)
    ids, target_ids = random.integers(0, 50, (2, 6)), random.integers(0, 50, (2, 4))
    mask = np.array([[1, 1, 1, 1, 0, 0], [0, 0, 1, 1, 1, 1]])
    target_mask = np.array([[1, 1, 1, 0], [1, 1, 1, 1]])
    allowed = np.broadcast_to((mask != 0)[:, None], (2, 6, 6))
    table = w["embedding/embeddings"]
    memory = block(table[ids] + positions(6, 12), w, "encoder[0]", 3, pre=pre, allowed=allowed)
    memory = norm(memory, w, "layer_normalization[0]", 1e-3)
    y = table[target_ids] + positions(4, 12)
    for index in range(2):
        y = block(
            y, w, f"decoder[{index}]", 3, pre=pre,
            allowed=lower_triangle(2, 4) & (target_mask != 0)[:, None],
            memory=memory, memory_allowed=np.broadcast_to((mask != 0)[:, None], (2, 4, 6)),
        )  # fmt: skip
    inputs = {
        "input_ids": ids, "attention_mask": mask,
        "decoder_input_ids": target_ids, "decoder_attention_mask": target_mask,
    }  # fmt: skip
    close(lab.run(graph, w, **inputs), dense(y, w, "dense[0]"))


def test_multi_head_attention_with_sizes_of_its_own(lab: Any) -> None:
    graph = lab.graph("MultiHeadAttention(2, key_dim=5, value_dim=3, use_bias=false)")
    w, x = lab.randomized(graph), sample(2, 7, 12)
    assert not [name for name in w if name.endswith("bias")]
    close(lab.run(graph, w, input=x), attention(x, x, w, "attention[0]/", 2))


def test_multi_head_attention_reads_the_memory(lab: Any) -> None:
    graph = lab.graph(
        "TransformerEncoder(2) TransformerDecoder(2, cross_attention=false) "
        "MultiHeadAttention(2, mode=cross)"
    )
    w, x, y = lab.randomized(graph), sample(1, 7, 12), sample(1, 7, 12, seed=1)
    memory = block(x + positions(7, 12), w, "encoder[0]", 2)
    own = block(y + positions(7, 12), w, "decoder[0]", 2, allowed=lower_triangle(1, 7))
    actual = lab.run(graph, w, input=x, decoder_input=y)
    close(actual, attention(own, memory, w, "attention[0]/", 2))


def test_two_named_inputs_are_the_two_sequences(lab: Any) -> None:
    graph = lab.graph(
        "Embedding(20, 12) TransformerEncoder(2) Embedding(30, 12) TransformerDecoder(2)",
        "{ source: (7,) target: (5,) }",
    )
    w = lab.randomized(graph)
    random = np.random.default_rng(2)
    source, target = random.integers(0, 20, (2, 7)), random.integers(0, 30, (2, 5))
    start = w["embedding/embeddings"][source] + positions(7, 12)
    memory = block(start, w, "encoder[0]", 2)
    own = w["embedding[1]/embeddings"][target] + positions(5, 12)
    expected = block(own, w, "decoder[0]", 2, allowed=lower_triangle(2, 5), memory=memory)
    close(lab.run(graph, w, source=source, target=target), expected)


def test_mask_zero_travels_to_attention_and_pooling(lab: Any) -> None:
    graph = lab.graph(
        "Embedding(9, 12, mask_zero=true) Dropout(0.3) TransformerEncoder(2) "
        "GlobalMaxPooling1D()",
        "(7,)",
    )  # fmt: skip
    w = lab.randomized(graph)
    ids = np.array([[3, 4, 5, 0, 0, 0, 0], [0, 8, 0, 1, 1, 0, 7], [0] * 7])
    allowed = np.broadcast_to((ids != 0)[:, None], (3, 7, 7))
    y = block(w["embedding/embeddings"][ids] + positions(7, 12), w, "encoder[0]", 2,
              allowed=allowed)  # fmt: skip
    expected = [y[b][ids[b] != 0].max(0) if ids[b].any() else np.zeros(12) for b in range(3)]
    close(lab.run(graph, w, input_ids=ids), np.array(expected))


def test_learned_positions_are_cut_to_the_length(lab: Any) -> None:
    graph = lab.graph(
        "Embedding(20, 6) PositionalEncoding(16, learned) LayerNormalization(epsilon=1e-12)",
        "(16,)",
        CheckOptions(dynamic=("seq",)),
    )
    w, ids = lab.randomized(graph), np.random.default_rng(2).integers(0, 20, (2, 5))
    y = w["embedding/embeddings"][ids] + w["positions/embeddings"][:5]
    close(lab.run(graph, w, input_ids=ids), norm(y, w, "layer_normalization[0]", 1e-12))


def test_positions_that_the_options_ask_for(lab: Any) -> None:
    x = sample(1, 7, 12)
    none = lab.graph("TransformerEncoder(2)", options=CheckOptions(positions="none"))
    wide = x.astype(np.float64)
    close(lab.run(none, input=x), block(wide, lab.weights(none), "encoder[0]", 2))
    learned = lab.graph("TransformerEncoder(2)", options=CheckOptions(positions="learned"))
    w = lab.weights(learned)
    close(lab.run(learned, input=x), block(wide + w["positions/embeddings"], w, "encoder[0]", 2))


def test_positions_of_an_odd_width_are_added_once(lab: Any) -> None:
    graph = lab.graph("TransformerEncoder(1) * 2 PositionalEncoding()", "(5, 3)")
    assert sum(node.op == "sinusoid" for node in graph.nodes()) == 2
    w, x = lab.randomized(graph), sample(2, 5, 3)
    y = x + positions(5, 3)
    for index in range(2):
        y = block(y, w, f"encoder[{index}]", 1)
    close(lab.run(graph, w, input=x), y + positions(5, 3))


def test_a_block_replaces_the_feed_forward_network(lab: Any) -> None:
    graph = lab.graph("TransformerEncoder(2) { Dense(5, tanh) Dense(12) }")
    w, x = lab.randomized(graph), sample(1, 7, 12)
    y = x + positions(7, 12)
    inner = norm(y, w, "encoder[0]/attention_norm", 1e-5)
    y = y + attention(inner, inner, w, "encoder[0]/attention/", 2)
    z = norm(y, w, "encoder[0]/ffn_norm", 1e-5)
    z = dense(np.tanh(dense(z, w, "encoder[0]/dense[0]")), w, "encoder[0]/dense[1]")
    close(lab.run(graph, w, input=x), y + z)
