"""Weights from a file by their paths, their table, and weights into a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from neuralc.compiler.weights.binding import bind, describe, is_random, save_weights, weight_table
from neuralc.ir.diagnostic import CompileError, ExitStatus
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.evaluate import evaluate
from neuralc.ir.graph import Graph
from neuralc.ir.parameter import Seeded, Stored
from neuralc.ir.span import Span
from neuralc.ir.type import TensorType
from neuralc.ir.value import Kind
from safetensors.numpy import load_file, save_file

SPAN = Span("model.neural", 4, 5, 4, 13)
Tensors = dict[str, np.ndarray]


def dense_graph(initializer: str = "glorot_uniform") -> Graph:
    """Dense(3) on vectors of 2, and the statistics of a normalization beside it."""
    graph = Graph("Small")
    x = graph.add_input("input", TensorType(DType.F32, (5, 2)))
    emit = Emitter(graph, "dense[0]", (SPAN,))

    def weight(name: str, shape: tuple[int, ...], how: str, kind: Kind = Kind.PARAMETER):  # type: ignore[no-untyped-def]
        source = Seeded(TensorType(DType.F32, shape), how, (), 0, name)
        return emit.parameter(name, source, kind)

    product = emit("matmul", x, weight("dense[0]/kernel", (2, 3), initializer))
    total = emit("add", product, weight("dense[0]/bias", (3,), "zeros"))
    mean = weight("norm[0]/mean", (3,), "zeros", Kind.STATE)
    graph.outputs["output"] = emit("sub", total, mean)
    return graph


def tensors() -> Tensors:
    random = np.random.default_rng(3)
    return {
        "dense[0]/kernel": random.standard_normal((2, 3)).astype(np.float32),
        "dense[0]/bias": random.standard_normal(3).astype(np.float32),
        "norm[0]/mean": random.standard_normal(3).astype(np.float32),
    }


def refused(graph: Graph, file: Path, adapter: str | None = None) -> CompileError:
    with pytest.raises(CompileError) as caught:
        bind(graph, file, adapter)
    return caught.value


def written(tmp_path: Path, content: Tensors) -> Path:
    path = tmp_path / "weights.safetensors"
    save_file(content, path)
    return path


def test_every_weight_comes_from_the_file(tmp_path: Path) -> None:
    graph, content = dense_graph(), tensors()
    binding = bind(graph, written(tmp_path, content))
    loaded = {value.name: evaluate(source) for value, source in binding.graph.sources()}
    assert loaded.keys() == content.keys()
    for name, array in content.items():
        assert loaded[name].dtype == np.float32
        assert np.array_equal(loaded[name], array)
    assert binding.notes == ()


def test_the_given_graph_stays_as_it_is(tmp_path: Path) -> None:
    graph = dense_graph()
    bind(graph, written(tmp_path, tensors()))
    assert all(isinstance(source, Seeded) for _, source in graph.sources())


def test_nothing_but_the_header_is_read(tmp_path: Path) -> None:
    binding = bind(dense_graph(), written(tmp_path, tensors()))
    assert all(isinstance(source, Stored) for _, source in binding.graph.sources())


def test_other_widths_of_floats_are_converted(tmp_path: Path) -> None:
    content = tensors()
    content["dense[0]/bias"] = np.array([0.5, -2, 1e-3], np.float16)
    content["dense[0]/kernel"] = content["dense[0]/kernel"].astype(np.float64)
    loaded = dict(bind(dense_graph(), written(tmp_path, content)).graph.sources())
    arrays = {value.name: evaluate(source) for value, source in loaded.items()}
    assert arrays["dense[0]/bias"].dtype == np.float32
    assert np.array_equal(arrays["dense[0]/bias"], content["dense[0]/bias"].astype(np.float32))


def test_all_mismatches_are_told_at_once_and_name_both_sides(tmp_path: Path) -> None:
    content = tensors()
    content["dense[0]/kernel"] = content["dense[0]/kernel"].T.copy()
    del content["dense[0]/bias"]
    content["norm[0]/mean"] = np.array([1, 2, 3])
    content["head/kernel"] = np.zeros((3, 7), np.float32)
    file = written(tmp_path, content)
    error = refused(dense_graph(), file)
    assert error.status is ExitStatus.WRONG_PROGRAM
    found = {d.code: d for d in error.diagnostics}
    assert sorted(found) == ["E0410", "E0411", "E0412", "E0413"]
    missing, extra = found["E0410"], found["E0411"]
    assert all(part in missing.message for part in ("dense[0]/bias", "f32[3]", str(file)))
    assert missing.span == SPAN
    assert all(part in extra.message for part in ("'head/kernel'", "f32[3, 7]", str(file)))
    shaped = found["E0412"]
    assert all(part in shaped.message for part in ("f32[2, 3]", "f32[3, 2]", str(file)))
    assert shaped.span == SPAN
    assert "norm[0]/mean" in found["E0413"].message
    assert "i64" in found["E0413"].message


def test_a_misspelled_name_is_recognized_by_shape_and_sound(tmp_path: Path) -> None:
    content = tensors()
    content["dense[0]/biases"] = content.pop("dense[0]/bias")
    help = {d.code: d.help for d in refused(dense_graph(), written(tmp_path, content)).diagnostics}
    assert help["E0410"] is not None
    assert "'dense[0]/biases'" in help["E0410"]


def test_a_like_name_of_another_shape_is_not_suggested(tmp_path: Path) -> None:
    content = tensors()
    del content["dense[0]/bias"]
    content["dense[0]/biases"] = np.zeros(4, np.float32)
    help = {d.code: d.help for d in refused(dense_graph(), written(tmp_path, content)).diagnostics}
    assert help["E0410"] is None


def test_a_hundred_mismatches_are_counted(tmp_path: Path) -> None:
    content = tensors() | {f"extra/{n}": np.zeros(1, np.float32) for n in range(100)}
    error = refused(dense_graph(), written(tmp_path, content))
    assert len(error.diagnostics) == 20
    assert error.diagnostics[-1].notes == ("and 80 more like this",)


def test_names_of_another_library_are_recognized(tmp_path: Path) -> None:
    content = {"bert.embeddings.word_embeddings.weight": np.zeros((4, 2), np.float32)}
    (told,) = refused(dense_graph(), written(tmp_path, content)).diagnostics
    assert told.code == "E0414"
    assert told.help == "add --weights-from bert"


def test_an_unknown_adapter(tmp_path: Path) -> None:
    error = refused(dense_graph(), written(tmp_path, tensors()), "word2vec")
    assert error.status is ExitStatus.USAGE
    assert error.diagnostics[0].code == "E0416"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: b"",
        lambda content: content[:6],
        lambda content: content[:40],
        lambda content: content[:-4],
        lambda content: b"PK\x03\x04" + content,
        lambda content: content[:8] + b"[" + content[9:],
        lambda content: b"\xff" * 8 + content[8:],
    ],
    ids=["empty", "no length", "half a header", "short data", "a zip", "not JSON", "vast header"],
)
def test_a_damaged_file_is_an_error_of_the_surroundings(tmp_path: Path, spoil) -> None:  # type: ignore[no-untyped-def]
    file = written(tmp_path, tensors())
    file.write_bytes(spoil(file.read_bytes()))
    error = refused(dense_graph(), file)
    assert error.status is ExitStatus.SURROUNDINGS
    assert str(file) in error.diagnostics[0].message


@pytest.mark.parametrize("kind", ["missing", "directory"])
def test_a_file_that_is_none(tmp_path: Path, kind: str) -> None:
    file = tmp_path if kind == "directory" else tmp_path / "nowhere.safetensors"
    assert refused(dense_graph(), file).status is ExitStatus.SURROUNDINGS


def test_the_table_lists_weights_in_order_with_their_origin(tmp_path: Path) -> None:
    rows = weight_table(dense_graph())
    assert [(r.path, str(r.type), r.kind, r.source) for r in rows] == [
        ("dense[0]/kernel", "f32[2, 3]", "parameter", "glorot_uniform, seed 0"),
        ("dense[0]/bias", "f32[3]", "parameter", "zeros, seed 0"),
        ("norm[0]/mean", "f32[3]", "state", "zeros, seed 0"),
    ]
    assert rows[0].span == SPAN
    file = written(tmp_path, tensors())
    assert weight_table(bind(dense_graph(), file).graph)[1].source == f"dense[0]/bias in {file}"


def test_an_initializer_s_arguments_are_told() -> None:
    type = TensorType(DType.F32, (2,))
    source = Seeded(type, "random_uniform", (("minval", -0.05), ("maxval", 0.05)), 7, "x")
    assert describe(source) == "random_uniform(minval=-0.05, maxval=0.05), seed 7"


def test_untrained_weights_are_those_drawn_at_random(tmp_path: Path) -> None:
    assert is_random(dense_graph())
    assert not is_random(dense_graph("ones"))
    assert not is_random(bind(dense_graph(), written(tmp_path, tensors())).graph)


def test_saved_weights_are_what_is_used(tmp_path: Path) -> None:
    graph, path = dense_graph(), tmp_path / "out.safetensors"
    save_weights(graph, path)
    loaded = load_file(path)
    assert list(loaded) == ["dense[0]/kernel", "dense[0]/bias", "norm[0]/mean"]
    for value, source in graph.sources():
        assert np.array_equal(loaded[value.name], evaluate(source))


def test_saved_weights_load_again_to_the_same_bytes(tmp_path: Path) -> None:
    graph = dense_graph()
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    save_weights(graph, first)
    save_weights(bind(graph, first).graph, second)
    assert first.read_bytes() == second.read_bytes()


def test_constants_are_no_weights(tmp_path: Path) -> None:
    graph = dense_graph()
    emit = Emitter(graph)
    output = graph.outputs["output"]
    graph.outputs["output"] = emit("mul", output, emit.constant(2.0))
    save_weights(graph, tmp_path / "out.safetensors")
    assert "constant" not in load_file(tmp_path / "out.safetensors")


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    file = written(tmp_path, tensors())
    graph = bind(dense_graph(), file).graph
    target = tmp_path / "out.safetensors"
    target.write_bytes(b"old")
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(CompileError):
        save_weights(graph, target)
    assert target.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == [target.name, file.name]


def test_a_path_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(CompileError) as caught:
        save_weights(dense_graph(), tmp_path / "no" / "such" / "folder.safetensors")
    assert caught.value.status is ExitStatus.SURROUNDINGS


def test_the_file_that_is_read_cannot_be_written_meanwhile(tmp_path: Path) -> None:
    """Saving over the file that the weights come from replaces it whole, after reading."""
    file = written(tmp_path, tensors())
    save_weights(bind(dense_graph(), file).graph, file)
    again = load_file(file)
    assert all(np.array_equal(again[name], array) for name, array in tensors().items())
