"""Shows what transposes cost between convolutions, and so what moving them out saves.

    python benchmarks/layout.py

In: nothing. Out: a line of JSON for each network and size: milliseconds of CPU time a run at -O2
without the passes `move_transposes` and `turn_kernels`, and how many times as fast it is with them,
the median over turns with its 95 % interval; once as a session has it by default, and once with the
runtime's own optimizer off, as runtimes without such rules compute it. One thread.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import neuralc
import numpy as np
import onnxruntime as ort
from kernels import compare
from neuralc.compiler.driver import Compilation
from neuralc.lowering.weights import to_bytes
from neuralc.passes.forms_pipeline import forms_passes
from neuralc.passes.manager import run_pipeline
from neuralc.passes.pipelines import passes_of
from turns import ratio_with_bounds, take_turns

MOVED = ("move_transposes", "turn_kernels")
BLOCK = 'Conv2D({n}, 3, padding="same") BatchNormalization() ReLU() Conv2D({n}, 3, padding="same")'
RESIDUAL = f"ResidualConnection {{{{ {BLOCK} BatchNormalization() }}}} ReLU()\n"
INVERTED = (
    "ResidualConnection {{ Conv2D({w}, 1) BatchNormalization() ReLU(6) "
    'DepthwiseConv2D(3, padding="same") BatchNormalization() ReLU(6) '
    "Conv2D({n}, 1) BatchNormalization() }}\n"
)
DOWN = 'Conv2D({n}, 3, strides=2, padding="same") BatchNormalization() ReLU()\n'
CONV = 'Conv2D({n}, 3, padding="same", activation="relu")'
NETWORKS: dict[str, tuple[tuple[int, ...], str]] = {
    "plain, 32x32": (
        (32, 32, 3),
        "".join(f"{CONV.format(n=n)} MaxPooling2D()\n" for n in (32, 64, 128))
        + 'Flatten() Dense(128, "relu") Dense(10)',
    ),
    "residual, 64x64": (
        (64, 64, 3),
        DOWN.format(n=32)
        + RESIDUAL.format(n=32) * 2
        + DOWN.format(n=64)
        + RESIDUAL.format(n=64) * 2
        + "GlobalAveragePooling2D() Dense(100)",
    ),
    "inverted bottlenecks, 96x96": (
        (96, 96, 3),
        DOWN.format(n=16)
        + INVERTED.format(n=16, w=64) * 2
        + DOWN.format(n=24)
        + INVERTED.format(n=24, w=96) * 3
        + "GlobalAveragePooling2D() Dense(100)",
    ),
    "U, 64x64": (
        (64, 64, 3),
        f"{CONV.format(n=16)} a: {{}} b: {{ MaxPooling2D() {CONV.format(n=32)} c: {{}} "
        f"d: {{ MaxPooling2D() {CONV.format(n=64)} UpSampling2D() }} Concatenate() "
        f"{CONV.format(n=32)} UpSampling2D() }} Concatenate() {CONV.format(n=16)} Conv2D(2, 1)",
    ),
}


def figures(turns: int) -> Iterator[dict[str, Any]]:
    for name, (shape, layers) in NETWORKS.items():
        source = f"network N {{ input: {shape} layers: {layers} }}"
        compilation = neuralc.compile(source, lint=False)._compilation
        for optimized in (True, False):
            found = _measure(compilation, shape, optimized, turns)
            yield {"network": name, "runtime's optimizer": optimized, **found}


def _measure(
    compilation: Compilation, shape: tuple[int, ...], optimized: bool, turns: int
) -> dict[str, Any]:
    ways = {
        "without": [each for each in passes_of(2) if each.name not in MOVED],
        "with": list(passes_of(2)),
    }
    x = np.random.default_rng(1).standard_normal((1, *shape)).astype(np.float32)
    sessions: dict[str, ort.InferenceSession] = {}
    transposes = {}
    for way, passes in ways.items():
        raised = run_pipeline(compilation.source_graph, passes).graph
        target = run_pipeline(raised, forms_passes(compilation.target, {}, 2)).graph
        transposes[way] = sum(node.op == "transpose" for node in target.nodes())
        sessions[way] = _session(to_bytes(compilation.lower(target, {})), optimized)
    answers = [each.run(None, {"input": x})[0] for each in sessions.values()]
    assert np.allclose(*answers, rtol=1e-3, atol=1e-4)

    def turn(way: str) -> float:
        start = time.process_time_ns()
        sessions[way].run(None, {"input": x})
        return (time.process_time_ns() - start) / 1e6

    times = take_turns({way: lambda way=way: turn(way) for way in ways}, turns)
    bounds = ratio_with_bounds(times["without"], times["with"])
    return {
        "transposes": list(transposes.values()),
        "milliseconds": round(float(np.median(times["without"])), 2),
        "times as fast": [round(each, 3) for each in bounds],
    }


def _session(model: bytes, optimized: bool) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    if not optimized:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(model, options, ["CPUExecutionProvider"])


if __name__ == "__main__":
    compare(__doc__, 41, figures)
