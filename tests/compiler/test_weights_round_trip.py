"""Weights saved by one compilation and loaded by another give the same model."""

from __future__ import annotations

from pathlib import Path

import neuralc
import onnx
import pytest
from neuralc.compiler.weights.binding import save_weights

PROGRAM = """network Small {
  input: (6,)
  layers:
    Embedding(input_dim=20, output_dim=8)
    TransformerEncoder(num_heads=2, dff=12, activation="gelu") * 2
    BatchNormalization()
    GlobalAveragePooling1D()
    Output(3, activation="softmax")
}
"""


def without_options(content: bytes) -> bytes:
    """The model apart from the record of the options, which names the weights file."""
    model = onnx.load_from_string(content)
    kept = [entry for entry in model.metadata_props if entry.key != "neuralc.options"]
    assert len(kept) == len(model.metadata_props) - 1
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    return model.SerializeToString(deterministic=True)


@pytest.mark.parametrize("level", [0, 2])
def test_a_saved_and_loaded_model_is_the_same(tmp_path: Path, level: int) -> None:
    drawn = neuralc.compile(PROGRAM, opt_level=level, seed=5)
    other = neuralc.compile(PROGRAM, opt_level=level, seed=6)
    file = tmp_path / "used.safetensors"
    save_weights(drawn.source_graph, file)
    loaded = neuralc.compile(PROGRAM, opt_level=level, weights=file)
    assert without_options(loaded.to_bytes()) == without_options(drawn.to_bytes())
    assert without_options(other.to_bytes()) != without_options(drawn.to_bytes())


@pytest.mark.parametrize("level", [0, 2])
def test_weights_loaded_and_saved_again_give_the_same_bytes(tmp_path: Path, level: int) -> None:
    first, second = tmp_path / "a" / "w.safetensors", tmp_path / "b" / "w.safetensors"
    for file in (first, second):
        file.parent.mkdir()
    save_weights(neuralc.compile(PROGRAM, seed=5).source_graph, first)
    once = neuralc.compile(PROGRAM, opt_level=level, weights=first)
    save_weights(once.source_graph, second)
    again = neuralc.compile(PROGRAM, opt_level=level, weights=second)
    assert second.read_bytes() == first.read_bytes()
    assert again.to_bytes() == once.to_bytes()
