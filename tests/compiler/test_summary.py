"""The figures of layers, held against formulas, and the table of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from neuralc.compiler.driver import Compilation
from neuralc.compiler.options import CompileOptions
from neuralc.compiler.summarizing.facts import LayerFacts, NetworkFacts, network_facts
from neuralc.compiler.summarizing.folding import fold
from neuralc.compiler.summarizing.table import TableOptions, as_json, rows, sizes_text
from neuralc.compiler.syntax.source import Source
from neuralc.ir.diagnostic import CompileError

BERT_BASE = """network Bert {
  input: (512,)
  layers:
    Embedding(30522, 768)
    PositionalEncoding(512, "learnable")
    LayerNormalization()
    TransformerEncoder(12, d_model=768, dff=3072, activation="gelu") * 12
    SelectPosition(0)
    Dense(768, "tanh")
}"""


def facts(source: str, sizes: dict[str, int] | None = None, **options: object) -> NetworkFacts:
    given = CompileOptions.of(lint=False, **options)
    compilation = Compilation(Source("t", source), given)
    return network_facts(compilation.model, compilation.source_graph, sizes)


def only(source: str, kind: str, **sizes: int) -> LayerFacts:
    found = facts(f"network N {{ {source} }}", sizes)
    (layer,) = (each for each in found.layers() if each.kind == kind)
    return layer


def test_bert_base_has_the_parameters_that_it_has() -> None:
    """110 M are 109.48 M of the checkpoint, whose table of two token types is 1536."""
    embeddings = 30522 * 768 + 512 * 768 + 2 * 768
    encoder = 4 * (768 * 768 + 768) + 2 * 768 * 3072 + 3072 + 768 + 4 * 768
    found = facts(BERT_BASE)
    assert found.parameters == embeddings + 12 * encoder + 768 * 768 + 768 == 109_482_240 - 1536
    products = 512 * 2 * (4 * 768 * 768 + 2 * 768 * 3072) + 4 * 512 * 512 * 768
    layer = next(each for each in found.layers() if each.kind == "TransformerEncoder")
    assert products < layer.flops < 1.03 * products
    assert layer.activation == 512 * 768 * 4


@pytest.mark.parametrize(
    ("source", "kind", "parameters", "flops"),
    [
        ("input: (8,) layers: Dense(4)", "Dense", 36, 2 * 8 * 4 + 4),
        ("input: (8,) layers: Dense(4, use_bias=false)", "Dense", 32, 2 * 8 * 4),
        ("input: (8, 8, 3) layers: Conv2D(4, 3, padding=\"same\", use_bias=false)", "Conv2D",
         108, 2 * 64 * 4 * 27),
        ("input: (9, 9, 4) layers: Conv2D(4, 3, strides=2, groups=2, use_bias=false)", "Conv2D",
         72, 2 * 16 * 4 * 18),
        ("input: (9, 9, 4) layers: DepthwiseConv2D(3, use_bias=false)", "DepthwiseConv2D",
         36, 2 * 49 * 4 * 9),
        ("input: (8, 8, 3) layers: MaxPooling2D(2)", "MaxPooling2D", 0, 16 * 3 * 4),
        ("input: (5, 3) layers: LSTM(4)", "LSTM", 4 * (3 * 4 + 4 * 4 + 4),
         5 * (4 * 2 * 4 * (3 + 4) + 9 * 4)),
        ("input: (6,) layers: Embedding(10, 4)", "Embedding", 40, 0),
        ("input: (6,) layers: Reshape((2, 3))", "Reshape", 0, 0),
    ],
)  # fmt: skip
def test_parameters_and_work_of_a_layer(
    source: str, kind: str, parameters: int, flops: int
) -> None:
    layer = only(source, kind)
    assert layer.parameters == parameters
    # Layers may prepare their weights at each run, which is little.
    assert flops <= layer.flops <= 1.02 * flops


def test_work_and_memory_grow_with_the_batch_and_the_sequence() -> None:
    source = "input: (seq, 8) layers: Dense(4)"
    assert only(source, "Dense", batch=3, seq=7).flops == 21 * only(source, "Dense", seq=1).flops
    assert only(source, "Dense", batch=3, seq=7).activation == 3 * 7 * 4 * 4
    found = facts(f"network N {{ {source} }}")
    assert found.assumed == ("seq",)
    assert sizes_text(found) == "batch 1, seq 128 (assumed)"
    bounded = facts(f"network N {{ {source} }}", max_sizes={"seq": 32})
    assert sizes_text(bounded) == "batch 1, seq 32"


def test_a_size_of_no_axis_is_refused() -> None:
    with pytest.raises(CompileError, match="E0526") as caught:
        facts("network N { input: (seq, 8) layers: Dense(4) }", {"sek": 3})
    assert "batch, seq" in (caught.value.diagnostics[0].help or "")


def test_statistics_are_counted_apart_and_shared_weights_once() -> None:
    norm = only("input: (4, 4, 3) layers: BatchNormalization()", "BatchNormalization")
    assert (norm.parameters, norm.state) == (6, 6)
    found = facts("""network N {
      input: (6,)
      layers: Embedding(10, 8) TransformerEncoder(2) TransformerDecoder(2) Dense(10)
    }""")
    embeddings = [each for each in found.layers() if each.kind == "Embedding"]
    assert [each.shared for each in embeddings] == [False, True]
    assert sum(e.parameters for e in found.layers() if e.scope.count("/") == 0) == found.parameters


def test_the_whole_is_the_sum_of_its_layers() -> None:
    found = facts("""network N {
      input: { a: (6,), b: (8, 8, 3) }
      layers:
        a: { Embedding(10, 8) LSTM(4) }
        b: { ResidualConnection { Conv2D(3, 3, padding="same") } Flatten() Dense(4) }
        Concatenate()
        x: { Dense(2) } y: { Dense(3) }
    }""")
    top = [each for each in found.layers() if each.scope != "b/residual[0]/conv2d[0]"]
    assert sum(each.parameters for each in top) == found.parameters
    assert sum(each.flops for each in top) == found.flops
    assert [head.name for head in found.heads] == ["x", "y"]


def test_repeats_are_folded() -> None:
    shown = [(f.items, f.times, f.last) for f in fold("abbbcdcde", lambda each: each)]
    assert shown == [
        (("a",), 1, ("a",)),
        (("b",), 3, ("b",)),
        (("c", "d"), 2, ("c", "d")),
        (("e",), 1, ("e",)),
    ]
    assert [f.times for f in fold("", lambda each: each)] == []
    assert [(f.items, f.times) for f in fold("ababab", str)] == [(("a", "b"), 3)]


def test_the_rows_of_a_table() -> None:
    source = "network N { input: (4, 8) layers: Dense(8) * 3 ResidualConnection { Dense(8) } }"
    found = facts(source)
    names = [(row[0], row[1], row[3]) for row in rows(found, TableOptions())]
    assert names == [
        ("input", "(input)", ""),
        ("dense[0] … [2]", "3 × Dense", "3 × 72"),
        ("residual[0]", "ResidualConnection", "72"),
        ("  residual[0]/dense[0]", "Dense", "72"),
    ]
    unfolded = [row[0] for row in rows(found, TableOptions(unfold=True, depth=0))]
    assert unfolded == ["input", "dense[0]", "dense[1]", "dense[2]", "residual[0]"]
    told = as_json(found)
    assert told["layers"][3]["layers"][0]["output_shape"] == "(4, 8)"
    assert told["totals"]["parameters"] == 4 * 72


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                     capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    from neuralc.compiler.cli import guard, neural

    monkeypatch.chdir(tmp_path)
    Path("two.neural").write_text(
        "network A { input: (8,) layers: Dense(4) } network B { input: (8,) layers: Dense(3) }"
    )
    assert guard.run(neural.command, ["summary", "two.neural"], "neural") == 0
    out = capsys.readouterr().out
    assert out.index("A (batch 1)") < out.index("B (batch 1)")
    assert "27 trainable" in out
    assert guard.run(neural.command, ["summary", "two.neural", "--json"], "neural") == 0
    told = json.loads(capsys.readouterr().out)["networks"]
    assert [each["name"] for each in told] == ["A", "B"]
    assert guard.run(neural.command, ["summary", "two.neural", "--network", "C"], "neural") == 1
    assert "E0223" in capsys.readouterr().err
