"""Commands start fast, because each loads only what it needs."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(sys.executable).parent
RUNS = 7
SLACK = 2
"""A loaded machine makes CPU time longer too, by shared caches and clocks that fall. The goals
themselves are measured by `benchmarks/start_up.py`; this guards against what would break them."""


def cpu_seconds(command: list[str], environment: dict[str, str]) -> float:
    """The least CPU time of several runs: what else the machine does can only add to it."""
    times = []
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True, env=environment, timeout=60)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(
            after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        )
    return min(times)


@pytest.mark.parametrize(
    ("arguments", "goal"),
    [
        (["neuralc", "--help"], 0.15),
        (["neural", "--help"], 0.15),
        (["neural", "check", "-q", "small.neural"], 0.3),
    ],
    ids=["neuralc --help", "neural --help", "neural check"],
)
def test_start_up_over_bare_python(
    arguments: list[str], goal: float, small: Path, tmp_path: Path
) -> None:
    """As a user starts it: with the bytecode and the grammar's tables of an earlier run."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(tmp_path / "bytecode")
    environment["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    command = [str(SCRIPTS / arguments[0]), *arguments[1:]]
    bare = [sys.executable, "-c", "pass"]
    for warm_up in (command, bare):
        subprocess.run(warm_up, check=True, capture_output=True, env=environment, timeout=60)
    over = cpu_seconds(command, environment) - cpu_seconds(bare, environment)
    assert over <= SLACK * goal, f"{over:.3f} s over bare Python"


def loaded_by(code: str) -> set[str]:
    """The top-level packages that a piece of code loads."""
    report = "import sys; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return set(done.stdout.splitlines()[-1].split())


CHECK = """
from neuralc.compiler.cli import guard, neural
assert guard.run(neural.command, ["check", "-q", "small.neural"], "neural") == 0
"""
HELP = """
from neuralc.compiler.cli import guard, neuralc
assert guard.run(neuralc.command, ["--help"], "neuralc") == 0
"""


def test_check_loads_neither_onnx_nor_a_runtime_nor_numpy(small: Path) -> None:
    heavy = {"onnx", "onnxruntime", "numpy", "networkx", "rich", "safetensors", "google"}
    assert not loaded_by(CHECK) & heavy


def test_help_loads_nothing_of_the_compiler(small: Path) -> None:
    heavy = {"onnx", "onnxruntime", "numpy", "networkx", "rich", "lark"}
    assert not loaded_by(HELP) & heavy
    assert not loaded_by("import neuralc") & {*heavy, "click"}


RUN = """
from neuralc.compiler.cli import guard, neural
assert guard.run(neural.command, ["run", "-q", "small.onnx", "--input", "x.npy"], "neural") == 0
"""


def test_running_a_file_loads_nothing_of_the_compiler(small: Path) -> None:
    import neuralc
    import numpy as np

    neuralc.compile(small, lint=False).save("small.onnx")
    np.save("x.npy", np.zeros((1, 6, 8), np.float32))
    heavy = {"onnx", "networkx", "rich", "lark", "safetensors", "zipfile"}
    assert not loaded_by(RUN) & heavy


LEAVE = """
import sys, tempfile
from neuralc.compiler.cli import guard
folder = tempfile.TemporaryDirectory(prefix="neuralc-", dir=".")
sys.stdout.write("out without an end of line")
sys.stderr.write("told")
guard.leave(3)
"""


def test_leaving_flushes_and_removes_what_was_temporary(tmp_path: Path) -> None:
    """The interpreter is not taken apart, but nothing is lost by that."""
    done = subprocess.run(
        [sys.executable, "-c", LEAVE], capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (3, "out without an end of line")
    assert done.stderr.startswith("told")
    assert list(tmp_path.iterdir()) == []
