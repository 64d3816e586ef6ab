"""Shows what columns of zeros in a hidden layer save where its rows lie a multiple of 4 KB apart.

    python benchmarks/hidden_width.py

In: nothing. Out: a line of JSON for each size of Gemm → Gelu → Gemm: milliseconds of CPU time a run
without added columns, and how many times faster it is with 4, 16 or 48 of them, the median over
turns. It is why the pass `pad_hidden` exists, and why it leaves other widths and few rows alone.
One thread.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import onnxruntime as ort
from machine import machine
from onnx import TensorProto, helper, numpy_helper

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
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "w1", "b1"], ["h"]),
            helper.make_node("Gelu", ["h"], ["g"]),
            helper.make_node("Gemm", ["g", "w2", "b2"], ["y"]),
        ],
        "ffn",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, width])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [rows, width])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    opsets = [helper.make_opsetid("", 20)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def measure(rows: int, width: int, hidden: int, turns: int) -> dict[str, float]:
    """Milliseconds without added columns, and the ratios to it; the files take turns."""
    x = np.random.default_rng(1).standard_normal((rows, width)).astype(np.float32)
    sessions = {added: session(rows, width, hidden, added) for added in ADDED}
    times: dict[int, list[float]] = {added: [] for added in ADDED}
    for turn in range(turns + 1):
        for added, each in sessions.items():
            start = time.process_time_ns()
            each.run(None, {"x": x})
            if turn:
                times[added].append((time.process_time_ns() - start) / 1e6)
    plain = np.asarray(times[0])
    ratios = {
        f"{added} added": round(float(np.median(plain / np.asarray(times[added]))), 3)
        for added in ADDED
        if added
    }
    return {"milliseconds": round(float(np.median(plain)), 3), **ratios}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--turns", type=int, default=25)
    turns = parser.parse_args().turns
    print(json.dumps(machine()))
    for width, hidden in WIDTHS:
        for rows in ROWS:
            figures = measure(rows, width, hidden, turns)
            sizes = {"rows": rows, "width": width, "hidden": hidden}
            print(json.dumps({**sizes, **figures}), flush=True)


if __name__ == "__main__":
    main()
