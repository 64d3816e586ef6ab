"""Recurrent layers beside Keras 3's, with the same weights and masks."""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from keras_layers import agree, compiled, weights_of

pytestmark = pytest.mark.parity

SCOPES = {"LSTM": "lstm[0]", "GRU": "gru[0]", "SimpleRNN": "simple_rnn[0]"}
IDS = np.array(
    [
        [3, 1, 4, 1, 5, 2],  # whole
        [3, 1, 4, 0, 0, 0],  # padding behind
        [0, 0, 0, 1, 5, 2],  # in front
        [3, 0, 4, 0, 0, 2],  # gaps
        [0, 0, 0, 0, 0, 0],  # nothing counts
    ]
)


def both(kind: str, arguments: dict[str, Any], masked: bool) -> None:
    import keras

    written = ", ".join(f"{name}={str(value).lower()}" for name, value in arguments.items())
    layers = f"Embedding(9, 4, mask_zero={str(masked).lower()}) {kind}(3, {written})"
    layers = layers.replace("_initializer=random_normal", '_initializer="random_normal"')
    model = compiled(layers, "(6,)")
    table, *own = weights_of(model, "embedding") + weights_of(model, SCOPES[kind])
    embedding = keras.layers.Embedding(9, 4, mask_zero=masked)
    named = {n: v for n, v in arguments.items() if n != "bias_initializer"}
    layer = getattr(keras.layers, kind)(3, **named)
    keras_model = keras.Sequential([keras.Input((6,), dtype="int64"), embedding, layer])
    embedding.set_weights([table])
    layer.set_weights(own)
    agree(model, keras_model, {"input_ids": IDS}, [IDS])


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("sequences", "backwards"), list(product([False, True], repeat=2)))
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
def test_directions_and_results(kind: str, sequences: bool, backwards: bool, masked: bool) -> None:
    arguments = {"return_sequences": sequences, "go_backwards": backwards}
    both(kind, {**arguments, "bias_initializer": "random_normal"}, masked)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("bias", "after"), list(product([False, True], repeat=2)))
def test_where_a_gru_resets(bias: bool, after: bool, masked: bool) -> None:
    arguments: dict[str, Any] = {"use_bias": bias, "reset_after": after}
    both("GRU", {**arguments, "bias_initializer": "random_normal"}, masked)


ACTIVATIONS = ("tanh", "sigmoid", "relu", "linear", "hard_sigmoid", "elu", "leaky_relu", "softsign")


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
def test_activations(kind: str, activation: str) -> None:
    arguments = {"activation": activation, "return_sequences": True}
    if kind != "SimpleRNN":
        arguments["recurrent_activation"] = "hard_sigmoid"
    both(kind, arguments, masked=False)


def test_an_lstm_without_a_bias_of_its_forget_gate() -> None:
    both("LSTM", {"unit_forget_bias": False}, masked=True)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("mode", ["concat", "sum", "mul", "ave"])
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_both_ways(kind: str, mode: str, sequences: bool, masked: bool) -> None:
    import keras

    inner = f"{kind}(3, return_sequences={str(sequences).lower()})"
    wrapped = f'Bidirectional({inner}, merge_mode="{mode}")'
    mask = str(masked).lower()
    model = compiled(f"Embedding(9, 4, mask_zero={mask}) {wrapped}", "(6,)")
    table, *own = weights_of(model, "embedding") + weights_of(model, "bidirectional[0]")
    embedding = keras.layers.Embedding(9, 4, mask_zero=masked)
    layer = keras.layers.Bidirectional(
        getattr(keras.layers, kind)(3, return_sequences=sequences), merge_mode=mode
    )
    keras_model = keras.Sequential([keras.Input((6,), dtype="int64"), embedding, layer])
    embedding.set_weights([table])
    layer.set_weights(own)
    agree(model, keras_model, {"input_ids": IDS}, [IDS])


def test_a_layer_for_each_step_behind_masking() -> None:
    import keras

    x = np.random.default_rng(0).standard_normal((3, 5, 4)).astype("float32")
    x[0, 3:], x[1, 1] = 2.0, 2.0
    layers = "Masking(2.0) TimeDistributed(Dense(6, activation=relu)) GRU(3)"
    model = compiled(layers, "(5, 4)")
    dense = keras.layers.TimeDistributed(keras.layers.Dense(6, activation="relu"))
    gru = keras.layers.GRU(3)
    keras_model = keras.Sequential([keras.Input((5, 4)), keras.layers.Masking(2.0), dense, gru])
    dense.set_weights(weights_of(model, "time_distributed[0]"))
    gru.set_weights(weights_of(model, "gru[0]"))
    agree(model, keras_model, {"input": x}, [x])
