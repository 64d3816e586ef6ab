"""Products, norms, activations, attention, transposed convolutions and merges beside Keras 3's."""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from neuralc.compiler.layers.activations import ACTIVATIONS

sys.path.insert(0, str(Path(__file__).parent))
from keras_layers import agree, compiled, weights_of

pytestmark = pytest.mark.parity

KERAS_NAMES = {"gelu_tanh": None, "prelu": None, "relu6": "relu6", "swish": "silu"}
WINDOWS = [
    f'strides={s}, padding="{p}", dilation_rate={d}{o}'
    for s, d, o in ((1, 1, ""), (2, 1, ""), (3, 1, ""), (1, 2, ""), (2, 1, ", output_padding=1"))
    for p in ("valid", "same")
]


def sample(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def one_layer(layer: str, shape: tuple[int, ...]) -> None:
    """A layer that is called the same in both, its weights copied."""
    import keras

    name, arguments = layer.split("(", 1)
    written = arguments[:-1].replace("false", "False").replace("true", "True")
    made = eval(f"keras.layers.{name}({written})", {"keras": keras})
    model = compiled(layer, str(shape))
    keras_model = keras.Sequential([keras.Input(shape), made])
    scopes = [v.name for v, _ in model._compilation.source_graph.sources() if "]/" in v.name]
    if scopes:
        made.set_weights(weights_of(model, scopes[0].split("/")[0]))
    x = sample(3, *shape)
    agree(model, keras_model, {"input": x}, [x])


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        *((f"Dense(5, use_bias={bias})", shape)
          for bias, shape in product(("true", "false"), [(7,), (3, 7), (2, 3, 7)])),
        *((f"LayerNormalization({a})", (4, 6))
          for a in ("", "epsilon=1e-5", "center=false", "scale=false", "axis=[1, 2]")),
        *((f"LayerNormalization({a})", (4, 5, 6)) for a in ("axis=[1, 2, 3]", "axis=(2, 3)")),
        *((f"BatchNormalization({a})", (4, 5, 6))
          for a in ("", "epsilon=1e-5", "center=false", "scale=false", "axis=1")),
        *((f"GroupNormalization({a})", (4, 5, 6)) for a in ("groups=3", "groups=2, axis=1")),
        ("UnitNormalization()", (4, 6)),
        ("UnitNormalization(axis=1)", (4, 6)),
        ("RMSNormalization()", (4, 6)),
        ("RMSNormalization(epsilon=1e-3)", (4, 6)),
        *((f"ReLU({a})", (4, 6))
          for a in ("", "max_value=1.0", "negative_slope=0.1", "threshold=0.5",
                    "max_value=1.5, negative_slope=0.2, threshold=0.25")),
        ("LeakyReLU()", (4, 6)),
        ("LeakyReLU(negative_slope=0.1)", (4, 6)),
        ("PReLU()", (4, 6)),
        ("ELU(alpha=0.5)", (4, 6)),
        ("Softmax()", (4, 6)),
        ("Softmax(axis=1)", (4, 6)),
        ("Flatten()", (3, 4, 5)),
        ("Permute((2, 1))", (4, 6)),
        ("Reshape((6, 4))", (4, 6)),
        ("Reshape((-1, 8))", (4, 6)),
        ("GlobalAveragePooling1D()", (5, 6)),
        ("GlobalMaxPooling1D(keepdims=true)", (5, 6)),
        ("MaxPooling1D(2, strides=3)", (9, 4)),
        ("AveragePooling3D(2)", (5, 6, 7, 2)),
        ("UpSampling2D(2, interpolation='bilinear')", (5, 4, 3)),
        ("UpSampling2D((3, 2), interpolation='bilinear')", (3, 4, 2)),
    ],
)  # fmt: skip
def test_layers(layer: str, shape: tuple[int, ...]) -> None:
    one_layer(layer, shape)


@pytest.mark.parametrize("name", [n for n in ACTIVATIONS if KERAS_NAMES.get(n, n) is not None])
def test_activations(name: str) -> None:
    """By name on a Dense, and as a layer of its own."""
    import keras

    made = keras.layers.Dense(5, activation=KERAS_NAMES.get(name, name))
    model = compiled(f'Dense(5, activation="{name}")', "(4, 6)")
    keras_model = keras.Sequential([keras.Input((4, 6)), made])
    made.set_weights(weights_of(model, "dense[0]"))
    x = 2 * sample(3, 4, 6)
    agree(model, keras_model, {"input": x}, [x])
    alone = keras.Sequential([keras.Input((4, 6)),
                              keras.layers.Activation(KERAS_NAMES.get(name, name))])  # fmt: skip
    agree(compiled(f'Activation("{name}")', "(4, 6)"), alone, {"input": x}, [x])


def test_the_approximate_gelu() -> None:
    import keras

    x = 2 * sample(3, 6)
    alone = keras.Sequential([
        keras.Input((6,)),
        keras.layers.Activation(lambda v: keras.ops.gelu(v, approximate=True)),
    ])  # fmt: skip
    agree(compiled('Activation("gelu_tanh")', "(6,)"), alone, {"input": x}, [x])


@pytest.mark.parametrize(
    ("name", "window"), [(n, w) for n in ("Conv1DTranspose", "Conv2DTranspose") for w in WINDOWS]
)
def test_transposed_convolutions(name: str, window: str) -> None:
    shape = (7, 4) if "1D" in name else (7, 5, 4)
    one_layer(f"{name}(6, 3, {window})", shape)


def test_a_transposed_convolution_of_uneven_windows() -> None:
    one_layer("Conv2DTranspose(3, (2, 4), strides=(2, 3), activation='relu')", (5, 6, 4))


@pytest.mark.parametrize(
    ("arguments", "causal"),
    [
        ("2", False),
        ("2, key_dim=5", False),
        ("4, key_dim=3, value_dim=5", False),
        ("1, key_dim=8, use_bias=false", False),
        ("2, causal=true", True),
    ],
)
def test_multi_head_attention(arguments: str, causal: bool) -> None:
    import keras

    model = compiled(f"MultiHeadAttention({arguments})", "(6, 8)")
    written = arguments.replace("false", "False").replace(", causal=true", "")
    if "key_dim" not in written:
        written += ", key_dim=4"
    layer = eval(f"keras.layers.MultiHeadAttention({written})", {"keras": keras})
    inputs = keras.Input((6, 8))
    keras_model = keras.Model(inputs, layer(inputs, inputs, use_causal_mask=causal))
    ours = weights_of(model, "attention[0]")
    layer.set_weights(
        [each.reshape(w.shape) for each, w in zip(ours, layer.get_weights(), strict=True)]
    )
    x = sample(3, 6, 8)
    agree(model, keras_model, {"input": x}, [x])


def test_an_embedding() -> None:
    import keras

    model = compiled("Embedding(11, 4)", "(6,)")
    layer = keras.layers.Embedding(11, 4)
    keras_model = keras.Sequential([keras.Input((6,), dtype="int64"), layer])
    layer.set_weights(weights_of(model, "embedding"))
    ids = np.random.default_rng(0).integers(0, 11, (3, 6))
    agree(model, keras_model, {"input_ids": ids}, [ids])


@pytest.mark.parametrize(
    "merge",
    ["Add()", "Subtract()", "Multiply()", "Average()", "Maximum()", "Minimum()", "Concatenate()",
     "Concatenate(axis=1)", "Dot(axes=2)", "Dot(axes=2, normalize=true)"],
)  # fmt: skip
def test_branches_and_merges(merge: str) -> None:
    """A functional model with two inputs, branches and a merge."""
    import keras

    layers = f"a: {{ Dense(5) }} b: {{ Dense(5, 'tanh') Dense(5) }} {merge} Dense(3)"
    model = compiled(layers, "{ a: (4, 6), b: (4, 7) }")
    first, second = keras.Input((4, 6)), keras.Input((4, 7))
    left = keras.layers.Dense(5)
    one, two = keras.layers.Dense(5, "tanh"), keras.layers.Dense(5)
    last = keras.layers.Dense(3)
    merged = eval(f"keras.layers.{merge.replace('true', 'True')}", {"keras": keras})
    keras_model = keras.Model([first, second], last(merged([left(first), two(one(second))])))
    for layer, scope in (
        (left, "a/dense[0]"), (one, "b/dense[0]"), (two, "b/dense[1]"), (last, "dense[0]"),
    ):  # fmt: skip
        layer.set_weights(weights_of(model, scope))
    a, b = sample(3, 4, 6), sample(3, 4, 7, seed=1)
    agree(model, lambda x, y: keras_model([x, y]), {"a": a, "b": b}, [a, b])


def test_residual_blocks() -> None:
    import keras

    layers = (
        "Conv2D(4, 3, padding='same') ResidualConnection { BatchNormalization() ReLU() "
        "Conv2D(4, 3, padding='same') } Flatten() Dense(3)"
    )
    model = compiled(layers, "(5, 6, 3)")
    inputs = keras.Input((5, 6, 3))
    made = [
        keras.layers.Conv2D(4, 3, padding="same"), keras.layers.BatchNormalization(),
        keras.layers.Conv2D(4, 3, padding="same"), keras.layers.Dense(3),
    ]  # fmt: skip
    x = made[0](inputs)
    y = made[2](keras.ops.relu(made[1](x)))
    outputs = made[3](keras.layers.Flatten()(x + y))
    keras_model = keras.Model(inputs, outputs)
    scopes = (
        "conv2d[0]",
        "residual[0]/batch_normalization[0]",
        "residual[0]/conv2d[0]",
        "dense[0]",
    )
    for layer, scope in zip(made, scopes, strict=True):
        layer.set_weights(weights_of(model, scope))
    image = sample(2, 5, 6, 3)
    agree(model, keras_model, {"input": image}, [image])
