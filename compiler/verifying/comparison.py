"""Finds where a compiled model errs: stage by stage, then layer by layer.

In: a compilation and inputs. Out: errors against the float64 interpreter.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...ir.interpreter import interpret
from ..program_session import open_program
from .verification import PooledError

if TYPE_CHECKING:
    from ...ir.value import Value
    from ..driver import Compilation

Arrays = dict[str, "np.ndarray[Any, Any]"]


@dataclass(frozen=True, slots=True)
class StageError:
    """How far a stage's outputs are from those of the graph as built."""

    name: str
    rms: float
    maximum: float


@dataclass(frozen=True, slots=True)
class LayerError:
    """How far the tensors within a layer are from float64; the worst op and its place."""

    name: str
    op: str
    place: str
    rms: float
    maximum: float


def compare_stages(compilation: Compilation, inputs: Arrays) -> list[StageError]:
    """Each graph in float64, then the file in ONNX Runtime without and with its own optimizer.

    A pass that changes what is computed shows in the float64 rows; there only constants that were
    folded, and so rounded to their type, may make a difference.
    """
    expected = interpret(compilation.source_graph, inputs)
    results: dict[str, Arrays] = {
        "raised graph, float64": interpret(compilation.graph, inputs),
        "target graph, float64": interpret(compilation.target_graph, inputs),
    }
    with tempfile.TemporaryDirectory(prefix="neuralc-") as folder:
        built = compilation.lower(compilation.source_graph, {})
        for name, program, level in (
            ("graph as built, ONNX Runtime as written", built, "none"),
            ("file, ONNX Runtime as written", compilation.onnx, "none"),
            ("file, ONNX Runtime optimized", compilation.onnx, "all"),
        ):
            session = open_program(program, Path(folder), "cpu", {"optimization": level})
            results[name] = session.run(inputs)
    errors = []
    for name, outputs in results.items():
        error = PooledError()
        for output, array in expected.items():
            error.add(outputs[output], array)
        errors.append(StageError(name, error.rms, error.maximum))
    return errors


def compare_layers(compilation: Compilation, inputs: Arrays) -> list[LayerError]:
    """Every tensor of the target graph that the file has too, pooled by layer, in order."""
    graph, program = compilation.target_graph, compilation.lower(compilation.target_graph, {})
    shown: dict[str, Value] = {}
    for node in graph.nodes():
        for value in node.results:
            if value.name in program.value_names and not graph.is_output(value):
                shown[program.value_names[value.name]] = value
    infos = {info.name: info for info in program.model.graph.value_info}
    shown = {name: value for name, value in shown.items() if name in infos}
    program.model.graph.output.extend(infos[name] for name in shown)
    with tempfile.TemporaryDirectory(prefix="neuralc-") as folder:
        session = open_program(program, Path(folder), "cpu", {"optimization": "none"})
        actual = session.run(inputs)
    expected = interpret(graph, inputs, keep=[value.name for value in shown.values()])
    pooled: dict[str, PooledError] = {}
    worst: dict[str, tuple[float, str, str]] = {}
    for name, value in shown.items():
        maker = graph.producer(value)
        assert maker is not None, f"{value} is shown, so a node makes it"
        layer = maker.scope.split("/")[0]
        error = PooledError()
        for each in (error, pooled.setdefault(layer, PooledError())):
            each.add(actual[name], np.asarray(expected[value.name], np.float64))
        place = str(maker.spans[0]) if maker.spans else ""
        if layer not in worst or error.maximum > worst[layer][0]:
            worst[layer] = (error.maximum, maker.op, place)
    return [
        LayerError(layer or "(none)", worst[layer][1], worst[layer][2], error.rms, error.maximum)
        for layer, error in pooled.items()
    ]
