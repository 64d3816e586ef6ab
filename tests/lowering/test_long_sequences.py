"""Where memory counts, the runtime is not told what would make it keep free buffers."""

from __future__ import annotations

import neuralc
import onnx
import pytest
from onnx import shape_inference

PROGRAM = """
network Decoder {{
  input: ({length}, 16)
  layers:
    TransformerDecoder(num_heads=2, d_model=16, dff=32) * 2
}}
"""


@pytest.mark.parametrize("form", ["blocks4", "gqa", "attention23"])
@pytest.mark.parametrize(("length", "told"), [(1023, True), (1024, False)])
def test_long_attention_leaves_open_types_out(length: int, told: bool, form: str) -> None:
    text = PROGRAM.format(length=length)
    compiled = neuralc.compile(text, forms={"attention": form}, lint=False)
    model = onnx.load_from_string(compiled.to_bytes())
    dims = [each.type.tensor_type.shape.dim for each in model.graph.value_info]
    is_open = [any(dim.dim_param for dim in each) for each in dims]
    assert any(is_open) == told
    onnx.checker.check_model(shape_inference.infer_shapes(model, strict_mode=True))


def test_an_open_length_counts_by_its_maximum() -> None:
    text = PROGRAM.format(length=64)
    for most, told in ((1023, True), (1024, False)):
        options = {"dynamic": ("seq",), "max_sizes": {"seq": most}, "lint": False}
        compiled = neuralc.compile(text, positions="none", **options)
        model = onnx.load_from_string(compiled.to_bytes())
        assert bool(model.graph.value_info) == told
