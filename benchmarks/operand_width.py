"""Shows what a copy onto wider rows saves for products that read rows a multiple of 4 KB apart.

    python benchmarks/operand_width.py

In: nothing. Out: a line of JSON for each size of LayerNormalization → Gemm, one or three of them:
milliseconds of CPU time a run, and how many times faster it is with a Pad by 16 columns between the
two, the median over turns. It is why the pass `pad_operands` exists. One thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnxruntime as ort
from kernels import compare, kernel_session, microseconds, milliseconds_and_ratios, normal
from onnx.helper import make_node

SIZES = ((1024, 256, 1), (1024, 512, 1), (1024, 1024, 1), (1024, 1024, 3), (1024, 4096, 1))
SIZES = (*SIZES, (2048, 2048, 3), (512, 512, 3), (1536, 1536, 3))
"""Columns that go in, columns that come out of each product, products."""
ROWS = (12, 128, 512)


def session(rows: int, width: int, columns: int, products: int, added: int) -> ort.InferenceSession:
    random = np.random.default_rng(0)
    made = {"gain": np.ones(width, np.float32), "pads": np.array([0, 0, 0, added])}
    nodes = [make_node("LayerNormalization", ["x", "gain"], ["norm"])]
    if added:
        nodes.append(make_node("Pad", ["norm", "pads"], ["wide"]))
    for index in range(products):
        weight = (random.standard_normal((width, columns)) / 32).astype(np.float32)
        made |= {f"w{index}": np.pad(weight, ((0, added), (0, 0)))}
        read = "wide" if added else "norm"
        nodes.append(make_node("Gemm", [read, f"w{index}"], [f"y{index}"]))
    outputs = {f"y{index}": [rows, columns] for index in range(products)}
    return kernel_session(nodes, {"x": [rows, width]}, outputs, made)


def figures(turns: int) -> Iterator[dict[str, Any]]:
    for width, columns, products in SIZES:
        for rows in ROWS:
            sessions = {
                f"{added} added": session(rows, width, columns, products, added)
                for added in (0, 16)
            }
            x = normal((rows, width))
            times = microseconds(sessions, {"x": x}, turns)
            sizes = {"rows": rows, "width": width, "columns": columns, "products": products}
            yield {**sizes, **milliseconds_and_ratios(times, "0 added")}


if __name__ == "__main__":
    compare(__doc__, 25, figures)
