"""Files for each target in the oldest ONNX Runtime that the target promises (`make oldest`).

A virtual environment with that version is made once; a process in it loads every file, with the
runtime's optimizer and without, and its outputs are compared with the float64 interpreter.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import neuralc
import numpy as np
import pytest
from neuralc.ir.interpreter import interpret
from neuralc.ir.target import target_named
from neuralc.lowering.table import table
from other_environments import differences, make_environment, padded

pytestmark = pytest.mark.oldest

NETWORKS = Path(__file__).parent.parent / "equality" / "networks"

RUNNER = """
import pathlib, sys
import numpy as np, onnxruntime as ort
for model in sorted(pathlib.Path(sys.argv[1]).glob("*.onnx")):
    found = {}
    try:
        for level in ("ORT_ENABLE_ALL", "ORT_DISABLE_ALL"):
            options = ort.SessionOptions()
            options.log_severity_level = 3
            options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, level)
            session = ort.InferenceSession(str(model), options, ["CPUExecutionProvider"])
            outputs = session.run(None, dict(np.load(model.with_suffix(".in.npz"))))
            for info, array in zip(session.get_outputs(), outputs):
                found[level + " " + info.name] = array
    except Exception as error:
        found = {"error": np.array(str(error))}
    np.savez(model.with_suffix(".out.npz"), **found)
"""


@pytest.fixture(scope="session")
def old_python(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Makes an environment with one version of ONNX Runtime and gives its interpreter."""
    if sys.version_info >= (3, 13):
        pytest.fail("the oldest ONNX Runtimes have no wheels for this Python: use 3.11 or 3.12")
    made: dict[str, Path] = {}

    def make(version: str) -> Path:
        if version not in made:
            folder = tmp_path_factory.mktemp(f"onnxruntime-{version}")
            # The last release of that line; numpy 2 came after the oldest of them.
            made[version] = make_environment(folder, [f"onnxruntime=={version}.*", "numpy<2"])
        return made[version]

    return make


@pytest.mark.parametrize("target", ["cpu", "portable"])
def test_every_op_computes_the_same_in_the_oldest_runtime(
    target: str, op_cases: Any, graph_of: Any, contents_of: Any, lowered: Any,
    old_python: Any, tmp_path: Path,
) -> None:  # fmt: skip
    aim = target_named(target)
    expected: dict[str, Any] = {}
    for number, (op, form, case) in enumerate(op_cases):
        needed = table()[op, form]
        if needed.opset > aim.opset or (needed.contrib and not aim.contrib):
            continue
        graph = graph_of(op, case)
        name = f"{number:03}-{op}-{form}"
        inputs = contents_of(graph, {"B": 3, "S": 5, "U": 4}, case.low, case.high)
        (tmp_path / f"{name}.onnx").write_bytes(lowered(graph, aim))
        np.savez(tmp_path / f"{name}.in.npz", **inputs)
        expected[name] = interpret(graph, inputs)
    assert expected
    python = old_python(aim.oldest_runtime)
    assert differences(python, RUNNER, tmp_path, expected, ways=2) == []


@pytest.mark.parametrize("target", ["cpu", "portable"])
def test_the_networks_of_the_guide_run_in_the_oldest_runtime(
    target: str, old_python: Any, tmp_path: Path
) -> None:
    expected: dict[str, Any] = {}
    for source in sorted(NETWORKS.glob("*.neural")):
        for opt_level in (0, 2):
            model = neuralc.compile(
                source, opt_level=opt_level, target=target, padding_mask=True, lint=False
            )
            name = f"{source.stem}-O{opt_level}"
            model.save(tmp_path / f"{name}.onnx", external="always")
            inputs = padded(model.source_graph)
            np.savez(tmp_path / f"{name}.in.npz", **inputs)
            expected[name] = interpret(model.source_graph, inputs)
    assert len(expected) == 20
    python = old_python(target_named(target).oldest_runtime)
    assert differences(python, RUNNER, tmp_path, expected, ways=2) == []
