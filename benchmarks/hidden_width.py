"""Shows what columns of zeros in a hidden layer save where its rows lie a multiple of 4 KB apart.

    python benchmarks/hidden_width.py

In: nothing. Out: a line of JSON for each size of Gemm → Gelu → Gemm: milliseconds of CPU time a run
without added columns, and how many times faster it is with 4, 16 or 48 of them, the median over
turns. It is why the pass `pad_hidden` exists, and why it leaves other widths and few rows alone.
One thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnxruntime as ort
from kernels import compare, kernel_session, microseconds, milliseconds_and_ratios, normal
from onnx.helper import make_node

WIDTHS = ((768, 1024), (768, 1536), (512, 2048), (768, 2560), (768, 3072), (1024, 4096))
"""Of what goes in and comes out, and of the hidden layer."""
ROWS = (1, 8, 12, 48, 128, 512, 1024)
ADDED = (0, 4, 16, 48)


def session(rows: int, width: int, hidden: int, added: int) -> ort.InferenceSession:
    random = np.random.default_rng(0)
    shapes = {"w1": (width, hidden), "b1": (hidden,), "w2": (hidden, width), "b2": (width,)}
    pads = {"w1": ((0, 0), (0, added)), "b1": ((0, added),), "w2": ((0, added), (0, 0))}
    weights = {
        name: np.pad(random.standard_normal(shape) / 32, pads.get(name, 0)).astype(np.float32)
        for name, shape in shapes.items()
    }
    nodes = [
        make_node("Gemm", ["x", "w1", "b1"], ["h"]),
        make_node("Gelu", ["h"], ["g"]),
        make_node("Gemm", ["g", "w2", "b2"], ["y"]),
    ]
    return kernel_session(nodes, {"x": [rows, width]}, {"y": [rows, width]}, weights)


def figures(turns: int) -> Iterator[dict[str, Any]]:
    for width, hidden in WIDTHS:
        for rows in ROWS:
            sessions = {f"{each} added": session(rows, width, hidden, each) for each in ADDED}
            x = normal((rows, width))
            times = microseconds(sessions, {"x": x}, turns)
            sizes = {"rows": rows, "width": width, "hidden": hidden}
            yield {**sizes, **milliseconds_and_ratios(times, "0 added")}


if __name__ == "__main__":
    compare(__doc__, 25, figures)
