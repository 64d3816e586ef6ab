"""Positions and their sinusoids in ONNX.

In: IR nodes of `ir/ops/position.py`. Out: constants where the length is known, a part of one where
it has a maximum, a computation otherwise.
"""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
from onnx import TensorProto

from ..ir.dim import Dim, largest
from ..ir.dtype import DType
from ..ir.node import Attribute, Node
from ..ir.ops.position import sinusoid_frequencies
from ..ir.parameter import Computed, Literal
from ..ir.type import TensorType
from .onnx_program import ONNX_TYPES
from .onnx_writer import OnnxWriter, converted
from .runtime_shapes import scalar_size, size
from .table import lowers

LONGEST_TABLE = 1 << 26
"""Elements of the largest table that is stored rather than computed: 256 MB of float32."""


def _counted(offset: int, count: int) -> Literal:
    content = np.arange(offset, offset + count, dtype=np.int64)
    return Literal(TensorType(DType.I64, (count,)), content)


@lowers("positions")
def positions(w: OnnxWriter, node: Node) -> None:
    count, offset = node.result.type.shape[0], cast("int", node.attributes["offset"])
    if isinstance(count, int):
        numbers = w.initializer(f"positions({count})", _counted(offset, count))
        w.result("Identity", numbers)
        return
    first = w.scalar(offset, DType.I64)
    w.result("Range", first, scalar_size(w, count + offset), w.scalar(1, DType.I64))


@lowers("sinusoid")
def sinusoid(w: OnnxWriter, node: Node) -> None:
    width, base = cast("int", node.attributes["width"]), cast("float", node.attributes["base"])
    counter = w.graph.producer(node.operands[0])
    if counter is not None and counter.op == "positions":
        count = node.result.type.shape[0]
        most = largest(count)
        if most is not None and most * width <= LONGEST_TABLE:
            offset = cast("int", counter.attributes["offset"])
            _from_table(w, _table(offset, most, node.attributes, width), count, most)
            return
    # In double precision, as the angles of late positions need it. A cosine is a sine a quarter
    # turn ahead, so that one Sin gives both, interleaved.
    places = w.step("Cast", w.operands[0], to=TensorProto.DOUBLE)
    column = w.step("Unsqueeze", places, w.ints([-1]))
    frequencies = np.repeat(sinusoid_frequencies(width, base), 2)[:width]
    quarter = np.tile([0.0, math.pi / 2], (width + 1) // 2)[:width]
    angles = w.step("Mul", column, _vector(w, "frequencies", frequencies))
    waves = w.step("Sin", w.step("Add", angles, _vector(w, "quarter", quarter)))
    w.result("Cast", waves, to=ONNX_TYPES[w.narrowed(DType.F32)])


def _vector(w: OnnxWriter, name: str, content: np.ndarray[Any, Any]) -> str:
    type = TensorType(DType.F64, (len(content),))
    return w.initializer(f"{name}({len(content)})", Literal(type, content))


def _table(offset: int, count: int, attributes: object, width: int) -> Computed:
    type = TensorType(DType.F32, (count, width))
    given = cast("dict[str, Attribute]", attributes)
    return Computed(type, "sinusoid", dict(given), (_counted(offset, count),))


def _from_table(w: OnnxWriter, table: Computed, count: Dim, most: int) -> None:
    source = converted(table, w.narrowed(DType.F32))
    stored = w.initializer(f"sinusoid({most})", source)
    if isinstance(count, int):
        w.result("Identity", stored)
    else:
        w.result("Slice", stored, w.ints([0]), size(w, count), w.ints([0]))
