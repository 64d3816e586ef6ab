"""Built layers compute what independent float64 formulas in numpy compute."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

Array = Any


def sample(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def close(actual: Array, expected: Array) -> None:
    np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-11)


# ---- images ------------------------------------------------------------------------------------


def convolve(
    x: Array, kernel: Array, strides: tuple[int, int], padding: str, dilation: int, groups: int
) -> Array:
    """Each output pixel from the definition; `same` as TensorFlow defines it."""
    batch, height, width, _ = x.shape
    kh, kw, per_group, filters = kernel.shape
    spans = [dilation * (k - 1) + 1 for k in (kh, kw)]
    if padding == "same":
        sizes = [-(-n // s) for n, s in zip((height, width), strides, strict=True)]
        totals = [
            max((m - 1) * s + k - n, 0)
            for m, s, k, n in zip(sizes, strides, spans, (height, width), strict=True)
        ]
    else:
        sizes = [(n - k) // s + 1 for n, k, s in zip((height, width), spans, strides, strict=True)]
        totals = [0, 0]
    before = [t // 2 for t in totals]
    y = np.zeros((batch, *sizes, filters))
    for i in range(sizes[0]):
        for j in range(sizes[1]):
            for a in range(kh):
                for b in range(kw):
                    r = i * strides[0] + a * dilation - before[0]
                    c = j * strides[1] + b * dilation - before[1]
                    if 0 <= r < height and 0 <= c < width:
                        for g in range(groups):
                            mine = slice(g * filters // groups, (g + 1) * filters // groups)
                            seen = x[:, r, c, g * per_group : (g + 1) * per_group]
                            y[:, i, j, mine] += seen @ kernel[a, b, :, mine]
    return y


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(
    ("strides", "dilation", "groups"), [((1, 1), 1, 1), ((2, 3), 1, 2), ((1, 1), 2, 1)]
)
def test_convolution(
    lab: Any, padding: str, strides: tuple[int, int], dilation: int, groups: int
) -> None:
    graph = lab.graph(
        f"Conv2D(6, (3, 2), strides={strides}, padding={padding}, dilation_rate={dilation}, "
        f"groups={groups})",
        "(9, 7, 4)",
    )
    w, x = lab.randomized(graph), sample(2, 9, 7, 4)
    expected = convolve(x, w["conv2d[0]/kernel"], strides, padding, dilation, groups)
    close(lab.run(graph, w, input=x), expected + w["conv2d[0]/bias"])


@pytest.mark.parametrize("size", [7, 8])
def test_pooling_leaves_padding_out(lab: Any, size: int) -> None:
    layers = "{}Pooling2D(3, strides=2, padding=same)"
    x = sample(1, size, size, 2)
    largest = lab.run(lab.graph(layers.format("Max"), f"({size}, {size}, 2)"), input=x)
    mean = lab.run(lab.graph(layers.format("Average"), f"({size}, {size}, 2)"), input=x)
    count = -(-size // 2)
    before = max((count - 1) * 2 + 3 - size, 0) // 2
    for i in range(count):
        for j in range(count):
            rows, columns = (slice(max(2 * k - before, 0), 2 * k - before + 3) for k in (i, j))
            window = x[0, rows, columns].astype(np.float64)
            close(largest[0, i, j], window.max((0, 1)))
            close(mean[0, i, j], window.mean((0, 1)))


def test_global_pooling_of_images_and_sequences(lab: Any) -> None:
    x = sample(2, 4, 5, 3).astype(np.float64)
    for name, reduce in (("Average", np.mean), ("Max", np.max)):
        graph = lab.graph(f"Global{name}Pooling2D()", "(4, 5, 3)")
        close(lab.run(graph, input=x.astype(np.float32)), reduce(x, axis=(1, 2)))
        graph = lab.graph(f"Global{name}Pooling1D(keepdims=true)", "(5, 3)")
        expected = reduce(x[:, 0], axis=1, keepdims=True)
        close(lab.run(graph, input=x[:, 0].astype(np.float32)), expected)


@pytest.mark.parametrize("keepdims", ["true", "false"])
def test_masked_pooling_keeps_its_shape(lab: Any, keepdims: str) -> None:
    layers = f"Embedding(9, 4, mask_zero=true) GlobalMaxPooling1D(keepdims={keepdims})"
    graph = lab.graph(layers, "(3,)")
    table = lab.weights(graph)["embedding/embeddings"]
    ids = np.array([[0, 2, 5], [0, 0, 0]])
    expected = np.stack([table[[2, 5]].max(0), np.zeros(4)])
    actual = lab.run(graph, input_ids=ids)
    close(actual, expected[:, None] if keepdims == "true" else expected)


def test_flatten_reshape_and_permute(lab: Any) -> None:
    x = sample(2, 4, 6)
    graph = lab.graph("Reshape((3, -1, 2)) Permute((3, 1, 2)) Flatten()", "(4, 6)")
    expected = x.reshape(2, 3, 4, 2).transpose(0, 3, 1, 2).reshape(2, -1)
    close(lab.run(graph, input=x), expected)


# ---- norms, activations, noise -----------------------------------------------------------------


def test_norms(lab: Any) -> None:
    x = sample(2, 5, 6)
    wide = x.astype(np.float64)
    graph = lab.graph("RMSNormalization()", "(5, 6)")
    w = lab.randomized(graph)
    root = np.sqrt((wide**2).mean(-1, keepdims=True) + 1e-6)
    close(lab.run(graph, w, input=x), wide / root * w["rms_normalization[0]/gain"])
    graph = lab.graph("UnitNormalization()", "(5, 6)")
    expected = wide / np.linalg.norm(wide, axis=-1, keepdims=True)
    close(lab.run(graph, input=x), expected)
    assert not lab.run(graph, input=np.zeros((1, 5, 6), np.float32)).any()
    graph = lab.graph("BatchNormalization(scale=false)", "(5, 6)")
    w = lab.randomized(graph)
    path = "batch_normalization[0]"
    assert (lab.weights(graph)[f"{path}/gain"] == 1).all()
    root = np.sqrt(w[f"{path}/moving_variance"] + 1e-3)
    expected = (wide - w[f"{path}/moving_mean"]) / root * w[f"{path}/gain"] + w[f"{path}/bias"]
    close(lab.run(graph, w, input=x), expected)


def erf(x: Array) -> Array:
    import math

    return np.vectorize(math.erf)(x)


SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772

ACTIVATION_FORMULAS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "softmax": lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "elu": lambda x: np.where(x > 0, x, np.exp(x) - 1),
    "selu": lambda x: SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * (np.exp(x) - 1)),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "swish": lambda x: x / (1 + np.exp(-x)),
    "gelu": lambda x: x * (1 + erf(x / np.sqrt(2))) / 2,
    "gelu_tanh": lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "prelu": lambda x: np.where(x > 0, x, 0.0),
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "mish": lambda x: x * np.tanh(np.log(1 + np.exp(x))),
    "exponential": np.exp,
}


@pytest.mark.parametrize("name", ACTIVATION_FORMULAS)
def test_activation(lab: Any, name: str) -> None:
    x = sample(3, 40) * 3
    actual = lab.run(lab.graph(f"Activation({name})", "(40,)"), input=x)
    # Constants such as 1/√2 are float32 in the graph, so agreement ends there.
    expected = ACTIVATION_FORMULAS[name](x.astype(np.float64))
    np.testing.assert_allclose(actual, expected, rtol=2e-6, atol=2e-7)


def test_every_activation_has_a_formula() -> None:
    from neuralc.compiler.layers.activations import ACTIVATIONS

    assert set(ACTIVATIONS) <= set(ACTIVATION_FORMULAS)


@pytest.mark.parametrize(
    ("layer", "formula"),
    [
        ("ReLU()", lambda x: np.maximum(x, 0)),
        ("ReLU(max_value=1.5)", lambda x: np.clip(x, 0, 1.5)),
        ("ReLU(negative_slope=0.5, threshold=1)", lambda x: np.where(x >= 1, x, 0.5 * (x - 1))),
        ("ReLU(negative_slope=0.5)", lambda x: np.where(x >= 0, x, 0.5 * x)),
        ("LeakyReLU(0.25)", lambda x: np.where(x > 0, x, 0.25 * x)),
        ("ELU(0.5)", lambda x: np.where(x > 0, x, 0.5 * (np.exp(x) - 1))),
        ("Softmax(axis=1)", lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True)),
        ("Dropout(0.5)", lambda x: x),
        ("SpatialDropout1D(0.5)", lambda x: x),
        ("GaussianNoise(0.5)", lambda x: x),
        ("GaussianDropout(0.5)", lambda x: x),
        ("ResidualConnection { Activation(tanh) }", lambda x: x + np.tanh(x)),
    ],
)
def test_layers_without_weights(lab: Any, layer: str, formula: Any) -> None:
    x = sample(2, 5, 4)
    expected = formula(x.astype(np.float64))
    np.testing.assert_allclose(lab.run(lab.graph(layer, "(5, 4)"), input=x), expected, rtol=1e-7)


def test_prelu_has_slopes(lab: Any) -> None:
    graph = lab.graph("PReLU(shared_axes=(1,))", "(5, 4)")
    w, x = lab.randomized(graph), sample(2, 5, 4)
    alpha = w["prelu[0]/alpha"]
    assert alpha.shape == (1, 4)
    close(lab.run(graph, w, input=x), np.where(x > 0, x, alpha * x.astype(np.float64)))


def test_initializers_are_those_that_are_asked_for(lab: Any) -> None:
    graph = lab.graph(
        "Dense(300, kernel_initializer=RandomNormal(stddev=0.5), bias_initializer=ones)",
        "(200,)",
    )
    w = lab.weights(graph)
    assert abs(w["dense[0]/kernel"].std() - 0.5) < 0.01
    assert (w["dense[0]/bias"] == 1).all()
