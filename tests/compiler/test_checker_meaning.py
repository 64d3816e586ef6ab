"""What a right program is taken to mean: inputs, names, open axes, streams, weights' paths."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from neuralc.compiler.building.builder import build
from neuralc.compiler.checking.checker import CheckOptions, CheckResult, check
from neuralc.compiler.checking.model import Model
from neuralc.compiler.syntax.parser import parse
from neuralc.compiler.syntax.source import Source, read_source
from neuralc.ir.diagnostic import CompileError, Severity
from neuralc.ir.dim import symbols_of

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def checked(layers: str, input: str, more: str = "", **options: object) -> CheckResult:
    text = f"network N {{ input: {input} layers: {layers} {more} }}"
    result = check(parse(Source("test.neural", text)), CheckOptions(**options))  # type: ignore[arg-type]
    errors = [d for d in result.diagnostics if d.severity is Severity.ERROR]
    assert not errors, errors
    return result


def interface(model: Model) -> dict[str, str]:
    return {each.name: str(each.type) for each in model.inputs}


@pytest.mark.parametrize(
    ("layers", "input", "type"),
    [
        ("Conv2D(8, 3)", "(None, 28, 28, 1)", "f32[B, 28, 28, 1]"),
        ("Embedding(9, 8)", "(None, 100)", "i64[B, 100]"),
        ("Embedding(9, 8)", "(None, 100, 8)", "i64[B, 100]"),
        ("Embedding(9, 8)", "(None,)", "i64[B, S]"),
        ("TransformerEncoder(8)", "(None, 512)", "f32[B, S, 512]"),
        ("TransformerEncoder(8)", "(None, None, 512)", "f32[B, S, 512]"),
        ("Dropout(0.1) Residual { GlobalMaxPooling1D() Dense(512) }", "(None, 9, 512)", ""),
        ("Dense(3)", "(None, 784)", "f32[B, 784]"),
        ("Flatten() TransformerEncoder(2)", "(None, 4, 4)", ""),
        ("Reshape((4, 4)) TransformerEncoder(2)", "(None, 16)", "f32[B, 16]"),
    ],
)
def test_a_leading_none(layers: str, input: str, type: str) -> None:
    text = f"network N {{ input: {input} layers: {layers} }}"
    result = check(parse(Source("test.neural", text)))
    assert [d.code for d in result.diagnostics].count("N0202") == 1
    if type:
        (model,) = result.models
        assert list(interface(model).values()) == [type]
    else:
        note = next(d for d in result.diagnostics if d.code == "N0202")
        assert "the batch" in note.message


@pytest.mark.parametrize(
    ("input", "names"),
    [
        ("(16,)", {"input_ids": "i64[B, 16]"}),
        ("16", {"input_ids": "i64[B, 16]"}),
        ("(seq,)", {"input_ids": "i64[B, seq]"}),
        ("{ tokens: (16) }", {"tokens": "i64[B, 16]"}),
    ],
)
def test_names_of_inputs(input: str, names: dict[str, str]) -> None:
    assert interface(checked("Embedding(9, 8)", input).the_model) == names


def test_open_axes_and_their_maxima() -> None:
    (model,) = checked("TransformerEncoder(2)", "(100, 8)", dynamic=("seq",)).models
    assert symbols_of(model.inputs[0].type.shape)[1].maximum == 100
    (model,) = checked("TransformerEncoder(2)", "(None, 8)", max_sizes={"seq": 64}).models
    assert symbols_of(model.inputs[0].type.shape)[1].maximum == 64
    (model,) = checked("TransformerEncoder(2)", "(n, 8)", max_sizes={"n": 32}).models
    assert symbols_of(model.inputs[0].type.shape)[1].maximum == 32
    (model,) = checked("TransformerEncoder(2)", "(None, 8)").models
    assert symbols_of(model.inputs[0].type.shape)[1].maximum is None


def test_the_decoder_has_an_input_and_a_length_of_its_own() -> None:
    result = checked(
        "Dense(8) TransformerEncoder(2) TransformerDecoder(2, use_attention_mask=true)",
        "(100, 4)",
        dynamic=("seq",),
        mask_dtype="bool",
    )
    model = result.the_model
    assert interface(model) == {
        "input": "f32[B, S, 4]",
        "decoder_input": "f32[B, T, 4]",
        "decoder_attention_mask": "bool[B, T]",
    }
    assert symbols_of(model.inputs[1].type.shape)[1].maximum == 100
    encoder, decoder = model.streams
    assert [call.scope for call in encoder.calls] == ["dense[0]", "positions", "encoder[0]"]
    assert [call.scope for call in decoder.calls] == ["dense[0]", "positions", "decoder[0]"]
    assert "N0203" in [d.code for d in result.diagnostics]


def test_without_cross_attention_there_is_one_chain() -> None:
    layers = "TransformerEncoder(2) TransformerDecoder(2, cross_attention=false)"
    assert len(checked(layers, "(9, 8)").the_model.streams) == 1
    assert len(checked("TransformerDecoder(2)", "(9, 8)").the_model.streams) == 1


@pytest.mark.parametrize(
    ("mask", "dtype"), [("int64", "i64"), ("bool", "bool"), ("float32", "f32")]
)
def test_a_padding_mask_for_the_whole_network(mask: str, dtype: str) -> None:
    layers = "Dense(8) TransformerEncoder(2) GlobalAveragePooling1D()"
    model = checked(layers, "(9, 8)", padding_mask=True, mask_dtype=mask).the_model
    assert interface(model)["attention_mask"] == f"{dtype}[B, 9]"
    joining = [call.scope for call in model.all_calls() if call.masks]
    assert joining == ["encoder[0]"]


def test_cross_attention_alone_needs_no_mask_of_its_own_sequence() -> None:
    model = checked(
        "Embedding(9, 8) TransformerEncoder(2) Embedding(9, 8) MultiHeadAttention(2, mode=cross)",
        "{ a: (4) b: (5) }",
        padding_mask=True,
    ).the_model
    assert list(interface(model)) == ["a", "attention_mask", "b"]
    graph = build(model)
    assert all(graph.uses(value) for value in graph.inputs)


def test_a_mask_ends_where_the_sequence_ends() -> None:
    layers = "TransformerEncoder(2) Reshape((4, 4)) GlobalAveragePooling1D()"
    graph = build(checked(layers, "(2, 8)", padding_mask=True).the_model)
    assert "reduce_mean" in [node.op for node in graph.nodes()]


def test_a_padding_mask_that_nothing_reads() -> None:
    result = checked("Flatten() Dense(3)", "(9, 8)", padding_mask=True)
    assert [d.code for d in result.diagnostics] == ["N0204"]
    assert list(interface(result.the_model)) == ["input"]


def test_paths_of_weights() -> None:
    model = checked(
        "Embedding(9, 8) PositionalEncoding(20, learned) LayerNormalization() "
        "TransformerEncoder(2) * 2 TransformerDecoder(2, cross_attention=false, num_layers=2) "
        "ResidualConnection { Dense(8) Dense(8) } Dense(8, name=head) Dense(4) Output(2)",
        "(9,)",
    ).the_model
    scopes = [call.scope for call in model.all_calls()]
    assert scopes == [
        "embedding", "positions", "layer_normalization[0]", "encoder[0]", "encoder[1]",
        "decoder[0]", "decoder[1]", "residual[0]", "residual[0]/dense[0]", "residual[0]/dense[1]",
        "head", "dense[0]", "output",
    ]  # fmt: skip
    encoder = next(call for call in model.all_calls() if call.scope == "encoder[1]")
    assert {w.path: w.shape for w in encoder.weights} == {
        **{f"attention/{part}/kernel": (8, 8) for part in ("query", "key", "value", "output")},
        **{f"attention/{part}/bias": (8,) for part in ("query", "key", "value", "output")},
        "attention_norm/gain": (8,), "attention_norm/bias": (8,),
        "ffn/inner/kernel": (8, 32), "ffn/inner/bias": (32,),
        "ffn/outer/kernel": (32, 8), "ffn/outer/bias": (8,),
        "ffn_norm/gain": (8,), "ffn_norm/bias": (8,),
    }  # fmt: skip


def test_a_repeated_named_layer_is_numbered_and_names_the_output() -> None:
    model = checked("Dense(8, name=up) * 2 Dense(3, name=logits)", "(4,)").the_model
    assert [call.scope for call in model.all_calls()] == ["up[0]", "up[1]", "logits"]
    assert model.output == "logits"


def test_macros_have_defaults_arithmetic_and_may_nest() -> None:
    text = """
    define Inner(n, rate=0.5) { Dense($n * 2) Dropout(rate) }
    macro Block(width) { Inner($width + 1) * 2 Inner(n=width, rate=0.25) }
    network N { input: (4,) layers: Block(3) * 2 }
    """
    (model,) = check(parse(Source("t", text))).models
    widths = [c.arguments["units"] for c in model.all_calls() if c.spec.name == "Dense"]
    assert widths == [8, 8, 6] * 2
    rates = [c.arguments["rate"] for c in model.all_calls() if c.spec.name == "Dropout"]
    assert rates == [0.5, 0.5, 0.25] * 2
    assert len(model.streams[0].calls[0].spans) == 3


def test_an_unused_macro_is_read_too() -> None:
    text = "define A() { Residual { Quux() } }\nnetwork N { input: (4,) layers: Dense(3) }"
    assert [d.code for d in check(parse(Source("t", text))).diagnostics] == ["E0201"]


@pytest.mark.parametrize(
    ("loss", "activation"),
    [
        ('"categorical_crossentropy"', "softmax"),
        ('"sparse_categorical_cross_entropy"', "softmax"),
        ("SparseCategoricalCrossentropy()", "softmax"),
        ('"binary_crossentropy"', "sigmoid"),
        ('"mse"', "linear"),
    ],
)
def test_the_activation_of_an_output_follows_from_the_loss(loss: str, activation: str) -> None:
    result = checked("Output(3)", "(4,)", f"loss: {loss}")
    assert result.the_model.streams[0].calls[0].arguments["activation"] == activation
    assert not result.diagnostics


def test_sections_are_kept_as_json() -> None:
    model = checked(
        "Output(3)",
        "(4,)",
        'loss: "mse" optimizer: Adam { lr: 0.1 } metrics: ["mae"] '
        'training { epochs: 3, early_stopping: true } execute { @ "cuda:0" }',
    ).the_model
    assert {key: json.loads(text) for key, text in model.metadata.items()} == {
        "loss": {"name": "mean_squared_error", "arguments": {}},
        "optimizer": {"name": "Adam", "arguments": {"learning_rate": 0.1}},
        "metrics": [{"name": "mean_absolute_error", "arguments": {}}],
        "train": {"epochs": 3, "early_stopping": True},
        "execution": {"device": "cuda:0"},
    }
    assert build(model).metadata == dict(model.metadata)


def test_dropout_is_in_the_graph() -> None:
    graph = build(checked("TransformerEncoder(2, dropout_rate=0.2)", "(9, 8)").the_model)
    rates = [n.attributes["rate"] for n in graph.nodes() if n.op == "dropout"]
    assert rates == [0.2] * 4
    graph = build(checked("TransformerEncoder(2, dropout_rate=0)", "(9, 8)").the_model)
    assert not [n for n in graph.nodes() if n.op == "dropout"]


def test_several_networks_need_a_choice() -> None:
    network = "network {} {{ input: (4,) layers: Dense(3) }}\n"
    program = parse(Source("t", network.format("A") + network.format("B")))
    with pytest.raises(CompileError, match="E0225"):
        _ = check(program).the_model
    assert check(program, CheckOptions(network="B")).the_model.name == "B"
    with pytest.raises(CompileError, match="E0225"):
        _ = check(parse(Source("t", "Dense(3)"))).the_model


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.neural")), ids=lambda p: p.stem)
def test_every_example_is_built(path: Path) -> None:
    result = check(parse(read_source(str(path))))
    assert not [d for d in result.diagnostics if d.severity is Severity.ERROR]
    assert len(build(result.the_model)) > 20


def test_building_twice_gives_the_same_graph() -> None:
    from neuralc.ir.text import print_graph

    model = checked("TransformerEncoder(2) * 3", "(9, 8)").the_model
    assert print_graph(build(model, seed=4)) == print_graph(build(model, seed=4))


def test_checking_loads_neither_numpy_nor_networkx() -> None:
    path = EXAMPLES / "sentence_encoder.neural"
    code = (
        "import sys\n"
        "from neuralc.compiler.checking.checker import check\n"
        "from neuralc.compiler.syntax.parser import parse\n"
        "from neuralc.compiler.syntax.source import read_source\n"
        f"assert check(parse(read_source({str(path)!r}))).models\n"
        "print([m for m in ('numpy', 'networkx', 'onnx', 'onnxruntime') if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
