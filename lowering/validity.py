"""Whether a written model is valid ONNX.

In: a model, in memory or as a file. Out: nothing, or an error that holds what ONNX's checker says.
"""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import checker, shape_inference

from ..ir.diagnostic import CompileError
from .onnx_writer import CONTRIB, fault

INFERENCE_LIMIT = 1 << 30
"""Bytes of a model up to which strict inference is tried: it copies the model several times."""


def check(model: onnx.ModelProto | bytes | Path) -> None:
    """Runs ONNX's full checker and, where all operators are standard, strict shape inference.

    A `Path` is checked with its data file. Raises `CompileError` E0605, a fault of the compiler.
    """
    try:
        if isinstance(model, Path):
            checker.check_model(str(model), full_check=True)
            structure = onnx.load(str(model), load_external_data=False)
            small = model.stat().st_size < INFERENCE_LIMIT
        else:
            structure = onnx.load_from_string(model) if isinstance(model, bytes) else model
            checker.check_model(structure, full_check=True)
            small = structure.ByteSize() < INFERENCE_LIMIT
        standard = all(each.domain != CONTRIB for each in structure.opset_import)
        if standard and small:
            shape_inference.infer_shapes(
                structure, check_type=True, strict_mode=True, data_prop=True
            )
    except (checker.ValidationError, shape_inference.InferenceError) as error:
        raise _invalid(error) from error


def _invalid(error: Exception) -> CompileError:
    return fault("E0605", f"ONNX's checker refuses the model: {error}")
