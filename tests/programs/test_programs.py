"""Programs in the styles that people write, each compiled, run and compared with float64.

A program's first comments say what is expected: the inputs' and outputs' shapes without the batch
(`# expect: (8,) -> (3,)`, with names where they matter, a network's name where there are several),
the warnings that it earns, and the options that it needs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import neuralc
import pytest
from exactness import Check, Variant
from neuralc.compiler.checking.checker import check
from neuralc.compiler.driver import check_options
from neuralc.compiler.options import CompileOptions
from neuralc.compiler.syntax.parser import parse
from neuralc.compiler.syntax.source import read_source
from neuralc.ir.diagnostic import Severity
from neuralc.ir.dim import SymbolicDim
from neuralc.ir.type import TensorType
from random_programs import Program

FOLDER = Path(__file__).parent
EXPECT = re.compile(r"^# expect(?: (\w+))?: (.*) -> (.*)$", re.MULTILINE)
VARIANTS = (Variant(2, "cpu", True), Variant(2, "portable"))


@dataclass(frozen=True)
class Expected:
    """One network of a file with what the file says of it."""

    path: Path
    network: str | None
    inputs: str
    outputs: str
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.path.stem} {self.network or ''}".strip()


def expected() -> list[Expected]:
    found = []
    for path in sorted(FOLDER.glob("*.neural")):
        text = path.read_text("utf-8")
        given: dict[str, Any] = {}
        for option in re.findall(r"^# options: (.*)$", text, re.MULTILINE):
            name, _, value = option.partition("=")
            given[name] = (int(value),) if value else True
        for network, inputs, outputs in EXPECT.findall(text):
            options = given | ({"network": network} if network else {})
            found.append(Expected(path, network or None, inputs, outputs, options))
    return found


PROGRAMS = expected()


def test_there_are_enough() -> None:
    assert len(list(FOLDER.glob("*.neural"))) >= 60
    assert {each.path for each in PROGRAMS} == set(FOLDER.glob("*.neural"))


def shown(values: list[tuple[str, TensorType]], wanted: str) -> str:
    """Shapes in the form in which they are expected: with names where that has names."""

    def axis(dim: Any) -> str:
        return str(dim)

    parts = []
    for name, type in values:
        axes = ", ".join(axis(dim) for dim in type.shape[1:])
        shape = f"({axes},)" if type.rank == 2 else f"({axes})"
        parts.append(f"{name} {shape}" if wanted[:1] != "(" else shape)
    return ", ".join(parts if wanted[:1] != "(" else parts[-1:] if len(parts) == 1 else parts[:1])


@pytest.mark.parametrize("each", PROGRAMS, ids=str)
def test_the_program_gives_what_is_expected(each: Expected) -> None:
    source = read_source(each.path)
    options = CompileOptions.of(**each.options)
    told = check(parse(source), check_options(options)).diagnostics
    warned = sorted({d.code for d in told if d.severity is Severity.WARNING} - {"W0211"})
    assert warned == re.findall(r"\w+", "".join(re.findall(r"^# warns: (.*)$", source.text, re.M)))
    model = neuralc.compile(each.path, opt_level=0, lint=False, **each.options)
    graph = model.source_graph
    values = [(value.name, value.type) for value in graph.inputs]
    is_mask = [name.endswith("attention_mask") for name, _ in values]
    inputs = [value for value, mask in zip(values, is_mask, strict=True) if not mask]
    outputs = [(name, value.type) for name, value in graph.outputs.items()]
    listed = re.compile(r"(?:\w+ )?\([^)]*\)")
    assert sorted(listed.findall(shown(inputs, each.inputs))) == sorted(listed.findall(each.inputs))
    assert shown(outputs, each.outputs) == each.outputs
    assert isinstance(outputs[0][1].shape[0], SymbolicDim)


@pytest.mark.parametrize("each", PROGRAMS, ids=str)
def test_the_program_computes_the_same_at_every_level(each: Expected) -> None:
    longest = 9 if "seq" in each.inputs or "width" in each.inputs else 0
    options = each.options | {"seed": 5}
    program = Program(each.path.read_text("utf-8"), options, longest)
    assert Check(program, VARIANTS).run(cases_per_seed=2, seeds=1) == []
