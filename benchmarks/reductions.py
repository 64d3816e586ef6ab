"""Compares ONNX Runtime's reductions along the positions with a product that adds rows up.

    python benchmarks/reductions.py

In: nothing. Out: a line of JSON for each size of x [1, positions, width]: microseconds of CPU time
a run, the median over turns, of ReduceMean, of ReduceSum, and of MatMul with a constant row. It is
why the pass `reduce_as_product` exists. One thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnxruntime as ort
from kernels import compare, kernel_session, microseconds, normal
from onnx.helper import make_node

SIZES = ((100, 64), (100, 256), (128, 512), (128, 768), (128, 2048), (128, 3072))
SIZES = (*SIZES, (512, 768), (512, 3072))
KERNELS = ("ReduceMean", "ReduceSum", "MatMul")
RUNS = 5
"""Runs within a turn."""


def session(kernel: str, positions: int, width: int) -> ort.InferenceSession:
    """x [1, positions, width] -> y [1, 1, width], by one node."""
    made = {
        "row": np.full((1, positions), 1 / positions, np.float32),
        "axes": np.array([1], np.int64),
    }
    if kernel == "MatMul":
        node = make_node(kernel, ["row", "x"], ["y"])
    else:
        node = make_node(kernel, ["x", "axes"], ["y"], keepdims=1)
    return kernel_session([node], {"x": [1, positions, width]}, {"y": [1, 1, width]}, made)


def figures(turns: int) -> Iterator[dict[str, Any]]:
    for positions, width in SIZES:
        sessions = {kernel: session(kernel, positions, width) for kernel in KERNELS}
        x = normal((1, positions, width))
        times = microseconds(sessions, {"x": x}, turns, RUNS)
        found = {kernel: round(float(np.median(each)), 1) for kernel, each in times.items()}
        yield {"positions": positions, "width": width, **found}


if __name__ == "__main__":
    compare(__doc__, 40, figures)
