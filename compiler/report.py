"""What a compilation tells about itself.

In: what the driver notes as it goes. Out: `Report`, as text for people and as JSON for programs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..ir.diagnostic import Diagnostic, Severity

if TYPE_CHECKING:
    from .calibrating.summary import CalibrationSummary
    from .verifying.verification import Verification


@dataclass(frozen=True, slots=True)
class StageTime:
    """One stage of the pipeline, or one pass within it."""

    stage: str
    name: str
    """The pass; empty for the stage as a whole."""
    wall_seconds: float
    cpu_seconds: float
    changes: int | None = None
    nodes: int | None = None


@dataclass
class Report:
    """Everything that a compilation found out, in the order in which it did."""

    diagnostics: list[Diagnostic] = field(default_factory=list)
    """Warnings and notes."""
    remarks: list[Diagnostic] = field(default_factory=list)
    """What was fused, which form was taken, what was not fused and why."""
    times: list[StageTime] = field(default_factory=list)
    pipeline: list[str] = field(default_factory=list)
    """The passes that ran, in order."""
    nodes: dict[str, int] = field(default_factory=dict)
    """How many nodes each graph has: `built`, `raised`, `target`."""
    fused: dict[str, int] = field(default_factory=dict)
    """How many of each fused op the raised graph holds."""
    forms: dict[str, int] = field(default_factory=dict)
    """How many kernels of each form the target graph holds, e.g. `attention=attention23`."""
    products: dict[str, int] = field(default_factory=dict)
    """How many products with a weight compute in each scheme, where a lower precision was asked
    for."""
    choices: dict[str, Any] = field(default_factory=dict)
    """The values that open choices of the program got, by their names."""
    calibration: CalibrationSummary | None = None
    parameters: int = 0
    """Elements of all trainable weights."""
    weight_bytes: int = 0
    files: list[tuple[str, int]] = field(default_factory=list)
    """Written files with their sizes in bytes."""
    verification: Verification | None = None

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times what is done within it."""
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self.times.append(
                StageTime(name, "", time.perf_counter() - wall, time.process_time() - cpu)
            )

    @property
    def warnings(self) -> list[Diagnostic]:
        return [d for d in self.diagnostics if d.severity is Severity.WARNING]

    def as_json(self) -> dict[str, Any]:
        """The report as JSON-ready data."""
        return {
            "pipeline": self.pipeline,
            "times": [
                {
                    "stage": time.stage,
                    "pass": time.name,
                    "wall_seconds": time.wall_seconds,
                    "cpu_seconds": time.cpu_seconds,
                    "changes": time.changes,
                    "nodes": time.nodes,
                }
                for time in self.times
            ],
            "nodes": self.nodes,
            "fused": self.fused,
            "forms": self.forms,
            "products": self.products,
            "calibration": self.calibration.as_json() if self.calibration else None,
            "parameters": self.parameters,
            "weight_bytes": self.weight_bytes,
            "files": [{"path": path, "bytes": size} for path, size in self.files],
            "diagnostics": [d.as_json() for d in self.diagnostics],
            "remarks": [d.as_json() for d in self.remarks],
            "verification": self.verification.as_json() if self.verification else None,
        }

    def times_text(self) -> str:
        """The stages with their passes, as `--time-passes` prints them."""
        lines = [f"{'stage':<28}{'wall ms':>10}{'CPU ms':>10}{'changes':>9}{'nodes':>8}"]
        for each in self.times:
            name = f"  {each.name}" if each.name else each.stage
            changes = "" if each.changes is None else str(each.changes)
            nodes = "" if each.nodes is None else str(each.nodes)
            wall, cpu = each.wall_seconds * 1e3, each.cpu_seconds * 1e3
            lines.append(f"{name:<28}{wall:>10.1f}{cpu:>10.1f}{changes:>9}{nodes:>8}")
        whole = [each for each in self.times if not each.name]
        wall = sum(each.wall_seconds for each in whole) * 1e3
        cpu = sum(each.cpu_seconds for each in whole) * 1e3
        lines.append(f"{'together':<28}{wall:>10.1f}{cpu:>10.1f}")
        return "\n".join(lines)
