"""Which function writes which op: the table that the families fill.

In: functions marked with `lowers`. Out: `lowering_of(op, form)`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..ir.node import Node
from .onnx_writer import OnnxWriter

Write = Callable[[OnnxWriter, Node], None]

FAMILIES = (
    "elementwise",
    "activation",
    "shaping",
    "linear",
    "reduction",
    "normalization",
    "attention",
    "convolution",
    "position",
    "regularization",
    "quantization",
    "quantized_linear",
    "recurrent",
    "resizing",
)
"""The modules that fill the table, loaded when it is first asked."""


@dataclass(frozen=True, slots=True)
class Lowering:
    """How one op, in one form, is written, and what the target must have for it."""

    write: Write
    contrib: bool = False
    opset: int = 1


_TABLE: dict[tuple[str, str], Lowering] = {}


def lowers(
    op: str, form: str = "", *, contrib: bool = False, opset: int = 1
) -> Callable[[Write], Write]:
    """Marks the function that writes `op` in `form`; primitive ops have the form "".

    `contrib` says that it needs the operator domain com.microsoft, `opset` the first version of
    the standard operators that has what it writes.
    """

    def enter(write: Write) -> Write:
        if (op, form) in _TABLE:
            raise ValueError(f"{op!r} in form {form!r} is lowered twice")
        _TABLE[op, form] = Lowering(write, contrib, opset)
        return write

    return enter


def table() -> Mapping[tuple[str, str], Lowering]:
    """Every (op, form) that can be written."""
    for family in FAMILIES:
        importlib.import_module(f".{family}", __package__)
    return MappingProxyType(_TABLE)


def lowering_of(op: str, form: str) -> Lowering | None:
    """The row of an op in a form, or None."""
    return table().get((op, form))
