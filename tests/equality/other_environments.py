"""Runs compiled models in other installations of ONNX Runtime than that of the tests.

In: files `NAME.onnx` with their inputs `NAME.in.npz`, and what they should give. Out: what they
give otherwise. An environment is made with venv and pip; a process in it loads every file and
writes `NAME.out.npz`: arrays by "how, output", or one called `error`.
"""

from __future__ import annotations

import os
import subprocess
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from neuralc.ir.dim import evaluate


def make_environment(folder: Path, packages: Sequence[str]) -> Path:
    """A new virtual environment with these packages; its interpreter."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", *packages]
    subprocess.run(install, check=True, timeout=600)
    return python


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


def differences(
    python: Path,
    script: str,
    folder: Path,
    expected: Mapping[str, Mapping[str, Any]],
    ways: int,
    environment: Mapping[str, str] | None = None,
) -> list[str]:
    """What the models in the folder give in that environment and should not; `ways` is in how many
    ways the script runs each."""
    run = [str(python), "-c", script, str(folder)]
    subprocess.run(run, check=True, timeout=300, env={**os.environ, **(environment or {})})
    wrong = []
    for name, wanted in expected.items():
        found = np.load(folder / f"{name}.out.npz")
        if "error" in found:
            wrong.append(f"{name}: {found['error']}")
            continue
        assert len(found) == ways * len(wanted)
        for key, array in found.items():
            close = np.allclose(array, wanted[key.split()[1]], rtol=2e-5, atol=3e-6)
            wrong += [] if close else [f"{name}: wrong with {key}"]
    return wrong
