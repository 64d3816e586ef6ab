"""Measures what could be saved by folding small things into the products beside them.

    python benchmarks/small_folds.py

In: nothing. Out: a line of JSON for each: microseconds of CPU time of a node as it is and as it
would be left, medians over turns, and what of one encoder layer of that size (768 wide, 12 heads,
inner width 3072) the difference is. A scale would go into the weights of the queries, a norm's gain
and bias into the products behind it, positions into nothing, since what they are added to is needed
by the residual sums as well: their whole cost is shown. One thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnxruntime as ort
from kernels import compare, kernel_session, microseconds, normal
from onnx import NodeProto
from onnx.helper import make_node

WIDTH, HEADS, INNER = 768, 12, 3072


def attention(length: int, scale: float) -> NodeProto:
    heads = {"q_num_heads": HEADS, "kv_num_heads": HEADS}
    return make_node("Attention", ["x", "k", "v"], ["y"], scale=scale, **heads)


def norm(*scales: str) -> NodeProto:
    return make_node("LayerNormalization", ["x", *scales], ["y"], epsilon=1e-5)


def forms(length: int) -> dict[str, tuple[list[NodeProto], list[NodeProto]]]:
    """Nodes as they are, and as they would be left."""
    return {
        "scale of attention": ([attention(length, 0.125)], [attention(length, 1.0)]),
        # The runtime's norm must have a gain; one of ones takes as long as any.
        "gain and bias of a norm": ([norm("gain", "bias")], [norm("ones")]),
        "positions": (
            [make_node("Add", ["x", "positions"], ["y"])],
            [make_node("Identity", ["x"], ["y"])],
        ),
    }


def layer(length: int) -> list[NodeProto]:
    """The products of one layer, in the form that is fastest."""
    nodes = [make_node("Gemm", ["rows", "square"], [name]) for name in ("q", "k2", "v2", "o")]
    nodes.append(make_node("Gemm", ["rows", "up"], ["h"]))
    nodes.append(make_node("Gemm", ["h", "down"], ["y"]))
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
    inputs = dict.fromkeys(sorted(read - set(held) - made), shape)
    outputs = {name: None for node in nodes for name in node.output if name not in read}
    constants = {name: array.astype(np.float32) for name, array in held.items()}
    return kernel_session(nodes, inputs, outputs, constants)


def medians(sessions: dict[str, ort.InferenceSession], turns: int) -> dict[str, float]:
    """Microseconds of each."""
    inputs = {
        given.name: normal(given.shape) for each in sessions.values() for given in each.get_inputs()
    }
    times = microseconds(sessions, inputs, turns)
    return {name: float(np.median(each)) for name, each in times.items()}


def figures(turns: int) -> Iterator[dict[str, Any]]:
    for length in (128, 512):
        products = session(layer(length), length, rows=True)
        whole = medians({"layer": products}, max(turns // 10, 5))["layer"]
        for what, (before, after) in forms(length).items():
            pair = {"as it is": session(before, length), "left": session(after, length)}
            found = medians(pair, turns)
            share = (found["as it is"] - found["left"]) / whole
            told = {name: round(each, 1) for name, each in found.items()}
            yield {"what": what, "length": length, **told, "share": round(share, 4)}


if __name__ == "__main__":
    compare(__doc__, 200, figures)
