"""For all tests: `--update` rewrites expected texts, and the package is loaded under one name."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("compiler", "ir", "lowering", "passes", "runtime")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update", action="store_true", help="write what the compiler gives as the expectation"
    )


def loaded_twice() -> list[str]:
    """Modules whose file is one of the package's, but whose name is not `neuralc…`.

    The folders of the repository are the package's subpackages; loaded under their own names as
    well, there would be two of every registry.
    """
    found = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name == "neuralc" or name.startswith("neuralc.") or not file:
            continue
        path = Path(file)
        if path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in FOLDERS:
            found.append(name)
    return found


@pytest.fixture(scope="session", autouse=True)
def _one_package() -> Iterator[None]:
    yield
    assert loaded_twice() == []
