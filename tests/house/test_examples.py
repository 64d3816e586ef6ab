"""Every example is a program that compiles, at the size in which it is written."""

from __future__ import annotations

from pathlib import Path

import neuralc
import pytest

ROOT = Path(neuralc.__file__).parent
EXAMPLES = sorted((ROOT / "examples").rglob("*.neural"))


def test_there_are_the_guide_s_ten_and_the_encoder() -> None:
    assert [path.parent.name for path in EXAMPLES].count("guide") == 10
    assert ROOT / "examples" / "sentence_encoder.neural" in EXAMPLES


@pytest.mark.parametrize("level", [0, 2])
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_compiles(path: Path, level: int) -> None:
    model = neuralc.compile(path, opt_level=level)
    assert model.program.weight_bytes > 0
    assert bool(model.report.fused) == (level == 2)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_read_me_names_it(path: Path) -> None:
    assert path.name in (ROOT / "README.md").read_text("utf-8")
