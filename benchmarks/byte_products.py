"""Ways to multiply in bytes with a scale for each row, beside float32: which chain of kernels wins.

    python benchmarks/byte_products.py

In: shapes of dense layers. Out: a line of JSON for each shape and chain: microseconds of CPU time
on one thread, and how many times as fast as Gemm (median over interleaved rounds).
"""

from __future__ import annotations

import json
import time
from functools import partial
from typing import Any

import numpy as np
import onnxruntime as ort
from kernels import CONTRIB, kernel_session, normal
from machine import machine
from onnx import TensorProto
from onnx.helper import make_node as node
from turns import take_turns

SHAPES = ((128, 768, 2304), (128, 768, 3072), (128, 3072, 768), (512, 768, 3072), (1, 768, 3072))
ROUNDS, SECONDS = 15, 0.01


def scales(spread: bool) -> list[Any]:
    """%s, the scale of each row: from its largest and its least number, or from magnitudes."""
    if spread:
        return [
            node("ReduceMax", ["x", "last"], ["high"], keepdims=1),
            node("ReduceMin", ["x", "last"], ["low"], keepdims=1),
            node("Mul", ["high", "up"], ["above"]),
            node("Mul", ["low", "down"], ["below"]),
            node("Max", ["above", "below", "tiny"], ["s"]),
        ]
    return [
        node("Abs", ["x"], ["size"]),
        node("ReduceMax", ["size", "last"], ["most"], keepdims=1),
        node("Mul", ["most", "up"], ["step"]),
        node("Max", ["step", "tiny"], ["s"]),
    ]


def bytes_by_division() -> list[Any]:
    return [
        node("Reciprocal", ["s"], ["inverse"]),
        node("Mul", ["x", "inverse"], ["scaled"]),
        node("QuantizeLinear", ["scaled", "one", "zero"], ["q"]),
    ]


def product(zero: str = "zero") -> list[Any]:
    """%y = %q times the weight, times %s and the columns' scales, plus the bias."""
    operands = ["q", "bytes", "one", "columns", *([zero] if zero else [])]
    return [
        node("MatMulIntegerToFloat", operands, ["p"], domain=CONTRIB),
        node("Mul", ["p", "s"], ["m"]),
        node("Add", ["m", "bias"], ["y"]),
    ]


def signed_by_axis() -> list[Any]:
    """QuantizeLinear's own scale per row, which takes a zero point per row or signed bytes."""
    axis = {"axis": 0, "output_dtype": TensorProto.INT8}
    return [
        node("Squeeze", ["s", "last"], ["v"]),
        node("QuantizeLinear", ["x", "v"], ["q"], **axis),
    ]


def blocks(rows: int, columns: int, bits: int, block: int, level: int) -> list[Any]:
    kernel = {"bits": bits, "block_size": block, "accuracy_level": level, "K": rows, "N": columns}
    operands = ["x", f"blocks{bits}_{block}", f"steps{block}", "", "", "bias"]
    return [node("MatMulNBits", operands, ["y"], domain=CONTRIB, **kernel)]


def constants(rows: int, columns: int) -> dict[str, Any]:
    random = np.random.default_rng(0)
    single = np.float32
    made: dict[str, Any] = {
        "weight": random.standard_normal((rows, columns)).astype(single),
        "bytes": random.integers(-64, 65, (rows, columns)).astype(np.int8),
        "columns": np.full(columns, 0.01, single),
        "bias": np.zeros(columns, single),
        "last": np.array([-1]),
        "up": single(1 / 127),
        "down": single(-1 / 128),
        "tiny": single(1e-30),
        "one": single(1),
        "zero": np.uint8(128),
    }
    for block in (32, 128):
        made[f"steps{block}"] = np.full((columns, rows // block), 0.01, single)
        for bits in (4, 8):
            shape = (columns, rows // block, block * bits // 8)
            made[f"blocks{bits}_{block}"] = random.integers(0, 256, shape).astype(np.uint8)
    return made


def microseconds(running: ort.InferenceSession, x: Any) -> float:
    """The CPU time of one run, from as many as fill `SECONDS`."""
    start, runs = time.process_time(), 0
    while runs == 0 or time.process_time() - start < SECONDS:
        running.run(None, {"x": x})
        runs += 1
    return 1e6 * (time.process_time() - start) / runs


def main() -> None:
    print(json.dumps(machine()), flush=True)
    for count, rows, columns in SHAPES:
        chains = {
            "Gemm, float32": [node("Gemm", ["x", "weight", "bias"], ["y"])],
            "whole tensor": [
                node(
                    "DynamicQuantizeMatMul",
                    ["x", "bytes", "columns", "", "bias"],
                    ["y"],
                    domain=CONTRIB,
                )
            ],
            "rows": scales(True) + bytes_by_division() + product(),
            "rows by magnitude": scales(False) + bytes_by_division() + product(),
            "rows by axis, signed": scales(False) + signed_by_axis() + product(""),
            "blocks of 128, 8 bits": blocks(rows, columns, 8, 128, 4),
            "blocks of 128, 8 bits, exact": blocks(rows, columns, 8, 128, 1),
            "blocks of 128, 4 bits": blocks(rows, columns, 4, 128, 4),
            "blocks of 32, 4 bits": blocks(rows, columns, 4, 32, 4),
        }
        known = constants(rows, columns)
        x = normal((count, rows))
        made = {
            name: kernel_session(nodes, {"x": ["M", rows]}, {"y": None}, known)
            for name, nodes in chains.items()
        }
        for each in made.values():
            each.run(None, {"x": x})
        turns = {name: partial(microseconds, each, x) for name, each in made.items()}
        times = take_turns(turns, ROUNDS)
        exact = times["Gemm, float32"]
        for name, found in times.items():
            line = {
                "shape": [count, rows, columns],
                "chain": name,
                "us": round(float(np.median(found)), 1),
                "ratio": round(float(np.median(exact / found)), 2),
            }
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
