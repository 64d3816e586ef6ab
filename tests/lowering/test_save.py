"""Models on disk: where weights go, what survives a failure, what is cleaned up."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from neuralc.ir.diagnostic import CompileError, ExitStatus, failure
from neuralc.ir.dtype import DType
from neuralc.ir.emitter import Emitter
from neuralc.ir.evaluate import evaluate
from neuralc.ir.graph import Graph
from neuralc.ir.parameter import Literal, Seeded
from neuralc.ir.target import target_named
from neuralc.ir.type import TensorType
from neuralc.ir.value import Kind
from neuralc.lowering import pending_files, weights
from neuralc.lowering.onnx_lowering import lower
from neuralc.lowering.onnx_program import OnnxProgram
from neuralc.lowering.tensor_bytes import bfloat16_bits, raw_blocks
from neuralc.lowering.validity import check
from neuralc.lowering.weights import ALIGNMENT, save, to_bytes
from neuralc.lowering.wire import field, varint

INPUT = {"x": np.linspace(-1, 1, 2 * 300, dtype=np.float32).reshape(2, 300)}


def program(seed: int = 0, size: int = 300) -> OnnxProgram:
    graph = Graph("net")
    emit = Emitter(graph)
    x = graph.add_input("x", TensorType(DType.F32, (2, size)))
    for index in range(2):
        path = f"dense[{index}]/kernel"
        type = TensorType(DType.F32, (size, size))
        kernel = emit.parameter(path, Seeded(type, "glorot_uniform", (), seed, path))
        bias = emit.constant(np.arange(size), name=f"dense[{index}]/bias")
        x = emit("add", emit("matmul", x, kernel), emit("mul", bias, emit.constant(0.01)))
    graph.outputs["y"] = emit("reshape", x, shape=(size, 2))
    return lower(graph, target_named("portable"), producer_version="test")


def outputs(model: bytes | Path) -> Any:
    given = str(model) if isinstance(model, Path) else model
    return ort.InferenceSession(given).run(None, INPUT)[0]


def listing(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("external", ["auto", "always", "never"])
def test_every_kind_of_file_loads_and_computes_the_same(tmp_path: Path, external: str) -> None:
    path = tmp_path / "model.onnx"
    files = save(program(), path, external=external)
    assert files[0] == path
    assert set(files) == set(tmp_path.iterdir())
    assert len(files) == (2 if external == "always" else 1)
    check(path)
    np.testing.assert_array_equal(outputs(path), outputs(to_bytes(program())))


def test_auto_puts_large_weights_beside_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = program().weight_bytes
    monkeypatch.setattr(weights, "INLINE_LIMIT", whole)
    assert len(save(program(), tmp_path / "at_the_limit.onnx")) == 1
    monkeypatch.setattr(weights, "INLINE_LIMIT", whole - 1)
    assert len(save(program(), tmp_path / "above.onnx")) == 2


def test_the_weights_file_is_named_by_its_content_and_aligned(tmp_path: Path) -> None:
    import hashlib

    model, data = save(program(), tmp_path / "net.onnx", external="always")
    content = data.read_bytes()
    assert data.name == f"net.{hashlib.sha256(content).hexdigest()[:12]}.weights"
    tensors = {
        tensor.name: {entry.key: entry.value for entry in tensor.external_data}
        for tensor in onnx.load(model, load_external_data=False).graph.initializer
    }
    for index in range(2):
        name = f"dense[{index}]/kernel"
        place = tensors[name]
        assert place["location"] == data.name
        offset, length = int(place["offset"]), int(place["length"])
        assert offset % ALIGNMENT == 0
        expected = evaluate(dict(program().initializers)[name])
        assert content[offset : offset + length] == expected.tobytes()
    # What says a shape is in the graph, where inference can read it.
    assert not tensors["i64[300,2]"]


def test_bytes_are_those_of_the_file_and_the_same_each_time(tmp_path: Path) -> None:
    (path,) = save(program(), tmp_path / "a.onnx")
    assert path.read_bytes() == to_bytes(program())
    model = onnx.load_from_string(to_bytes(program()))
    names = [tensor.name for tensor in model.graph.initializer]
    assert names == [name for name, _ in program().initializers]
    first = listing_of_two(tmp_path / "first")
    assert first == listing_of_two(tmp_path / "second")


def listing_of_two(folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    save(program(), folder / "model.onnx", external="always")
    return listing(folder)


def test_a_new_model_replaces_the_old_and_its_weights(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    _, old = save(program(0), path, external="always")
    _, new = save(program(1), path, external="always")
    assert set(tmp_path.iterdir()) == {path, new}
    assert old != new
    np.testing.assert_array_equal(outputs(path), outputs(to_bytes(program(1))))
    save(program(1), path, external="never")
    assert set(tmp_path.iterdir()) == {path}


def test_saving_the_same_again_keeps_its_weights(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    files = save(program(), path, external="always")
    before = listing(tmp_path)
    assert save(program(), path, external="always") == files
    assert listing(tmp_path) == before


def test_files_that_are_not_the_old_models_stay(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    _, old = save(program(0), path, external="always")
    foreign = tmp_path / "model.0123456789ab.weights"
    named_alike = tmp_path / "model.copy.weights"
    for file in (foreign, named_alike):
        file.write_bytes(b"mine")
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(path.read_bytes())
    save(program(1), path, external="never")
    # The copy still names the old data.
    assert set(tmp_path.iterdir()) == {path, copy, old, foreign, named_alike}
    outputs(copy)


@pytest.mark.parametrize("external", ["always", "never"])
def test_after_a_failure_the_old_model_stands_and_nothing_else(
    tmp_path: Path, external: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.onnx"
    save(program(0), path, external=external)
    before = listing(tmp_path)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for module, name in ((os, "fsync"), (os, "replace"), (pending_files, "_umask")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, full)
            with pytest.raises(CompileError, match=r"E0604.*No space left") as caught:
                save(program(1), path, external=external)
            assert caught.value.status is ExitStatus.SURROUNDINGS
        assert listing(tmp_path) == before


def test_a_failure_between_the_two_renames_leaves_the_old_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.onnx"
    save(program(0), path, external="always")
    before = listing(tmp_path)
    real = os.replace

    def only_data(source: str, target: Path) -> None:
        if target == path:
            raise PermissionError(errno.EACCES, "Permission denied")
        real(source, target)

    monkeypatch.setattr(os, "replace", only_data)
    with pytest.raises(CompileError, match="E0604"):
        save(program(1), path, external="always")
    assert listing(tmp_path) == before


@pytest.mark.parametrize("kind", [KeyboardInterrupt, CompileError])
def test_an_interruption_while_weights_are_computed_leaves_nothing(
    tmp_path: Path, kind: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(source: Any) -> Any:
        yield b""
        raise failure("E0404", "unreadable") if kind is CompileError else kind()

    monkeypatch.setattr(weights, "raw_blocks", interrupted)
    for external in ("always", "never"):
        with pytest.raises(kind):
            save(program(), tmp_path / "model.onnx", external=external)
        assert listing(tmp_path) == {}


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CompileError, match=r"E0604.*nowhere"):
        save(program(), tmp_path / "nowhere" / "model.onnx")


def test_an_unknown_place_for_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="elsewhere"):
        save(program(), tmp_path / "model.onnx", external="elsewhere")


def test_more_than_two_gigabytes_do_not_fit_one_file(tmp_path: Path) -> None:
    huge = TensorType(DType.F32, (1 << 15, 1 << 14))
    sources = tuple((f"w{i}", Seeded(huge, "zeros", (), 0, f"w{i}")) for i in range(2))
    large = OnnxProgram(program().model, sources, {})
    with pytest.raises(CompileError, match=r"E0603.*4\.29 GB"):
        save(large, tmp_path / "model.onnx", external="never")
    with pytest.raises(CompileError, match="E0603"):
        to_bytes(large)
    assert listing(tmp_path) == {}


def test_small_models_have_no_empty_weights_file(tmp_path: Path) -> None:
    graph = Graph("net")
    emit = Emitter(graph)
    x = graph.add_input("x", TensorType(DType.F32, (2,)))
    graph.outputs["y"] = emit("add", x, emit.constant([1.0, 2.0]))
    small = lower(graph, target_named("portable"), producer_version="test")
    path = tmp_path / "model.onnx"
    assert save(small, path, external="always") == [path]


def test_written_files_have_the_permissions_of_new_files(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    usual = (tmp_path / "usual").stat().st_mode
    for file in save(program(), tmp_path / "model.onnx", external="always"):
        assert file.stat().st_mode == usual


# ---- bytes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", list(DType))
def test_content_of_every_element_type_is_what_onnx_reads(dtype: DType) -> None:
    content = np.array([[0, 1, 3], [1, 0, 1]]).astype(dtype.numpy)
    graph = Graph("net")
    value = graph.add_source("weight", Literal(TensorType(dtype, (2, 3)), content), Kind.CONSTANT)
    graph.outputs["y"] = value
    model = onnx.load_from_string(
        to_bytes(lower(graph, target_named("portable"), producer_version="test"))
    )
    found = onnx.numpy_helper.to_array(model.graph.initializer[0])
    np.testing.assert_array_equal(found.astype(np.float64), content.astype(np.float64))


def test_bfloat16_rounds_to_nearest_even() -> None:
    one = 0x3F80
    near = np.array([0x3F808000, 0x3F818000, 0x3F808001, 0x7F800000, 0x7F800001, 0xBF7FFFFF])
    found = bfloat16_bits(near.astype(np.uint32).view(np.float32))
    assert found.tolist() == [one, 0x3F82, one + 1, 0x7F80, 0x7FC0, 0xBF80]


def test_content_of_another_size_than_promised_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from neuralc.lowering import tensor_bytes

    monkeypatch.setattr(tensor_bytes, "evaluate_blocks", lambda source: iter([np.zeros(3, "f")]))
    source = Seeded(TensorType(DType.F32, (4,)), "zeros", (), 0, "w")
    with pytest.raises(ValueError, match="16 bytes"):
        list(raw_blocks(source))


def test_lengths_on_the_wire() -> None:
    # The examples of the description of the encoding, and the borders of one byte.
    assert varint(150) == b"\x96\x01"
    assert varint(0) == b"\x00"
    assert varint(127) == b"\x7f"
    assert varint(128) == b"\x80\x01"
    assert field(2, 7) == b"\x12\x07"
