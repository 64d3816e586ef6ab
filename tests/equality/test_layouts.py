"""Networks of convolutions: no transpose is left between them, and none changes what they give."""

from __future__ import annotations

import onnx
import pytest
from exactness import Check, Variant
from random_programs import Program

NORM = (
    "BatchNormalization(gamma_initializer=RandomUniform(0.5, 1.5), "
    "beta_initializer=RandomUniform(-0.5, 0.5), "
    "moving_mean_initializer=RandomUniform(-0.5, 0.5), "
    "moving_variance_initializer=RandomUniform(0.5, 2.0))"
)
SAME = 'padding="same", bias_initializer=RandomUniform(-0.5, 0.5)'
NETWORKS: dict[str, tuple[str, str, int]] = {
    "plain": (
        "(14, 15, 3)",
        f'Conv2D(5, 3, activation="relu", {SAME}) MaxPooling2D() Conv2D(6, 3) {NORM} ReLU() '
        f'AveragePooling2D(padding="same") Conv2D(4, 2, activation="gelu") Flatten() '
        'Dense(5, "relu") Dense(3, "softmax")',
        1,
    ),
    "one channel at both ends": (
        "(12, 12, 1)",
        f'Conv2D(4, 3, strides=2, activation="elu", {SAME}) Conv2D(3, 3, strides=2, {SAME}) '
        f"UpSampling2D() LeakyReLU() Conv2D(4, 3, {SAME}) UpSampling2D() "
        f'Conv2D(1, 3, activation="sigmoid", {SAME})',
        0,
    ),
    "residual blocks": (
        "(9, 8, 3)",
        f"Conv2D(6, 3, {SAME}) {NORM} ReLU() "
        f"ResidualConnection {{ Conv2D(6, 3, {SAME}) {NORM} ReLU() Conv2D(6, 3, {SAME}) {NORM} }} "
        f"ReLU() ResidualConnection {{ {NORM} ReLU() Conv2D(6, 3, {SAME}) "
        f"GroupNormalization(3) PReLU(alpha_initializer=RandomUniform(0, 1)) }} "
        f"a: {{ Conv2D(8, 3, strides=2, {SAME}) }} b: {{ Conv2D(8, 1, strides=2) }} Add() ReLU() "
        "GlobalAveragePooling2D() Dense(3)",
        1,
    ),
    "norms before convolutions": (
        "(8, 7, 3)",
        f"Conv2D(4, 3, {SAME}) "
        f"ResidualConnection {{ {NORM} ReLU() Conv2D(4, 3, {SAME}) }} * 2 {NORM} ReLU() Flatten() "
        "mean: { Dense(2) } spread: { Dense(2) }",
        1,
    ),
    "a U": (
        "(12, 8, 3)",
        f'Conv2D(4, 3, activation="relu", {SAME}) skip: {{}} deep: {{ MaxPooling2D() '
        f'Conv2D(6, 3, activation="relu", {SAME}) inner: {{}} down: {{ MaxPooling2D() '
        f"Conv2D(8, 3, {SAME}) UpSampling2D() }} Concatenate() Conv2D(6, 3, {SAME}) "
        f'UpSampling2D(interpolation="bilinear") }} Concatenate() Conv2D(4, 3, {SAME}) '
        "Conv2D(3, 1) Softmax()",
        2,
    ),
    "separable": (
        "(10, 11, 3)",
        f"ZeroPadding2D(((0, 1), (1, 0))) Conv2D(4, 3, strides=2) {NORM} ReLU(6) "
        f"DepthwiseConv2D(3, {SAME}) {NORM} ReLU(6) Conv2D(6, 1) {NORM} ReLU(max_value=4) "
        f'SeparableConv2D(6, 3, {SAME}) ResidualConnection {{ Conv2D(9, 1) Activation("silu") '
        f"DepthwiseConv2D(3, {SAME}) ReLU(6) Conv2D(6, 1) }} Cropping2D(1) "
        "GlobalMaxPooling2D(keepdims=true) Conv2D(3, 1) Flatten()",
        1,
    ),
    "gates for channels": (
        "(8, 8, 3)",
        f'Conv2D(4, 3, activation="tanh", {SAME}) x: {{}} gate: {{ GlobalAveragePooling2D() '
        'Dense(2, "relu") Dense(4, "sigmoid") Reshape((1, 1, 4)) } Multiply() Conv2D(3, 3) '
        "Flatten() Dense(2)",
        1,
    ),
    "sequences": (
        "(11, 3)",
        f'Conv1D(4, 3, activation="relu", {SAME}) MaxPooling1D() Conv1D(4, 3, {SAME}) '
        "UpSampling1D() ReLU() GlobalAveragePooling1D() Dense(2)",
        1,
    ),
    "volumes": (
        "(6, 5, 7, 2)",
        'Conv3D(3, 2, activation="relu") MaxPooling3D() Conv3D(4, 2, activation="relu") '
        "Flatten() Dense(3)",
        1,
    ),
}
"""Input, layers, and how many transposes are needed: one for several channels that come in, one for
those that go out. An image of one channel has both orders."""


def program(name: str) -> Program:
    shape, layers, _ = NETWORKS[name]
    return Program(f"network N {{ input: {shape} layers: {layers} }}", {"seed": 3}, 0)


@pytest.mark.parametrize("name", NETWORKS)
def test_transposes_are_left_at_the_ends_only(name: str) -> None:
    check = Check(program(name), (Variant(2, "cpu", True), Variant(2, "portable")))
    for target in ("cpu", "portable"):
        model = check.compile(Variant(2, target), 3)
        assert model is not None
        ops = [node.op for node in model.target_graph.nodes()]
        assert ops.count("transpose") == NETWORKS[name][2]
        written = [node.op_type for node in onnx.load_from_string(model.to_bytes()).graph.node]
        assert written.count("Transpose") == NETWORKS[name][2]
    assert check.run(cases_per_seed=2, seeds=1) == []
