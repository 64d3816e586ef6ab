"""Weights from Hugging Face BERT checkpoints, written here by hand in their names and layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from neuralc.compiler.weights.binding import bind
from neuralc.ir.diagnostic import CompileError
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.evaluate import evaluate
from neuralc.ir.graph import Graph
from neuralc.ir.parameter import Seeded
from neuralc.ir.type import TensorType
from safetensors.numpy import save_file

Tensors = dict[str, np.ndarray]
VOCABULARY, LENGTH, WIDTH, INNER = 11, 6, 4, 8

THEIRS = {
    "attention/query": "attention.self.query",
    "attention/key": "attention.self.key",
    "attention/value": "attention.self.value",
    "attention/output": "attention.output.dense",
    "ffn/inner": "intermediate.dense",
    "ffn/outer": "output.dense",
}
NORMS = {"attention_norm": "attention.output.LayerNorm", "ffn_norm": "output.LayerNorm"}


def graph_of(
    layers: tuple[str, ...] = ("encoder[0]", "encoder[1]"),
    positions: bool = True,
    head: bool = False,
) -> Graph:
    """The weights of a BERT-like program; how they are used is of no matter here."""
    graph = Graph("Bert")
    emit = Emitter(graph)
    shapes: dict[str, tuple[int, ...]] = {"embedding/embeddings": (VOCABULARY, WIDTH)}
    if positions:
        shapes["positional_encoding/embeddings"] = (LENGTH, WIDTH)
    norms = ["layer_normalization"]
    for layer in layers:
        for part in THEIRS:
            ends = {"ffn/inner": (WIDTH, INNER), "ffn/outer": (INNER, WIDTH)}
            shapes[f"{layer}/{part}/kernel"] = ends.get(part, (WIDTH, WIDTH))
            shapes[f"{layer}/{part}/bias"] = (shapes[f"{layer}/{part}/kernel"][1],)
        norms += [f"{layer}/{norm}" for norm in NORMS]
    shapes |= {f"{norm}/{leaf}": (WIDTH,) for norm in norms for leaf in ("gain", "bias")}
    if head:
        shapes["dense[0]/kernel"] = (WIDTH, 2)
    outer = [*layers, "dense[0]"]

    def place(path: str) -> int:
        """What stands before the layers comes first, then each layer with its norms."""
        layer = path.partition("/")[0]
        return outer.index(layer) + 1 if layer in outer else 0

    for path in sorted(shapes, key=place):
        source = Seeded(TensorType(DType.F32, shapes[path]), "zeros", (), 0, path)
        graph.outputs[path] = emit("neg", emit.parameter(path, source))
    return graph


def checkpoint(layers: int = 2, prefix: str = "", old: bool = False) -> Tensors:
    """Random tensors under BERT's names; `old` calls norms' weights gamma and beta."""
    random = np.random.default_rng(1)
    gain, bias = ("gamma", "beta") if old else ("weight", "bias")
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (VOCABULARY, WIDTH),
        "embeddings.position_embeddings.weight": (LENGTH, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
        f"embeddings.LayerNorm.{gain}": (WIDTH,),
        f"embeddings.LayerNorm.{bias}": (WIDTH,),
    }
    for number in range(layers):
        stem = f"encoder.layer.{number}."
        for part, theirs in THEIRS.items():
            out, into = {"ffn/inner": (INNER, WIDTH), "ffn/outer": (WIDTH, INNER)}.get(
                part, (WIDTH, WIDTH)
            )
            shapes |= {f"{stem}{theirs}.weight": (out, into), f"{stem}{theirs}.bias": (out,)}
        for theirs in NORMS.values():
            shapes |= {f"{stem}{theirs}.{gain}": (WIDTH,), f"{stem}{theirs}.{bias}": (WIDTH,)}
    return {
        prefix + name: random.standard_normal(shape).astype(np.float32)
        for name, shape in shapes.items()
    }


def written(tmp_path: Path, content: Tensors) -> Path:
    path = tmp_path / "model.safetensors"
    save_file(content, path)
    return path


def load(tmp_path: Path, content: Tensors, graph: Graph | None = None) -> Tensors:
    binding = bind(graph or graph_of(), written(tmp_path, content), "bert")
    return {value.name: evaluate(source) for value, source in binding.graph.sources()}


def refused(tmp_path: Path, content: Tensors, graph: Graph | None = None) -> list[tuple[str, str]]:
    with pytest.raises(CompileError) as caught:
        bind(graph or graph_of(), written(tmp_path, content), "bert")
    return [(d.code, d.message) for d in caught.value.diagnostics]


@pytest.mark.parametrize("prefix", ["", "bert.", "model.", "0.auto_model."])
@pytest.mark.parametrize("old", [False, True])
def test_every_weight_has_its_tensor(tmp_path: Path, prefix: str, old: bool) -> None:
    content = checkpoint(prefix=prefix, old=old)
    loaded = load(tmp_path, content)

    def theirs(name: str) -> np.ndarray:
        return content[prefix + name]

    gain, bias = ("gamma", "beta") if old else ("weight", "bias")
    tables = "embeddings.word_embeddings.weight", "embeddings.position_embeddings.weight"
    types = theirs("embeddings.token_type_embeddings.weight").astype(np.float64)
    positions = (theirs(tables[1]) + types[0]).astype(np.float32)
    assert np.array_equal(loaded.pop("embedding/embeddings"), theirs(tables[0]))
    assert np.array_equal(loaded.pop("positional_encoding/embeddings"), positions)
    norms = {"layer_normalization": "embeddings.LayerNorm"}
    for number in range(2):
        ours, stem = f"encoder[{number}]/", f"encoder.layer.{number}."
        norms |= {ours + norm: stem + name for norm, name in NORMS.items()}
        for part, name in THEIRS.items():
            kernel, vector = loaded.pop(f"{ours}{part}/kernel"), loaded.pop(f"{ours}{part}/bias")
            assert np.array_equal(kernel, theirs(f"{stem}{name}.weight").T)
            assert np.array_equal(vector, theirs(f"{stem}{name}.bias"))
    for ours, name in norms.items():
        assert np.array_equal(loaded.pop(f"{ours}/gain"), theirs(f"{name}.{gain}"))
        assert np.array_equal(loaded.pop(f"{ours}/bias"), theirs(f"{name}.{bias}"))
    assert not loaded


def test_layers_are_counted_in_the_order_of_the_program(tmp_path: Path) -> None:
    content = checkpoint()
    loaded = load(tmp_path, content, graph_of(("first", "zeroth")))
    name = "encoder.layer.1.attention.self.key.bias"
    assert np.array_equal(loaded["zeroth/attention/key/bias"], content[name])


def test_what_inference_does_not_need_is_left_out_and_listed(tmp_path: Path) -> None:
    unneeded = {
        "bert.embeddings.position_ids": np.arange(LENGTH)[None],
        "bert.pooler.dense.weight": np.zeros((WIDTH, WIDTH), np.float32),
        "cls.predictions.bias": np.zeros(VOCABULARY, np.float32),
        "classifier.weight": np.zeros((2, WIDTH), np.float32),
    }
    file = written(tmp_path, checkpoint(prefix="bert.") | unneeded)
    (note,) = bind(graph_of(), file, "bert").notes
    assert note.code == "N0410"
    assert all(name in note.message for name in unneeded)


def test_a_head_among_the_layers_is_not_unneeded(tmp_path: Path) -> None:
    """Only whole names are left out: not whatever has `pooler.` or `cls.` somewhere in it."""
    content = checkpoint() | {"encoder.cls.weight": np.zeros(2, np.float32)}
    assert [code for code, _ in refused(tmp_path, content)] == ["E0411"]


def test_a_layer_too_few_in_the_program(tmp_path: Path) -> None:
    problems = refused(tmp_path, checkpoint(layers=3))
    assert {code for code, _ in problems} == {"E0411"}
    assert len(problems) == 16
    assert all("encoder.layer.2." in message for _, message in problems)


def test_a_layer_too_many_in_the_program(tmp_path: Path) -> None:
    problems = refused(tmp_path, checkpoint(layers=1))
    assert {code for code, _ in problems} == {"E0410"}
    assert all("encoder[1]/" in text and "encoder.layer.1." in text for _, text in problems)


def test_a_head_of_the_program_has_no_value(tmp_path: Path) -> None:
    ((code, message),) = refused(tmp_path, checkpoint(), graph_of(head=True))
    assert code == "E0410"
    assert "dense[0]/kernel (f32[4, 2])" in message


def test_a_program_without_learned_positions(tmp_path: Path) -> None:
    problems = refused(tmp_path, checkpoint(), graph_of(positions=False))
    assert [code for code, _ in problems] == ["E0411", "E0411"]
    assert "position_embeddings" in problems[0][1]
    assert "token_type_embeddings" in problems[1][1]


def test_another_length_of_positions(tmp_path: Path) -> None:
    content = checkpoint()
    name = "embeddings.position_embeddings.weight"
    content[name] = content[name][:4]
    ((code, message),) = refused(tmp_path, content)
    assert code == "E0412"
    assert name in message
    assert f"needs [{LENGTH}, {WIDTH}]" in message


def test_a_square_matrix_is_transposed_too(tmp_path: Path) -> None:
    """A forgotten transposition of a square kernel would pass every check of shapes."""
    content = checkpoint()
    name = "encoder.layer.0.attention.self.query.weight"
    assert not np.array_equal(content[name], content[name].T)
    loaded = load(tmp_path, content)
    assert np.array_equal(loaded["encoder[0]/attention/query/kernel"], content[name].T)


def test_a_checkpoint_without_biases(tmp_path: Path) -> None:
    content = checkpoint()
    del content["encoder.layer.0.output.dense.bias"]
    ((code, message),) = refused(tmp_path, content)
    assert code == "E0410"
    assert "encoder.layer.0.output.dense.bias" in message
    assert "encoder[0]/ffn/outer/bias" in message


def test_the_positions_of_roberta_are_refused(tmp_path: Path) -> None:
    content = checkpoint()
    name = "embeddings.token_type_embeddings.weight"
    content[name] = content[name][:1]
    ((code, message),) = refused(tmp_path, content)
    assert code == "E0415"
    assert "RoBERTa" in message


@pytest.mark.parametrize("prefix", ["roberta.", "distilbert.", "encoder."])
def test_other_prefixes_are_refused(tmp_path: Path, prefix: str) -> None:
    ((code, message),) = refused(tmp_path, checkpoint(prefix=prefix))
    assert code == "E0414"
    assert "embeddings.word_embeddings.weight" in message
