"""Lowered models with noise for weights, so that measuring draws and writes none of the real ones.

In: an `OnnxProgram`. Out: an .onnx file that takes as long. What a product costs does not depend on
its numbers, so that all large weights of an element type share one file of noise, from its start.
Literals (masks, positions) and small tensors keep their content.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...ir.dtype import DType
from ...ir.parameter import Literal, ParameterSource

if TYPE_CHECKING:
    from ...lowering.onnx_program import OnnxProgram

SMALL = 1024
"""Bytes from which a weight becomes noise."""
SPREAD = 0.03
"""Standard deviation of the noise: about that of 768 wide weights, so that activations neither grow
without bound nor fade into subnormals, which would cost time of their own."""
PERIOD = 262_139
"""Elements after which the noise repeats; a prime, so that no two rows are alike."""
NOISY = (DType.F32, DType.F16, DType.I8, DType.U8)


class StandIns:
    """Writes models into a folder that they share with their noise."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lengths: dict[DType, int] = {}
        self._written = 0

    def write(self, program: OnnxProgram) -> Path:
        """The model as a file. Raises `OSError` where it cannot be written."""
        import onnx

        from ...lowering.onnx_program import nbytes
        from ...lowering.tensor_bytes import raw_blocks
        from ...lowering.weights import tensor_header

        model = onnx.ModelProto()
        model.CopyFrom(program.model)
        for name, source in program.initializers:
            tensor = tensor_header(name, source)
            if _is_noise(source, nbytes(source)):
                tensor.data_location = onnx.TensorProto.EXTERNAL
                location = self._noise(source.type.dtype, nbytes(source))
                entries = {"location": location, "offset": 0, "length": nbytes(source)}
                for key, value in entries.items():
                    entry = tensor.external_data.add()
                    entry.key, entry.value = key, str(value)
            else:
                tensor.raw_data = b"".join(bytes(block) for block in raw_blocks(source))
            model.graph.initializer.append(tensor)
        self._written += 1
        path = self._folder / f"model{self._written}.onnx"
        path.write_bytes(model.SerializeToString(deterministic=True))
        return path

    def _noise(self, dtype: DType, length: int) -> str:
        """The name of a file with at least so many bytes of noise."""
        path = self._folder / f"noise.{dtype}"
        before = self._lengths.get(dtype, 0)
        if before < length:
            random = np.random.default_rng(0)
            noise = random.standard_normal(PERIOD)
            noise = noise * SPREAD if dtype.is_float else 1.0 + np.abs(noise) * 20.0 % 126.0
            block = noise.astype(dtype.numpy).tobytes()
            with path.open("ab") as file:
                while before < length:
                    before += file.write(block)
            self._lengths[dtype] = before
        return path.name


def _is_noise(source: ParameterSource, size: int) -> bool:
    return size >= SMALL and source.type.dtype in NOISY and not isinstance(source, Literal)
