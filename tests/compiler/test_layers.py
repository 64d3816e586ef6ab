"""The table of layers has no holes: docs, defaults, bounds, and every layer is built."""

from __future__ import annotations

from typing import Any

import pytest
from neuralc.compiler.checking.checker import check
from neuralc.compiler.layers.activations import ACTIVATIONS
from neuralc.compiler.layers.initializers import INITIALIZERS
from neuralc.compiler.layers.pending import PENDING
from neuralc.compiler.layers.spec import LayerSpec, Wants, layer_named, layers
from neuralc.compiler.syntax.parser import parse
from neuralc.compiler.syntax.source import Source
from neuralc.ir.dtype import DType
from neuralc.ir.evaluate import evaluate
from neuralc.ir.parameter import Seeded
from neuralc.ir.type import TensorType

EXAMPLES = {
    "Dense": ("Dense(3, gelu_tanh)", "(5, 4)"),
    "Output": ("Output(3, activation=gelu_tanh)", "(5, 4)"),
    "Embedding": ("Embedding(9, 4, mask_zero=true)", "(5,)"),
    "PositionalEncoding": ("PositionalEncoding(9, learned)", "(5, 4)"),
    "MultiHeadAttention": (
        'MultiHeadAttention(2, dropout=0.1, causal=true, use_attention_mask="pairwise")',
        "(5, 4)",
    ),
    "TransformerEncoder": (
        'TransformerEncoder(2, activation=gelu_tanh, use_attention_mask="pairwise")',
        "(5, 4)",
    ),
    "TransformerDecoder": (
        "TransformerEncoder(2) TransformerDecoder(2, activation=gelu_tanh, "
        'use_attention_mask="pairwise")',
        "(5, 4)",
    ),
    "Activation": ("Activation(gelu_tanh)", "(5,)"),
    "ReLU": ("ReLU(6, 0.1, 0.5)", "(5,)"),
    "Lambda": ('Lambda("relu(2 * x + 1) ** 2 / (3 - x)")', "(5,)"),
    "LayerNormalization": ("LayerNormalization(axis=[1, 2])", "(3, 4, 5)"),
    "RMSNormalization": ("RMSNormalization(axis=[1, 2])", "(3, 4, 5)"),
    "Reshape": ("Reshape((2, 10))", "(5, 4)"),
    "Permute": ("Permute((2, 1))", "(5, 4)"),
    "Dropout": ("Dropout(0.5)", "(5,)"),
    "GaussianNoise": ("GaussianNoise(0.5)", "(5,)"),
    "GaussianDropout": ("GaussianDropout(0.5)", "(5,)"),
    "ResidualConnection": ("ResidualConnection { Dense(4) }", "(4,)"),
    "GlobalAveragePooling1D": (
        "Embedding(9, 4, mask_zero=true) GlobalAveragePooling1D(keepdims=true)",
        "(5,)",
    ),
    "SelectPosition": ("Embedding(9, 4, mask_zero=true) SelectPosition(-2)", "(5,)"),
    **{
        name: (f"Embedding(9, 4, mask_zero=true) {name}(3, go_backwards=true)", "(5,)")
        for name in ("LSTM", "GRU", "SimpleRNN")
    },
    "GroupNormalization": ("GroupNormalization(2)", "(5, 4)"),
    **{
        f"DepthwiseConv{n}D": (f"DepthwiseConv{n}D(3, activation=gelu_tanh)", input)
        for n, input in ((1, "(8, 4)"), (2, "(8, 8, 4)"))
    },
    **{
        f"SeparableConv{n}D": (f"SeparableConv{n}D(3, 2, activation=gelu_tanh)", input)
        for n, input in ((1, "(8, 4)"), (2, "(8, 8, 4)"))
    },
    **{
        f"Conv{n}DTranspose": (f"Conv{n}DTranspose(3, 2, activation=gelu_tanh)", input)
        for n, input in ((1, "(8, 4)"), (2, "(8, 8, 4)"), (3, "(4, 4, 4, 4)"))
    },
    "RepeatVector": ("RepeatVector(3)", "(4,)"),
    "Bidirectional": (
        "Embedding(9, 4) Bidirectional(LSTM(3, return_sequences=true), merge_mode=ave)",
        "(5,)",
    ),
    "TimeDistributed": ("TimeDistributed(Dense(4))", "(5, 4)"),
    "Masking": ("Embedding(9, 4, mask_zero=true) Masking()", "(5,)"),
    "Concatenate": (
        "a: { Embedding(9, 4, mask_zero=true) } b: { Embedding(9, 4) } Concatenate(1)",
        "{ a: (5,), b: (5,) }",
    ),
    "Parallel": ("Embedding(9, 4, mask_zero=true) Parallel { a: {} Dense(3) }", "(5,)"),
    "Dot": ("a: { Dense(3) } b: { Dense(3) } Dot(1, normalize=true)", "(4,)"),
    **{
        name: (
            "a: { Embedding(9, 4, mask_zero=true) } b: { Embedding(9, 4, mask_zero=true) } "
            f"{name}()",
            "{ a: (5,), b: (5,) }",
        )
        for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
    },
    "GlobalMaxPooling1D": (
        "Embedding(9, 4, mask_zero=true) GlobalMaxPooling1D(keepdims=true)",
        "(5,)",
    ),
}
"""A use of each layer that writes as many ops as the layer ever does, and an input for it. Layers
that are missing need no arguments, or are in one of the rows below."""

BY_AXES = {1: "(8, 4)", 2: "(8, 8, 4)", 3: "(8, 8, 8, 4)"}


def example(spec: LayerSpec) -> tuple[str, str]:
    if spec.name in EXAMPLES:
        return EXAMPLES[spec.name]
    axes = spec.name[-2:-1]
    input = BY_AXES[int(axes)] if axes.isdigit() else "(5, 4)"
    if spec.name.startswith("Conv"):
        return f"{spec.name}(3, 2, activation=gelu_tanh)", input
    if spec.name.startswith("SpatialDropout"):
        return f"{spec.name}(0.5)", input
    return f"{spec.name}()", input


@pytest.mark.parametrize("spec", layers().values(), ids=lambda spec: spec.name)
def test_every_layer_is_built_within_its_bound_of_nodes(lab: Any, spec: LayerSpec) -> None:
    source, input = example(spec)
    graph = lab.graph(source, input)
    scopes = [
        node.scope
        for node in graph.nodes()
        if "/dense[" not in node.scope and "/lstm[" not in node.scope
    ]
    own = [scope for scope in scopes if scope.split("/")[0].split("[")[0] == spec.scope]
    assert own or not len(graph)
    bounds = {
        call.scope: spec.most_nodes(call.arguments, len(call.branches))
        for call in lab.model(source, input).all_calls()
        if call.spec is spec
    }
    assert len(own) <= sum(bounds.values()) <= 1.3 * len(own) + 2
    assert all(node.spans for node in graph.nodes())


@pytest.mark.parametrize("bias", ["true", "false"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_ops_of_a_dense_layer_are_known_exactly(lab: Any, activation: str, bias: str) -> None:
    source = f"Dense(3, {activation}, {bias})"
    (call,) = lab.model(source, "(4,)").all_calls()
    assert call.spec.most_nodes(call.arguments) == len(lab.graph(source, "(4,)"))


@pytest.mark.parametrize("spec", layers().values(), ids=lambda spec: spec.name)
def test_every_layer_and_parameter_is_documented(spec: LayerSpec) -> None:
    assert spec.doc.endswith(".")
    names = [n for p in spec.all_parameters for n in (p.name, *p.aliases)]
    assert len(names) == len(set(names))
    for parameter in spec.all_parameters:
        assert parameter.doc
        if parameter.wants is Wants.CHOICE:
            assert parameter.default in (*parameter.choices, None)
        if parameter.wants is Wants.SIZES:
            assert parameter.axes


def test_names_are_found_without_regard_to_case() -> None:
    assert layer_named("gLObalaveragepooling1d") is layers()["GlobalAveragePooling1D"]
    assert layer_named("residual") is layers()["ResidualConnection"]
    assert layer_named("Nothing") is None


def test_no_layer_is_both_compiled_and_pending() -> None:
    assert not [name for name in PENDING if layer_named(name)]


@pytest.mark.parametrize("name", PENDING)
def test_a_pending_layer_is_an_error_that_names_it(name: str) -> None:
    program = parse(Source("t", f"network N {{ input: (4, 4) layers: {name}() }}"))
    (error,) = check(program).diagnostics
    assert error.code == "E0202"
    assert f"`{name}`" in error.message


@pytest.mark.parametrize("name", INITIALIZERS)
def test_every_initializer_can_be_evaluated(name: str) -> None:
    source = Seeded(TensorType(DType.F32, (4, 6)), name, INITIALIZERS[name], 0, "x/kernel")
    assert evaluate(source).shape == (4, 6)


def test_the_largest_repetition_of_a_small_layer_is_allowed(lab: Any) -> None:
    assert len(list(lab.model("Dense(4, relu) * 10000", "(4,)").all_calls())) == 10_000
