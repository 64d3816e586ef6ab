"""Compares ways to write logits of rows into an output with its axes apart.

    python benchmarks/direct_output.py

In: nothing. Out: a line of JSON for each size: milliseconds of CPU time a run of Gemm → Reshape,
and how many times faster are MatMul → Add on the axes, MatMul with the bias as a row of the
weights, and MatMul for a product without a bias; the median over turns. It is why the pass
`direct_output` exists. One thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnxruntime as ort
from kernels import compare, kernel_session, microseconds, milliseconds_and_ratios, normal
from onnx import NodeProto
from onnx.helper import make_node

SIZES = ((128, 768, 50257), (128, 768, 30522), (64, 128, 8000), (128, 256, 1000), (128, 768, 768))
"""Positions, columns that go in, columns that come out."""
WAYS = ("Gemm, Reshape", "MatMul, Add", "MatMul with a row of biases", "MatMul without a bias")


def session(way: str, positions: int, width: int, columns: int) -> ort.InferenceSession:
    """x [rows, width] -> y [batch, positions, columns]."""
    random = np.random.default_rng(0)
    weight = (random.standard_normal((width, columns)) / 32).astype(np.float32)
    bias = random.standard_normal(columns).astype(np.float32)
    made = {"w": weight, "b": bias, "shape": np.array([-1, positions, width])}
    nodes: list[NodeProto] = [make_node("Reshape", ["x", "shape"], ["apart"])]
    if way == "Gemm, Reshape":
        made["shape"] = np.array([-1, positions, columns])
        nodes = [
            make_node("Gemm", ["x", "w", "b"], ["rows"]),
            make_node("Reshape", ["rows", "shape"], ["y"]),
        ]
    elif way == "MatMul, Add":
        nodes.append(make_node("MatMul", ["apart", "w"], ["product"]))
        nodes.append(make_node("Add", ["product", "b"], ["y"]))
    elif way == "MatMul with a row of biases":
        made |= {"pads": np.array([0, 0, 0, 1]), "one": np.array(1, np.float32)}
        made |= {"w": np.vstack([weight, bias]), "shape": np.array([-1, positions, width + 1])}
        nodes = [
            make_node("Pad", ["x", "pads", "one"], ["ones"]),
            make_node("Reshape", ["ones", "shape"], ["apart"]),
            make_node("MatMul", ["apart", "w"], ["y"]),
        ]
    else:
        nodes.append(make_node("MatMul", ["apart", "w"], ["y"]))
    outputs = {"y": ["batch", positions, columns]}
    return kernel_session(nodes, {"x": ["rows", width]}, outputs, made)


def figures(turns: int) -> Iterator[dict[str, Any]]:
    for positions, width, columns in SIZES:
        sessions = {way: session(way, positions, width, columns) for way in WAYS}
        x = normal((positions, width))
        times = microseconds(sessions, {"x": x}, turns)
        sizes = {"positions": positions, "width": width, "columns": columns}
        yield {**sizes, **milliseconds_and_ratios(times, WAYS[0])}


if __name__ == "__main__":
    compare(__doc__, 25, figures)
