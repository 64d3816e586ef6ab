"""Files of `--target portable` in ONNX Runtime's OpenVINO provider (`make openvino`).

onnxruntime-openvino replaces onnxruntime, so it gets a virtual environment of its own. Sessions are
made there by `open_session`, and outputs are compared with the float64 interpreter.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import neuralc
import numpy as np
import pytest
from neuralc.ir.interpreter import interpret
from neuralc.ir.target import target_named
from neuralc.lowering.table import table
from other_environments import differences, make_environment, padded

pytestmark = pytest.mark.openvino

ROOT = Path(neuralc.__file__).resolve().parent
NETWORKS = Path(__file__).parent.parent / "equality" / "networks"
PORTABLE = target_named("portable")

RUNNER = """
import pathlib, sys
import numpy as np
from neuralc.ir.diagnostic import CompileError
from neuralc.runtime.session import open_session
for model in sorted(pathlib.Path(sys.argv[1]).glob("*.onnx")):
    try:
        session = open_session(model, provider="%s")
        outputs = session.run(dict(np.load(model.with_suffix(".in.npz"))))
        found = {f"{session.provider} {name}": array for name, array in outputs.items()}
    except CompileError as error:
        found = {"error": np.array(str(error))}
    np.savez(model.with_suffix(".out.npz"), **found)
"""

ENCODER = """network N {
  input: (7, 24)
  layers:
    TransformerEncoder(num_heads=3, d_model=24, dff=48, activation="gelu") * 2
    GlobalAveragePooling1D()
    Dense(5)
}"""
DECODER = """network N {
  input: (7, 24)
  layers:
    TransformerDecoder(num_heads=3, d_model=24, dff=48) * 2
    Dense(5)
}"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("openvino")
    return make_environment(folder, ["onnxruntime-openvino>=1.24", "numpy>=2"])


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables by which that environment finds this package."""
    folder = tmp_path_factory.mktemp("package")
    (folder / "neuralc").symlink_to(ROOT)
    return {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}


KERNELS = ("tanh", "sigmoid", "relu")
"""Activations that OpenVINO's GRU and SimpleRNN have."""


def refused(op: str, attributes: dict[str, Any]) -> bool:
    """Whether OpenVINO has no kernel for it."""
    named = (attributes.get(name, "tanh") for name in ("activation", "recurrent_activation"))
    return op in ("gru", "simple_rnn") and any(each not in KERNELS for each in named)


def test_every_op_computes_the_same_in_openvino(
    op_cases: Any, graph_of: Any, contents_of: Any, lowered: Any,
    python: Path, places: dict[str, str], tmp_path: Path,
) -> None:  # fmt: skip
    expected: dict[str, Any] = {}
    for number, (op, form, case) in enumerate(op_cases):
        needed = table()[op, form]
        if needed.opset > PORTABLE.opset or needed.contrib or refused(op, case.attributes):
            continue
        graph = graph_of(op, case)
        name = f"{number:03}-{op}-{form}"
        inputs = contents_of(graph, {"B": 3, "S": 5, "U": 4}, case.low, case.high)
        (tmp_path / f"{name}.onnx").write_bytes(lowered(graph, PORTABLE))
        np.savez(tmp_path / f"{name}.in.npz", **inputs)
        expected[name] = interpret(graph, inputs)
    assert expected
    assert differences(python, RUNNER % "openvino", tmp_path, expected, 1, places) == []


def test_what_openvino_refuses_runs_on_the_cpu_unless_openvino_was_asked_for(
    python: Path, places: dict[str, str], tmp_path: Path
) -> None:
    source = "network N { input: (5, 3)\n layers:\n %s\n Dense(2) }"
    for provider in ("openvino", "auto"):
        expected: dict[str, Any] = {}
        folder = tmp_path / provider
        folder.mkdir()
        for name, layer in {
            "gru": 'GRU(4, activation="elu")',
            "simple": 'SimpleRNN(4, activation="softsign")',
        }.items():
            model = neuralc.compile(source % layer, target="portable", lint=False)
            model.save(folder / f"{name}.onnx")
            inputs = padded(model.source_graph)
            np.savez(folder / f"{name}.in.npz", **inputs)
            expected[name] = interpret(model.source_graph, inputs)
        wrong = differences(python, RUNNER % provider, folder, expected, 1, places)
        if provider == "openvino":
            assert len(wrong) == 2
            assert all("E0513" in each for each in wrong)
        else:
            assert wrong == []
            for name in expected:
                assert all(key.startswith("cpu ") for key in np.load(folder / f"{name}.out.npz"))


def test_the_networks_of_the_guide_run_in_openvino_by_themselves(
    python: Path, places: dict[str, str], tmp_path: Path
) -> None:
    """`auto` finds OpenVINO for files of that target."""
    expected: dict[str, Any] = {}
    for source in sorted(NETWORKS.glob("*.neural")):
        for opt_level in (0, 2):
            model = neuralc.compile(
                source, opt_level=opt_level, target="portable", padding_mask=True, lint=False
            )
            name = f"{source.stem}-O{opt_level}"
            model.save(tmp_path / f"{name}.onnx", external="always")
            inputs = padded(model.source_graph)
            np.savez(tmp_path / f"{name}.in.npz", **inputs)
            expected[name] = interpret(model.source_graph, inputs)
    assert len(expected) == 20
    assert differences(python, RUNNER % "auto", tmp_path, expected, 1, places) == []
    for name in expected:
        assert all(key.startswith("openvino ") for key in np.load(tmp_path / f"{name}.out.npz"))


@pytest.mark.parametrize("source", [ENCODER, DECODER], ids=["encoder", "decoder"])
def test_padding_has_no_influence_in_openvino(
    source: str, python: Path, places: dict[str, str], tmp_path: Path
) -> None:
    """Whatever finite numbers stand there: the same as with zeros, and what the interpreter has."""
    model = neuralc.compile(source, target="portable", padding_mask=True, dynamic="seq", lint=False)
    values = np.random.default_rng(0).standard_normal((4, 6, 24)).astype(np.float32)
    mask = np.ones((4, 6), np.int64)
    mask[0, 4:] = mask[1, 2:] = mask[2, 0] = 0
    for name, content in (("zeros", 0.0), ("large", 1e30)):
        model.save(tmp_path / f"{name}.onnx")
        padded_with = np.where(mask[..., None] == 0, np.float32(content), values)
        np.savez(tmp_path / f"{name}.in.npz", input=padded_with, attention_mask=mask)
    (right,) = interpret(model.source_graph, {"input": values, "attention_mask": mask}).values()
    command = [str(python), "-c", RUNNER % "openvino", str(tmp_path)]
    subprocess.run(command, check=True, timeout=300, env={**os.environ, **places})
    zeros, large = (np.load(tmp_path / f"{name}.out.npz") for name in ("zeros", "large"))
    found, clean = large["openvino output"], zeros["openvino output"]
    if found.ndim == 3:
        found, clean, right = found[mask == 1], clean[mask == 1], right[mask == 1]
    assert np.array_equal(found, clean)
    np.testing.assert_allclose(found, right, rtol=2e-5, atol=3e-6)
