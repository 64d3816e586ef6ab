"""The Markdown files beside this one: graphs, the passes to run over them, and what comes out.

A case is a second-level heading, words, a block `ir`, a line `passes: NAME, …`, a block `result`
(the graph after the passes, or the word `unchanged`) and, where there are remarks, a block
`remarks`. `pytest --update` writes what the passes give as the expectation.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from neuralc.ir.diagnostic import CompileError
from neuralc.ir.equality import difference
from neuralc.ir.graph import Graph
from neuralc.ir.text import parse_graph, print_graph
from neuralc.passes.manager import Pass, run_pipeline
from neuralc.passes.pack_rows import PackRows
from neuralc.passes.pipelines import PIPELINES
from neuralc.passes.remarks import RemarkKind
from neuralc.passes.rewrite import Rewrite

HERE = Path(__file__).parent
PASSES: dict[str, Pass] = {row.step.name: row.step for rows in PIPELINES.values() for row in rows}
PASSES |= {PackRows.name: PackRows(padding="packed")}
DECLINED = (f"{RemarkKind.MISSED.value} [", f"{RemarkKind.KEPT.value} [")
BLOCK = "```{}\n(.*?)```\n"


@dataclass(frozen=True)
class Case:
    file: Path
    heading: str
    text: str

    def block(self, kind: str) -> str:
        found = re.search(BLOCK.format(kind), self.text, re.DOTALL)
        return found[1] if found else ""

    @property
    def graph(self) -> Graph:
        return parse_graph(self.block("ir"))

    @property
    def passes(self) -> list[Pass]:
        (names,) = re.findall(r"^passes: (.*)$", self.text, re.MULTILINE)
        return [PASSES[name.strip()] for name in names.split(",")]

    @property
    def fires(self) -> bool:
        return self.block("result").strip() != "unchanged"

    def run(self) -> tuple[str, str]:
        """The blocks `result` and `remarks` that the passes give."""
        result = run_pipeline(self.graph, self.passes, verify=True)
        changed = difference(self.graph, result.graph) is not None
        remarks = "".join(f"{remark}\n" for remark in result.remarks.all())
        locations = " at " in self.block("ir") or " in " in self.block("ir")
        text = print_graph(result.graph, locations=locations) if changed else "unchanged\n"
        return text, remarks

    def update(self) -> None:
        """Writes what the passes give into the file."""
        result, remarks = self.run()
        end = re.search(r"^passes: .*\n", self.text, re.MULTILINE)
        assert end is not None
        text = f"{self.text[: end.end()]}\n```result\n{result}```\n"
        if remarks:
            text += f"\n```remarks\n{remarks}```\n"
        whole = self.file.read_text()
        self.file.write_text(whole.replace(self.text.rstrip("\n"), text.rstrip("\n"), 1))


def cases() -> list[Case]:
    found = []
    for file in sorted(HERE.glob("*.md")):
        for section in re.split(r"^(?=## )", file.read_text(), flags=re.MULTILINE)[1:]:
            found.append(Case(file, section.split("\n", 1)[0][3:], section))
    return found


CASES = cases()
every_case = pytest.mark.parametrize(
    "case", CASES, ids=[f"{case.file.stem}: {case.heading}" for case in CASES]
)


@every_case
def test_case_gives_the_graph_and_the_remarks_that_are_written(
    case: Case, request: pytest.FixtureRequest
) -> None:
    if request.config.getoption("--update"):
        case.update()
        return
    result, remarks = case.run()
    assert result == case.block("result")
    assert remarks == case.block("remarks")


@every_case
def test_case_keeps_the_meaning(case: Case, same_meaning: Callable[..., None]) -> None:
    result = run_pipeline(case.graph, case.passes)
    same_meaning(case.graph, result.graph, S=5, T=3)


@every_case
def test_case_is_done_after_one_run(case: Case) -> None:
    once = run_pipeline(case.graph, case.passes).graph
    twice = run_pipeline(once, case.passes)
    assert [record for record in twice.records if record.changes] == []
    assert difference(once, twice.graph) is None


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if any(word in case.block("remarks") for word in DECLINED)],
    ids=lambda case: f"{case.file.stem}: {case.heading}",
)
def test_guard_is_what_stops_it(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the check the near miss would change, or the change could not even be made."""
    for each in case.passes:
        if isinstance(each, Rewrite):
            monkeypatch.setattr(type(each), "check", lambda self, graph, match: None)
    try:
        result = run_pipeline(case.graph, case.passes, verify=True)
    except CompileError:
        return
    done = {RemarkKind.FUSED, RemarkKind.CHANGED}
    assert {remark.kind for remark in result.remarks.all()} <= done
    assert print_graph(result.graph) != case.block("result")
    assert difference(result.graph, case.graph) is not None


@pytest.mark.parametrize("name", PASSES)
def test_pass_has_a_case_that_fires_and_a_near_miss(name: str) -> None:
    own = [case for case in CASES if case.file.stem == name]
    assert [case.heading for case in own if case.fires] != []
    if name != "dead_code":
        assert [case.heading for case in own if not case.fires] != []


def test_names_of_cases_differ() -> None:
    names = [(case.file, case.heading) for case in CASES]
    assert len(names) == len(set(names))
