"""Files for each target in the oldest ONNX Runtime that the target promises (`make oldest`).

A virtual environment with that version is made once; a process in it loads every file, with the
runtime's optimizer and without, and its outputs are compared with the float64 interpreter.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import neuralc
import numpy as np
import pytest
from neuralc.ir.dim import evaluate
from neuralc.ir.interpreter import interpret
from neuralc.ir.target import target_named
from neuralc.lowering.table import table

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
            venv.create(folder, with_pip=True)
            python = folder / "bin" / "python"
            # The last release of that line; numpy 2 came after the oldest of them.
            wanted = [f"onnxruntime=={version}.*", "numpy<2"]
            install = [str(python), "-m", "pip", "install", "--quiet", *wanted]
            subprocess.run(install, check=True, timeout=600)
            made[version] = python
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
    assert differences(old_python(aim.oldest_runtime), tmp_path, expected) == []


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
    assert differences(old_python(target_named(target).oldest_runtime), tmp_path, expected) == []


def padded(graph: Any) -> dict[str, np.ndarray]:
    """Three rows of random inputs: whole, padded on the left, and nothing but padding."""
    random = np.random.default_rng(0)
    made: dict[str, np.ndarray] = {}
    for value in graph.inputs:
        sizes = {symbol.name: symbol.maximum or 3 for symbol in graph.symbols().values()}
        shape = [evaluate(dim, sizes) for dim in value.type.shape]
        if value.name.endswith("attention_mask"):
            made[value.name] = np.ones(shape, np.int64)
            made[value.name][1, :2] = 0
            made[value.name][2] = 0
        elif value.type.dtype.is_float:
            made[value.name] = random.standard_normal(shape).astype(np.float32)
        else:
            made[value.name] = random.integers(0, 80, shape)
    return made


def differences(python: Path, folder: Path, expected: dict[str, Any]) -> list[str]:
    """What the models in the folder give in that environment and should not."""
    run = [str(python), "-c", RUNNER, str(folder)]
    subprocess.run(run, check=True, timeout=300)
    wrong = []
    for name, wanted in expected.items():
        found = np.load(folder / f"{name}.out.npz")
        if "error" in found:
            wrong.append(f"{name}: {found['error']}")
            continue
        assert len(found) == 2 * len(wanted)
        for key, array in found.items():
            close = np.allclose(array, wanted[key.split()[1]], rtol=2e-5, atol=3e-6)
            wrong += [] if close else [f"{name}: wrong with {key}"]
    return wrong
