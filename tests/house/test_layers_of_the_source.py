"""The rules of the house: which room imports which, how long a file is, what it may be called."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import neuralc
import pytest

ROOT = Path(neuralc.__file__).parent
ROOMS = ("ir", "compiler", "passes", "lowering", "runtime")

ROOMS_ALLOWED = {
    "ir": {"ir"},
    "passes": {"passes", "ir"},
    "lowering": {"lowering", "ir"},
    "runtime": {"runtime", "ir"},
    "compiler": set(ROOMS),
}
PACKAGES_ALLOWED = {
    "ir": {"numpy", "networkx"},
    "passes": {"numpy"},
    "lowering": {"numpy", "onnx"},
    "runtime": {"numpy", "onnxruntime"},
    "compiler": {
        "numpy",
        "lark",
        "onnx",
        "rich",
        "click",
        "psutil",
        "pygments",
        "resvg_py",
        "pygls",
        "lsprotocol",
    },
}
MODULES_OF_IR_FOR_RUNTIME = {"diagnostic", "span", "codes"}
NETWORKX_AT_HOME = "ir/graph.py"
LONGEST = 400
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc"}

FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def imported(path: Path) -> set[tuple[str, ...]]:
    """Every module a file imports, at any depth of its code, as absolute dotted parts.

    `from ..ir import graph` counts as `neuralc.ir` and as `neuralc.ir.graph`.
    """
    package = ("neuralc", *path.relative_to(ROOT).parts[:-1])
    found: set[tuple[str, ...]] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {tuple(alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = (*base, *(node.module.split(".") if node.module else ()))
            found.add(module)
            if module[0] == "neuralc":
                found |= {(*module, alias.name) for alias in node.names}
    return found


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_there_are_files_to_read() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in FILES} == set(ROOMS)


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_room_imports_only_the_rooms_below_it(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    rooms = {module[1] for module in imported(path) if module[0] == "neuralc" and len(module) > 1}
    assert rooms & set(ROOMS) <= ROOMS_ALLOWED[room]


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_room_imports_only_its_packages(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    packages = {module[0] for module in imported(path)}
    assert packages - sys.stdlib_module_names - {"neuralc"} <= PACKAGES_ALLOWED[room]


@pytest.mark.parametrize("path", sorted((ROOT / "runtime").rglob("*.py")), ids=relative)
def test_the_runtime_knows_only_the_diagnostics_of_the_ir(path: Path) -> None:
    below = {m[2] for m in imported(path) if m[:2] == ("neuralc", "ir") and len(m) > 2}
    assert below <= MODULES_OF_IR_FOR_RUNTIME


def test_networkx_is_imported_in_one_file() -> None:
    users = [relative(path) for path in FILES if any(m[0] == "networkx" for m in imported(path))]
    assert users == [NETWORKX_AT_HOME]


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_file_is_short_and_says_what_it_is_for(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.count("\n") <= LONGEST
    assert ast.get_docstring(ast.parse(text)) is not None


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_name_says_what_is_inside(path: Path) -> None:
    assert not VAGUE & {*path.relative_to(ROOT).with_suffix("").parts}


def test_the_reader_of_imports_sees_them_all(tmp_path: Path) -> None:
    """A guard of the guard: lazy, relative and plain imports are all found."""
    file = ROOT / "passes" / "imagined.py"

    class Imagined(type(file)):  # type: ignore[misc]
        def read_text(self, encoding: str | None = None, **_: object) -> str:
            return (
                "import onnx.helper\nfrom ..ir import graph\n"
                "def f():\n    from ..lowering.table import row\n"
            )

    found = imported(Imagined(file))
    assert ("onnx", "helper") in found
    assert ("neuralc", "ir", "graph") in found
    assert ("neuralc", "lowering", "table") in found
