"""The MLIR text compiled and run by IREE, against ONNX Runtime on the same model (`make mlir`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import neuralc
import numpy as np
import onnxruntime as ort
import pytest
from neuralc.lowering.mlir import to_mlir

pytestmark = pytest.mark.mlir

NETWORKS = Path(__file__).parent.parent / "equality" / "networks"
MASKED = """
network Masked {
  input: (9,)
  layers:
    Embedding(input_dim=50, output_dim=16, mask_zero=true)
    TransformerEncoder(num_heads=2, d_model=16, dff=32, activation="gelu")
    GlobalAveragePooling1D()
    Dense(3, activation="softmax")
}
"""


def compiled(text: str) -> Any:
    """The function `main` of the text, compiled for this machine."""
    from iree import compiler, runtime

    binary = compiler.compile_str(
        text,
        target_backends=["llvm-cpu"],
        extra_args=["--iree-llvmcpu-target-cpu=host"],
    )
    context = runtime.SystemContext(config=runtime.Config("local-task"))
    context.add_vm_module(runtime.VmModule.copy_buffer(context.instance, binary))
    return context.modules.module["main"]


def agree(model: Any, function: Any, inputs: dict[str, np.ndarray]) -> None:
    session = ort.InferenceSession(model.to_bytes(), providers=["CPUExecutionProvider"])
    expected = session.run(None, inputs)
    found = function(*(inputs[info.name] for info in session.get_inputs()))
    found = found if isinstance(found, (tuple, list)) else [found]
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.to_host(), theirs, rtol=1e-4, atol=1e-5)


def inputs_of(model: Any, seed: int, batch: int, length: int | None = None) -> dict[str, Any]:
    """Random inputs; a symbolic axis that is not the batch gets the length."""
    random = np.random.default_rng(seed)
    made: dict[str, np.ndarray] = {}
    for value in model.target_graph.inputs:
        sizes = [batch if i == 0 else d if isinstance(d, int) else length
                 for i, d in enumerate(value.type.shape)]  # fmt: skip
        if value.name.endswith("attention_mask"):
            made[value.name] = random.integers(0, 2, sizes)
        elif value.type.dtype.is_float:
            made[value.name] = random.standard_normal(sizes).astype(np.float32)
        else:
            made[value.name] = random.integers(0, 40, sizes)
    return made


@pytest.mark.parametrize("network", sorted(path.stem for path in NETWORKS.glob("*.neural")))
def test_the_networks_of_the_guide(network: str) -> None:
    model = neuralc.compile(NETWORKS / f"{network}.neural", opt_level=2)
    function = compiled(to_mlir(model.target_graph))
    for batch in (1, 3):
        agree(model, function, inputs_of(model, batch, batch))


@pytest.mark.parametrize("opt_level", [0, 2])
def test_masks_and_any_length(opt_level: int) -> None:
    model = neuralc.compile(MASKED, opt_level=opt_level, dynamic=("seq",), padding_mask=True)
    function = compiled(to_mlir(model.target_graph))
    for batch, length in ((1, 9), (3, 5), (2, 1)):
        agree(model, function, inputs_of(model, length, batch, length))
