"""Peers in bytes: what a user gets from each at int8, from the same weights and without data.

`ort-int8`       onnxruntime.quantization.quantize_dynamic on the exported file, a scale per column
`torch-int8`     torch.ao.quantization.quantize_dynamic on all Linear modules
`openvino-int8`  weights in bytes with a scale per column; activations are made bytes by the plugin

nncf, which commonly compresses weights for OpenVINO, is not needed: what it writes for symmetric
int8 weights is written here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from models import Network

from . import Array, Run, first_output, onnx_session, openvino_native


def prepare(name: str, model: Network, folder: Path) -> str:
    if name == "ort-int8":
        from onnxruntime.quantization import QuantType, quantize_dynamic

        quantize_dynamic(
            folder / "ort.onnx",
            folder / f"{name}.onnx",
            per_channel=True,
            weight_type=QuantType.QInt8,
            use_external_data_format=True,
        )
    elif name == "openvino-int8":
        import openvino

        converted = openvino.Core().read_model(folder / "openvino.xml")
        count = compress(converted)
        openvino.save_model(converted, folder / f"{name}.xml", compress_to_fp16=False)
        return f"weights in bytes ×{count}"
    return ""


def open(name: str, model: Network, folder: Path, threads: int) -> Run:
    if name == "ort-int8":
        return first_output(onnx_session(folder / f"{name}.onnx", threads))
    if name == "openvino-int8":
        return openvino_native.open(name, model, folder, threads)
    import torch
    from torch_models import module_of

    torch.set_num_threads(threads)
    module = torch.ao.quantization.quantize_dynamic(
        module_of(model, folder), {torch.nn.Linear}, torch.qint8
    )

    def run(inputs: dict[str, Array]) -> Array:
        with torch.no_grad():
            return module(*map(torch.from_numpy, inputs.values())).numpy()

    return run


def compress(model: Any) -> int:
    """Puts bytes and a scale per column in the place of all constant weights of products; how
    many there were."""
    from openvino import Type, opset13

    count = 0
    for node in model.get_ordered_ops():
        if node.get_type_name() != "MatMul":
            continue
        source = node.input_value(1)
        constant = source.get_node()
        if constant.get_type_name() != "Constant" or len(source.get_shape()) != 2:
            continue
        values = np.asarray(constant.data, np.float32)
        # The inner axis: what shares a column's scale.
        inner = 1 if node.get_attributes()["transpose_b"] else 0
        scale = np.maximum(np.abs(values).max(inner, keepdims=True), 1e-30) / 127
        rounded = opset13.constant(np.rint(values / scale).astype(np.int8))
        wide = opset13.multiply(opset13.convert(rounded, Type.f32), scale.astype(np.float32))
        node.input(1).replace_source_output(wide.output(0))
        count += 1
    return count
