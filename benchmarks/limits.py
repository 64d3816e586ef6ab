"""What the machine can do at most, measured: products at full precision and in bytes, and memory.

    python benchmarks/limits.py --threads 1 --clock cpu

In: threads and a clock. Out: a line of JSON for each limit: the best of all libraries at hand, and
what each reached. Sgemm is the product of matrices of `SHAPES`, large enough that nothing but
multiplying counts, in MLAS (ONNX Runtime), MKL or oneDNN (torch) and OpenBLAS (numpy); of each
library the best turn counts, because other work on the machine can only slow it.

A network's share of the limit is the time that the products which its answer needs would take at
this speed, over the time that it takes. It is less than 1 by what is not a product, by products
that run slower than the best (small ones, weights from memory) and by those that nobody needs.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine
from turns import Worker, serve, take_turns

SHAPES = ((2048, 2048, 2048), (512, 768, 3072))
"""Rows, inner size and columns of the products that are tried: the best of them counts."""
COPIED = 256 * 2**20
"""Bytes that are copied: more than any cache holds."""
PRODUCT, BYTES, MEMORY = "sgemm", "int8 product", "memory copy"
UNITS = {PRODUCT: "GFLOP/s", BYTES: "GOP/s", MEMORY: "GB/s"}


@dataclass(frozen=True)
class Limit:
    """What the best library reached; a copy counts what is read and what is written."""

    limit: str
    unit: str
    threads: int
    clock: str
    best: float
    libraries: dict[str, float] = field(default_factory=dict)


def onnx_product(shape: tuple[int, int, int], in_bytes: bool, threads: int) -> Callable[[], Any]:
    """One product in ONNX Runtime, the right side a weight."""
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    rows, inner, columns = shape
    random = np.random.default_rng(0)
    if in_bytes:
        left = random.integers(0, 128, (rows, inner), np.uint8)
        right = random.integers(-64, 64, (inner, columns), np.int8)
        op, kind, result = "MatMulInteger", TensorProto.UINT8, TensorProto.INT32
    else:
        left, right = (random.standard_normal(s, np.float32) for s in (shape[:2], shape[1:]))
        op, kind, result = "MatMul", TensorProto.FLOAT, TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node(op, ["x", "w"], ["y"])],
        "product",
        [helper.make_tensor_value_info("x", kind, (rows, inner))],
        [helper.make_tensor_value_info("y", result, (rows, columns))],
        [numpy_helper.from_array(right, "w")],
    )
    opsets = [helper.make_opsetid("", 20)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, ["CPUExecutionProvider"]
    )
    return partial(session.run, None, {"x": left})


def torch_product(shape: tuple[int, int, int], threads: int) -> Callable[[], Any]:
    import torch

    torch.set_num_threads(threads)
    left, right = torch.randn(shape[:2]), torch.randn(shape[1:])
    out = torch.empty(shape[0], shape[2])
    return partial(torch.mm, left, right, out=out)


def numpy_product(shape: tuple[int, int, int]) -> Callable[[], Any]:
    random = np.random.default_rng(0)
    left, right = (random.standard_normal(s, np.float32) for s in (shape[:2], shape[1:]))
    return partial(np.matmul, left, right, out=np.empty((shape[0], shape[2]), np.float32))


def torch_copy(threads: int) -> Callable[[], Any]:
    import torch

    torch.set_num_threads(threads)
    source = torch.ones(COPIED // 4)
    return partial(torch.empty_like(source).copy_, source)


def numpy_copy() -> Callable[[], Any]:
    source = np.ones(COPIED // 4, np.float32)
    return partial(np.copyto, np.empty_like(source), source)


def jobs(library: str, threads: int) -> dict[str, list[tuple[float, Callable[[], Any]]]]:
    """For each limit what to run, with the billions of operations or bytes of a run."""
    work = [2e-9 * rows * inner * columns for rows, inner, columns in SHAPES]
    moved = 2e-9 * COPIED
    if library == "onnxruntime":
        full, small = (
            [onnx_product(shape, in_bytes, threads) for shape in SHAPES]
            for in_bytes in (False, True)
        )
        return {
            PRODUCT: list(zip(work, full, strict=True)),
            BYTES: list(zip(work, small, strict=True)),
        }
    if library == "torch":
        products = [torch_product(shape, threads) for shape in SHAPES]
        return {
            PRODUCT: list(zip(work, products, strict=True)),
            MEMORY: [(moved, torch_copy(threads))],
        }
    products = [numpy_product(shape) for shape in SHAPES]
    return {
        PRODUCT: list(zip(work, products, strict=True)),
        MEMORY: [(moved, numpy_copy())],
    }


def work(library: str, threads: int, clock: str) -> None:
    """A worker: for each request how fast one run of each job was, the best shape's."""
    ready = jobs(library, threads)
    now = time.process_time if clock == "cpu" else time.perf_counter

    def measure(request: dict[str, Any]) -> dict[str, float]:
        best = {}
        for name, each in ready.items():
            speeds = []
            for amount, run in each:
                start = now()
                run()
                speeds.append(amount / (now() - start))
            best[name] = max(speeds)
        return best

    serve(measure)


def measure_limits(threads: int, clock: str, rounds: int = 12) -> list[Limit]:
    """Takes some seconds. Libraries that are not installed are left out."""
    libraries = [each for each in ("onnxruntime", "torch", "numpy") if find_spec(each)]
    asked = ("--threads", str(threads), "--clock", clock)
    best: dict[str, dict[str, float]] = {name: {} for name in UNITS}
    # numpy's products take their threads from the environment, before it is loaded.
    environment = {name: str(threads) for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")}
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        with ExitStack() as stack:
            workers = {
                each: stack.enter_context(Worker(Path(__file__), "--work", each, *asked))
                for each in libraries
            }

            def turn(library: str) -> float:
                for name, speed in workers[library].ask().items():
                    best[name][library] = max(speed, best[name].get(library, 0.0))
                return 0.0

            take_turns({each: partial(turn, each) for each in libraries}, rounds)
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
    return [
        Limit(name, UNITS[name], threads, clock, max(found.values()), found)
        for name, found in best.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work, options.threads, options.clock)
        return
    for line in (
        machine("torch"),
        *map(asdict, measure_limits(options.threads, options.clock, options.rounds)),
    ):
        sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
