"""Compares ONNX Runtime's reductions along the positions with a product that adds rows up.

    python benchmarks/reductions.py

In: nothing. Out: a line of JSON for each size of x [1, positions, width]: microseconds of CPU time
a run, the median over turns, of ReduceMean, of ReduceSum, and of MatMul with a constant row. It is
why the pass `reduce_as_product` exists. One thread.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import onnxruntime as ort
from machine import machine
from onnx import TensorProto, helper

SIZES = ((100, 64), (100, 256), (128, 512), (128, 768), (128, 2048), (128, 3072))
SIZES = (*SIZES, (512, 768), (512, 3072))
KERNELS = ("ReduceMean", "ReduceSum", "MatMul")
RUNS = 5
"""Runs within a turn."""


def session(kernel: str, positions: int, width: int) -> ort.InferenceSession:
    """x [1, positions, width] -> y [1, 1, width], by one node."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, positions, width])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, width])
    if kernel == "MatMul":
        row = np.full(positions, 1 / positions, np.float32)
        constant = helper.make_tensor("row", TensorProto.FLOAT, [1, positions], row)
        node = helper.make_node(kernel, ["row", "x"], ["y"])
    else:
        constant = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
        node = helper.make_node(kernel, ["x", "axes"], ["y"], keepdims=1)
    graph = helper.make_graph([node], "reduction", [x], [y], [constant])
    opsets = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def measure(positions: int, width: int, turns: int) -> dict[str, float]:
    """Median microseconds a run of each kernel; they take turns."""
    x = np.random.default_rng(0).standard_normal((1, positions, width)).astype(np.float32)
    sessions = {kernel: session(kernel, positions, width) for kernel in KERNELS}
    times: dict[str, list[float]] = {kernel: [] for kernel in KERNELS}
    for _ in range(turns):
        for kernel, each in sessions.items():
            start = time.process_time_ns()
            for _ in range(RUNS):
                each.run(None, {"x": x})
            times[kernel].append((time.process_time_ns() - start) / RUNS / 1e3)
    return {kernel: round(float(np.median(each)), 1) for kernel, each in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--turns", type=int, default=40)
    turns = parser.parse_args().turns
    print(json.dumps(machine()))
    for positions, width in SIZES:
        figures = measure(positions, width, turns)
        print(json.dumps({"positions": positions, "width": width, **figures}), flush=True)


if __name__ == "__main__":
    main()
