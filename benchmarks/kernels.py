"""A few ONNX nodes as a model of their own, and sessions of such models that take turns.

In: nodes, constants, shapes. Out: one-thread sessions of the CPU provider; CPU time a run. What the
comparisons of single kernels share; whole models are compared by `turns.py` and `peers.py`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnxruntime as ort
from machine import machine
from onnx import NodeProto, TensorProto, helper, numpy_helper

Array = np.ndarray[Any, Any]
Shape = Sequence[int | str]
CONTRIB = "com.microsoft"
OPSET, IR_VERSION = 23, 11


def one_thread_session(model: bytes) -> ort.InferenceSession:
    """A session of the CPU provider with one thread, warnings off."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(model, options, ["CPUExecutionProvider"])


def kernel_session(
    nodes: Sequence[NodeProto],
    inputs: Mapping[str, Shape],
    outputs: Mapping[str, Shape | None],
    constants: Mapping[str, Any],
) -> ort.InferenceSession:
    """A session of these nodes; float32 inputs and outputs, and of `constants` those that are read.

    An output whose shape is None has whatever shape the nodes give.
    """
    read = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        list(nodes),
        "kernels",
        [_value(name, shape) for name, shape in inputs.items()],
        [_value(name, shape) for name, shape in outputs.items()],
        [
            numpy_helper.from_array(np.asarray(value), name)
            for name, value in constants.items()
            if name in read
        ],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    return one_thread_session(model.SerializeToString())


def _value(name: str, shape: Shape | None) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def microseconds(
    sessions: Mapping[str, ort.InferenceSession],
    inputs: Mapping[str, Array],
    turns: int,
    runs: int = 1,
) -> dict[str, Array]:
    """CPU time a run by session and turn, in µs. A first turn, which warms caches, is left out.

    A turn is `runs` runs of one session; the sessions take turns, so that what else the machine
    does meets all alike. `inputs` has those of all sessions by name.
    """
    feeds = {
        name: {given.name: inputs[given.name] for given in each.get_inputs()}
        for name, each in sessions.items()
    }
    times: dict[str, list[float]] = {name: [] for name in sessions}
    for turn in range(turns + 1):
        for name, each in sessions.items():
            start = time.process_time_ns()
            for _ in range(runs):
                each.run(None, feeds[name])
            if turn:
                times[name].append((time.process_time_ns() - start) / runs / 1e3)
    return {name: np.asarray(each) for name, each in times.items()}


def milliseconds_and_ratios(times: Mapping[str, Array], first: str) -> dict[str, float]:
    """The median of `first` in ms under `milliseconds`, and how many times faster each other is."""
    base = times[first]
    ratios = {
        name: round(float(np.median(base / each)), 3)
        for name, each in times.items()
        if name != first
    }
    return {"milliseconds": round(float(np.median(base)) / 1e3, 3), **ratios}


def normal(shape: Sequence[int], seed: int = 1) -> Array:
    """Normally distributed numbers, float32."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def compare(doc: str | None, turns: int, figures: Callable[[int], Any]) -> None:
    """A command's whole work: reads `--turns`, prints the machine and each figure as JSON lines.

    `figures` yields a dictionary for each line.
    """
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument("--turns", type=int, default=turns)
    chosen = parser.parse_args().turns
    print(json.dumps(machine()), flush=True)
    for figure in figures(chosen):
        print(json.dumps(figure), flush=True)
