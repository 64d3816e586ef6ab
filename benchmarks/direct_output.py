"""Compares ways to write logits of rows into an output with its axes apart.

    python benchmarks/direct_output.py

In: nothing. Out: a line of JSON for each size: milliseconds of CPU time a run of Gemm → Reshape,
and how many times faster are MatMul → Add on the axes, MatMul with the bias as a row of the
weights, and MatMul for a product without a bias; the median over turns. It is why the pass
`direct_output` exists. One thread.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import onnxruntime as ort
from machine import machine
from onnx import NodeProto, TensorProto, helper, numpy_helper

SIZES = ((128, 768, 50257), (128, 768, 30522), (64, 128, 8000), (128, 256, 1000), (128, 768, 768))
"""Positions, columns that go in, columns that come out."""
WAYS = ("Gemm, Reshape", "MatMul, Add", "MatMul with a row of biases", "MatMul without a bias")


def session(way: str, positions: int, width: int, columns: int) -> ort.InferenceSession:
    """x [rows, width] -> y [batch, positions, columns]."""
    random = np.random.default_rng(0)
    weight = (random.standard_normal((width, columns)) / 32).astype(np.float32)
    bias = random.standard_normal(columns).astype(np.float32)
    made = {"w": weight, "b": bias, "shape": np.array([-1, positions, width])}
    nodes: list[NodeProto] = [helper.make_node("Reshape", ["x", "shape"], ["apart"])]
    if way == "Gemm, Reshape":
        made["shape"] = np.array([-1, positions, columns])
        nodes = [
            helper.make_node("Gemm", ["x", "w", "b"], ["rows"]),
            helper.make_node("Reshape", ["rows", "shape"], ["y"]),
        ]
    elif way == "MatMul, Add":
        nodes.append(helper.make_node("MatMul", ["apart", "w"], ["product"]))
        nodes.append(helper.make_node("Add", ["product", "b"], ["y"]))
    elif way == "MatMul with a row of biases":
        made |= {"pads": np.array([0, 0, 0, 1]), "one": np.array(1, np.float32)}
        made |= {"w": np.vstack([weight, bias]), "shape": np.array([-1, positions, width + 1])}
        nodes = [
            helper.make_node("Pad", ["x", "pads", "one"], ["ones"]),
            helper.make_node("Reshape", ["ones", "shape"], ["apart"]),
            helper.make_node("MatMul", ["apart", "w"], ["y"]),
        ]
    else:
        nodes.append(helper.make_node("MatMul", ["apart", "w"], ["y"]))
    graph = helper.make_graph(
        nodes,
        "head",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", width])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", positions, columns])],
        [numpy_helper.from_array(array, name) for name, array in made.items()],
    )
    opsets = [helper.make_opsetid("", 20)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def measure(positions: int, width: int, columns: int, turns: int) -> dict[str, float]:
    """Milliseconds of the first way, and the ratios to it of the others; they take turns."""
    x = np.random.default_rng(1).standard_normal((positions, width)).astype(np.float32)
    sessions = {way: session(way, positions, width, columns) for way in WAYS}
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    for turn in range(turns + 1):
        for way, each in sessions.items():
            start = time.process_time_ns()
            each.run(None, {"x": x})
            if turn:
                times[way].append((time.process_time_ns() - start) / 1e6)
    first = np.asarray(times[WAYS[0]])
    ratios = {way: round(float(np.median(first / np.asarray(times[way]))), 3) for way in WAYS[1:]}
    return {WAYS[0]: round(float(np.median(first)), 3), **ratios}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--turns", type=int, default=25)
    turns = parser.parse_args().turns
    print(json.dumps(machine()))
    for positions, width, columns in SIZES:
        sizes = {"positions": positions, "width": width, "columns": columns}
        print(json.dumps({**sizes, **measure(positions, width, columns, turns)}), flush=True)


if __name__ == "__main__":
    main()
