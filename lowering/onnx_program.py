"""A lowered model: ONNX structure, with its weights still to be computed.

In: protobufs and parameter sources. Out: `OnnxProgram`, which `weights.py` turns into files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import onnx
from onnx import TensorProto

from ..ir.dim import evaluate
from ..ir.dtype import DType
from ..ir.parameter import ParameterSource

ONNX_TYPES = {
    DType.BOOL: TensorProto.BOOL,
    DType.I8: TensorProto.INT8,
    DType.U8: TensorProto.UINT8,
    DType.I32: TensorProto.INT32,
    DType.I64: TensorProto.INT64,
    DType.F16: TensorProto.FLOAT16,
    DType.BF16: TensorProto.BFLOAT16,
    DType.F32: TensorProto.FLOAT,
    DType.F64: TensorProto.DOUBLE,
}
"""ONNX's number for each element type."""


@dataclass(frozen=True, slots=True)
class OnnxProgram:
    """A model of which `model` holds everything but the initializers.

    `initializers` are (name, content) in the order of their first use. `value_names` gives, for
    each value of the graph that was lowered, by its name there, the tensor's name in the model.
    """

    model: onnx.ModelProto
    initializers: tuple[tuple[str, ParameterSource], ...]
    value_names: Mapping[str, str]

    @property
    def weight_bytes(self) -> int:
        """Bytes of all initializers together."""
        return sum(nbytes(source) for _, source in self.initializers)


def nbytes(source: ParameterSource) -> int:
    """Bytes of a parameter's content."""
    return evaluate(source.type.nbytes, {})
