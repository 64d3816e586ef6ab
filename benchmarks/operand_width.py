"""Shows what a copy onto wider rows saves for products that read rows a multiple of 4 KB apart.

    python benchmarks/operand_width.py

In: nothing. Out: a line of JSON for each size of LayerNormalization → Gemm, one or three of them:
milliseconds of CPU time a run, and how many times faster it is with a Pad by 16 columns between the
two, the median over turns. It is why the pass `pad_operands` exists. One thread.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import onnxruntime as ort
from machine import machine
from onnx import TensorProto, helper, numpy_helper

SIZES = ((1024, 256, 1), (1024, 512, 1), (1024, 1024, 1), (1024, 1024, 3), (1024, 4096, 1))
SIZES = (*SIZES, (2048, 2048, 3), (512, 512, 3), (1536, 1536, 3))
"""Columns that go in, columns that come out of each product, products."""
ROWS = (12, 128, 512)


def session(rows: int, width: int, columns: int, products: int, added: int) -> ort.InferenceSession:
    random = np.random.default_rng(0)
    made = {"gain": np.ones(width, np.float32), "pads": np.array([0, 0, 0, added])}
    nodes = [helper.make_node("LayerNormalization", ["x", "gain"], ["norm"])]
    if added:
        nodes.append(helper.make_node("Pad", ["norm", "pads"], ["wide"]))
    for index in range(products):
        weight = (random.standard_normal((width, columns)) / 32).astype(np.float32)
        made |= {f"w{index}": np.pad(weight, ((0, added), (0, 0)))}
        read = "wide" if added else "norm"
        nodes.append(helper.make_node("Gemm", [read, f"w{index}"], [f"y{index}"]))
    graph = helper.make_graph(
        nodes,
        "projections",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, width])],
        [
            helper.make_tensor_value_info(f"y{index}", TensorProto.FLOAT, [rows, columns])
            for index in range(products)
        ],
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


def measure(rows: int, width: int, columns: int, products: int, turns: int) -> dict[str, float]:
    """Milliseconds without the copy and the ratio to it with the copy; the files take turns."""
    x = np.random.default_rng(1).standard_normal((rows, width)).astype(np.float32)
    sessions = {added: session(rows, width, columns, products, added) for added in (0, 16)}
    times: dict[int, list[float]] = {added: [] for added in sessions}
    for turn in range(turns + 1):
        for added, each in sessions.items():
            start = time.process_time_ns()
            each.run(None, {"x": x})
            if turn:
                times[added].append((time.process_time_ns() - start) / 1e6)
    plain = np.asarray(times[0])
    ratio = float(np.median(plain / np.asarray(times[16])))
    return {"milliseconds": round(float(np.median(plain)), 3), "16 added": round(ratio, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--turns", type=int, default=25)
    turns = parser.parse_args().turns
    print(json.dumps(machine()))
    for width, columns, products in SIZES:
        for rows in ROWS:
            figures = measure(rows, width, columns, products, turns)
            sizes = {"rows": rows, "width": width, "columns": columns, "products": products}
            print(json.dumps({**sizes, **figures}), flush=True)


if __name__ == "__main__":
    main()
