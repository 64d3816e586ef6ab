"""Element types.

In: nothing. Out: `DType`, known by its short name in the text form (`f32`, `i64`, `bool`).
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


class DType(Enum):
    """An element type; the value is its name in the IR's text form."""

    BOOL = "bool"
    I8 = "i8"
    U8 = "u8"
    I32 = "i32"
    I64 = "i64"
    F16 = "f16"
    BF16 = "bf16"
    F32 = "f32"
    F64 = "f64"

    def __str__(self) -> str:
        return self.value

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return _ITEMSIZE[self]

    @property
    def is_float(self) -> bool:
        return self in _FLOATS

    @property
    def numpy(self) -> np.dtype[Any]:
        """The numpy type that holds such elements. bf16 has none and is held as float32."""
        import numpy as np

        return np.dtype(_NUMPY[self])

    @staticmethod
    def of(dtype: Any) -> DType:
        """The element type of a numpy dtype. Raises `KeyError` for one that the IR lacks."""
        import numpy as np

        return _FROM_NUMPY[np.dtype(dtype).name]


_FLOATS = frozenset({DType.F16, DType.BF16, DType.F32, DType.F64})
_ITEMSIZE = {
    DType.BOOL: 1, DType.I8: 1, DType.U8: 1, DType.I32: 4, DType.I64: 8,
    DType.F16: 2, DType.BF16: 2, DType.F32: 4, DType.F64: 8,
}  # fmt: skip
_NUMPY = {
    DType.BOOL: "bool", DType.I8: "int8", DType.U8: "uint8", DType.I32: "int32", DType.I64: "int64",
    DType.F16: "float16", DType.BF16: "float32", DType.F32: "float32", DType.F64: "float64",
}  # fmt: skip
_FROM_NUMPY = {name: dtype for dtype, name in _NUMPY.items() if dtype is not DType.BF16}
