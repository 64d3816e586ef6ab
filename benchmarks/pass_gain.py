"""Times of -O2 with and without one of its passes, in one process, in turns.

In: a compilation, the graph to compile (as built), the pass. Out: figures.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import neuralc
import numpy as np
import onnxruntime as ort
from kernels import one_thread_session
from neuralc.compiler.driver import Compilation
from neuralc.ir.graph import Graph
from neuralc.lowering.weights import to_bytes
from neuralc.passes.forms_pipeline import forms_passes
from neuralc.passes.manager import Pass, run_pipeline
from neuralc.passes.pipelines import passes_of
from turns import ratio_with_bounds, take_turns


def compilation_of(shape: tuple[int, ...], layers: str, **options: object) -> Compilation:
    """A network of these layers, without positions unless it has its own."""
    source = f"network N {{ input: {shape} layers: {layers} }}"
    given = {"positions": "none", "lint": False, **options}
    return neuralc.compile(source, **given)._compilation


def measure(compilation: Compilation, graph: Graph, step: Pass, turns: int) -> dict[str, object]:
    """Milliseconds of CPU time a run without the pass, one thread, and how many times as fast it is
    with it: the median over turns and its 95 % interval."""
    passes = passes_of(2)
    ways = {
        "without": [each for each in passes if each.name != step.name],
        "with": [step if each.name == step.name else each for each in passes],
    }
    (given,) = graph.inputs
    shape = (1, *given.type.shape[1:])
    x = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    sessions = {way: _session(compilation, graph, each) for way, each in ways.items()}

    def turn(way: str) -> float:
        start = time.process_time_ns()
        sessions[way].run(None, {given.name: x})
        return (time.process_time_ns() - start) / 1e6

    answers = [each.run(None, {given.name: x})[0] for each in sessions.values()]
    assert np.allclose(*answers, rtol=1e-3, atol=1e-4)
    times = take_turns({way: lambda way=way: turn(way) for way in ways}, turns)
    bounds = ratio_with_bounds(times["without"], times["with"])
    return {
        "milliseconds": round(float(np.median(times["without"])), 2),
        "times as fast": [round(each, 3) for each in bounds],
    }


def _session(
    compilation: Compilation, graph: Graph, passes: Sequence[Pass]
) -> ort.InferenceSession:
    raised = run_pipeline(graph, passes).graph
    target = run_pipeline(raised, forms_passes(compilation.target, {}, 2)).graph
    return one_thread_session(to_bytes(compilation.lower(target, {})))
