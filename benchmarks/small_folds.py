"""Measures what could be saved by folding small things into the products beside them.

    python benchmarks/small_folds.py

In: nothing. Out: a line of JSON for each: microseconds of CPU time of a node as it is and as it
would be left, medians over turns, and what of one encoder layer of that size (768 wide, 12 heads,
inner width 3072) the difference is. A scale would go into the weights of the queries, a norm's gain
and bias into the products behind it, positions into nothing, since what they are added to is needed
by the residual sums as well: their whole cost is shown. One thread.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
import onnxruntime as ort
from machine import machine
from onnx import NodeProto, TensorProto, helper, numpy_helper

WIDTH, HEADS, INNER = 768, 12, 3072


def attention(length: int, scale: float) -> NodeProto:
    heads = {"q_num_heads": HEADS, "kv_num_heads": HEADS}
    return helper.make_node("Attention", ["x", "k", "v"], ["y"], scale=scale, **heads)


def norm(*scales: str) -> NodeProto:
    return helper.make_node("LayerNormalization", ["x", *scales], ["y"], epsilon=1e-5)


def forms(length: int) -> dict[str, tuple[list[NodeProto], list[NodeProto]]]:
    """Nodes as they are, and as they would be left."""
    return {
        "scale of attention": ([attention(length, 0.125)], [attention(length, 1.0)]),
        # The runtime's norm must have a gain; one of ones takes as long as any.
        "gain and bias of a norm": ([norm("gain", "bias")], [norm("ones")]),
        "positions": (
            [helper.make_node("Add", ["x", "positions"], ["y"])],
            [helper.make_node("Identity", ["x"], ["y"])],
        ),
    }


def layer(length: int) -> list[NodeProto]:
    """The products of one layer, in the form that is fastest."""
    nodes = [
        helper.make_node("Gemm", ["rows", "square"], [name]) for name in ("q", "k2", "v2", "o")
    ]
    nodes.append(helper.make_node("Gemm", ["rows", "up"], ["h"]))
    nodes.append(helper.make_node("Gemm", ["h", "down"], ["y"]))
    return nodes


def session(nodes: list[NodeProto], length: int, rows: bool = False) -> ort.InferenceSession:
    random = np.random.default_rng(0)
    shapes = {
        "square": (WIDTH, WIDTH),
        "up": (WIDTH, INNER),
        "down": (INNER, WIDTH),
        "gain": (WIDTH,),
        "bias": (WIDTH,),
        "positions": (length, WIDTH),
    }
    held = {name: random.standard_normal(shape) / 32 for name, shape in shapes.items()}
    held["ones"] = np.ones(WIDTH)
    read = {name for node in nodes for name in node.input}
    shape = [length, WIDTH] if rows else [1, length, WIDTH]
    made = {name for node in nodes for name in node.output}
    inputs = sorted(read - set(held) - made)
    outputs = [name for node in nodes for name in node.output if name not in read]
    graph = helper.make_graph(
        nodes,
        "node",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [
            numpy_helper.from_array(array.astype(np.float32), name)
            for name, array in held.items()
            if name in read
        ],
    )
    opsets = [helper.make_opsetid("", 23)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=11)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def arrays(running: ort.InferenceSession) -> dict[str, Any]:
    random = np.random.default_rng(1)
    return {
        each.name: random.standard_normal(each.shape).astype(np.float32)
        for each in running.get_inputs()
    }


def microseconds(sessions: dict[str, ort.InferenceSession], turns: int) -> dict[str, float]:
    """The median of each; they take turns."""
    given = {name: arrays(each) for name, each in sessions.items()}
    times: dict[str, list[float]] = {name: [] for name in sessions}
    for turn in range(turns + 2):
        for name, each in sessions.items():
            start = time.process_time_ns()
            each.run(None, given[name])
            if turn >= 2:
                times[name].append((time.process_time_ns() - start) / 1e3)
    return {name: float(np.median(each)) for name, each in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--turns", type=int, default=200)
    turns = parser.parse_args().turns
    print(json.dumps(machine()))
    for length in (128, 512):
        products = session(layer(length), length, rows=True)
        whole = microseconds({"layer": products}, max(turns // 10, 5))["layer"]
        for what, (before, after) in forms(length).items():
            pair = {"as it is": session(before, length), "left": session(after, length)}
            found = microseconds(pair, turns)
            share = (found["as it is"] - found["left"]) / whole
            told = {name: round(each, 1) for name, each in found.items()}
            print(json.dumps({"what": what, "length": length, **told, "share": round(share, 4)}))


if __name__ == "__main__":
    main()
