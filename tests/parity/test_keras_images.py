"""Layers of images beside Keras 3's, with the same weights, at odd sizes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from keras_layers import agree, compiled, weights_of

pytestmark = pytest.mark.parity

WINDOWS = [
    f'strides={s}, padding="{p}", dilation_rate={d}'
    for s, d in ((1, 1), (2, 1), (3, 1), (1, 2))
    for p in ("valid", "same")
]
CASES = [
    *(f"DepthwiseConv2D((3, 2), depth_multiplier=2, {w})" for w in WINDOWS),
    *(f'SeparableConv2D(5, 3, depth_multiplier=2, activation="relu", {w})' for w in WINDOWS),
    *(f"DepthwiseConv1D(3, {w})" for w in WINDOWS),
    *(f"SeparableConv1D(5, 2, {w})" for w in WINDOWS),
    *(f"Conv2D(6, 3, groups=2, {w})" for w in WINDOWS),
    *(f"Conv1D(5, 3, {w})" for w in WINDOWS),
    "Conv3D(4, 2, strides=2)",
    'MaxPooling2D(3, strides=2, padding="same")',
    'AveragePooling2D(3, strides=2, padding="same")',
    "AveragePooling1D(3)",
    "MaxPooling3D(2)",
    "GroupNormalization(groups=2)",
    "GroupNormalization(groups=-1, epsilon=1e-5)",
    "GroupNormalization(groups=1, center=false)",
    "LayerNormalization()",
    "BatchNormalization()",
    "UpSampling1D(3)",
    "UpSampling2D((2, 3))",
    "UpSampling3D(2)",
    "ZeroPadding1D((2, 1))",
    "ZeroPadding2D(((1, 2), (0, 3)))",
    "ZeroPadding2D((2, 1))",
    "ZeroPadding3D(1)",
    "Cropping1D((2, 1))",
    "Cropping2D(((1, 2), (0, 3)))",
    "Cropping3D(1)",
    "GlobalAveragePooling2D()",
    "GlobalMaxPooling3D()",
]
SHAPES = {1: (11, 4), 2: (9, 7, 4), 3: (5, 7, 4, 4)}


@pytest.mark.parametrize("layer", CASES)
def test_agrees(layer: str) -> None:
    import keras

    name, arguments = layer.split("(", 1)
    axes = int(name[-2]) if name[-1] == "D" else 2
    shape = SHAPES[axes]
    written = arguments[:-1].replace("false", "False")
    made = eval(f"keras.layers.{name}({written})", {"keras": keras})
    model = compiled(layer, str(shape))
    keras_model = keras.Sequential([keras.Input(shape), made])
    weights = [
        value.name
        for value, _ in model._compilation.source_graph.sources()
        if "/" in value.name and "[" in value.name.split("/")[0]
    ]
    if weights:
        made.set_weights(weights_of(model, weights[0].split("/")[0]))
    x = np.random.default_rng(0).standard_normal((2, *shape)).astype("float32")
    agree(model, keras_model, {"input": x}, [x])


def test_a_repeated_vector() -> None:
    import keras

    x = np.random.default_rng(0).standard_normal((2, 5)).astype("float32")
    keras_model = keras.Sequential([keras.Input((5,)), keras.layers.RepeatVector(3)])
    agree(compiled("RepeatVector(3)", "(5,)"), keras_model, {"input": x}, [x])
