"""What is shipped: the declared packages, and a wheel that works away from the checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import neuralc
import numpy as np
import onnxruntime as ort
import pytest
from neuralc.ir.target import target_named

ROOT = Path(neuralc.__file__).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
ROOMS = ("ir", "compiler", "passes", "lowering", "runtime")

NETWORK = """network Small {
  input: (12, 16)
  layers:
    TransformerEncoder(num_heads=2, d_model=16, dff=32)
    GlobalAveragePooling1D()
    Output(3, activation="softmax")
}
"""


def test_the_declared_packages_are_the_folders() -> None:
    folders = {
        ".".join(("neuralc", *path.parent.relative_to(ROOT).parts))
        for room in ROOMS
        for path in (ROOT / room).rglob("__init__.py")
    }
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == {"neuralc", *folders}


def test_every_folder_of_sources_is_a_package() -> None:
    homeless = {
        path.parent.relative_to(ROOT).as_posix()
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if not (path.parent / "__init__.py").exists()
    }
    assert homeless == set()


def test_the_version_is_told_once() -> None:
    assert PROJECT["project"]["version"] == neuralc.__version__


def test_the_demo_installs_what_its_extra_names() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    wanted = {
        match
        for name in ("CHECKPOINT", "TOKENIZER")
        for match in re.findall(rf"^{name} := (.*)$", makefile, re.MULTILINE)
    }
    assert {"neuralc[cpu]", *wanted} == set(PROJECT["project"]["optional-dependencies"]["demo"])


@pytest.mark.parametrize(("extra", "target"), [("cpu", "cpu"), ("gpu", "cuda")])
def test_an_extra_s_runtime_runs_its_target_s_files(extra: str, target: str) -> None:
    (wanted,) = PROJECT["project"]["optional-dependencies"][extra]
    assert wanted.split(">=")[1] == target_named(target, "fp32").oldest_runtime


def test_the_ignored_groups_are_the_markers() -> None:
    options = PROJECT["tool"]["pytest"]["ini_options"]
    names = [marker.split(":")[0] for marker in options["markers"]]
    assert " and ".join(f"not {name}" for name in names) in options["addopts"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the sources, since building leaves files behind."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE", "__init__.py"):
        shutil.copy(ROOT / name, source)
    for room in ROOMS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / room, source / room, ignore=ignored)
    shutil.copytree(ROOT / "docs" / "errors", source / "docs" / "errors")
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, source],
        check=True,
        capture_output=True,
        text=True,
    )
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_every_source_and_data_file(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    sources = {
        f"neuralc/{path.relative_to(ROOT).as_posix()}"
        for room in ROOMS
        for pattern in ("*.py", "*.lark", "*.json")
        for path in (ROOT / room).rglob(pattern)
    }
    assert sources <= held
    pages = {f"neuralc/docs/errors/{path.name}" for path in (ROOT / "docs/errors").glob("*.md")}
    assert pages <= held
    shipped = {name for name in held if name.endswith(".py")}
    assert shipped == {s for s in sources if s.endswith(".py")} | {"neuralc/__init__.py"}


def test_an_installed_wheel_compiles_and_runs(wheel: Path, tmp_path: Path) -> None:
    """Unpacked as pip unpacks it, ahead of the checkout, in a process far from the repository."""
    site, home = tmp_path / "site", tmp_path / "elsewhere"
    zipfile.ZipFile(wheel).extractall(site)
    home.mkdir()
    (home / "small.neural").write_text(NETWORK)
    program = (
        "import sys; sys.meta_path = [f for f in sys.meta_path if 'editable' not in repr(f)]\n"
        f"sys.path.insert(0, {str(site)!r})\n"
        "import neuralc, pathlib\n"
        f"assert neuralc.__file__.startswith({str(site)!r}), neuralc.__file__\n"
        "from neuralc.compiler.cli.neuralc import main\n"
        "sys.argv = ['neuralc', 'small.neural', '-O2', '-o', 'small.onnx']\n"
        "main()\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    session = ort.InferenceSession(home / "small.onnx", providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    (result,) = session.run(None, {entry.name: np.ones((2, 12, 16), np.float32)})
    assert result.shape == (2, 3)
    assert np.allclose(result.sum(-1), 1, atol=1e-5)
