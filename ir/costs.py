"""Measured costs of forms.

In: `ir/targets/<target>.json`, written by benchmarks/forms.py. Out: `CostTable`, which estimates
what a form costs at a size that was not measured.

The file holds, beside the machine, rows of `[size, microseconds, shape class]` by case and form
under `microseconds` (float32), and the same under `precisions` by the name of the precision. A row
without a shape class counts for all.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Any

Points = tuple[tuple[float, float], ...]
"""(size, microseconds), by size."""
Cell = tuple[str, str, str, str]
"""Precision, case, form and shape class; the empty class holds all of them."""
FP32 = "fp32"
SOME_ROWS = 128
WIDE = 512


@dataclass(frozen=True, slots=True)
class CostTable:
    """Microseconds by case and form, and by precision and shape class where those were measured.

    A case is an op, or an op and what sets its kernels apart (`attention causal`, `attention
    masked`). The size's unit is the op's: additions and multiplications for products and
    attention, elements for the others.
    """

    points: Mapping[str, Mapping[str, Points]] = field(default_factory=dict)
    """In float32, all shape classes together."""
    machine: str = ""
    """Where and with which versions it was measured."""
    cells: Mapping[Cell, Points] = field(default_factory=dict)

    def estimate(
        self, case: str, form: str, size: float, shape: str = "", precision: str = FP32
    ) -> float | None:
        """Microseconds: between measured sizes on a line in logarithms, beyond the largest in
        proportion, below the smallest what that one takes. From rows of the shape class where
        there are any, else from all.

        None where that form was never measured in that case and precision.
        """
        points = self.cells.get((precision, case, form, shape))
        if not points:
            points = self.cells.get((precision, case, form, ""))
        if not points and precision == FP32:
            points = self.points.get(case, {}).get(form)
        return _on_the_line(points, size) if points else None


def shape_class(rows: int, columns: int) -> str:
    """The class of an op's shape: kernels treat one row, some and many differently, and rows that
    fit into a few registers as well."""
    height = "one row" if rows <= 1 else "some rows" if rows <= SOME_ROWS else "many rows"
    return f"{height}, {'narrow' if columns < WIDE else 'wide'}"


def _on_the_line(points: Points, size: float) -> float:
    sizes = [each for each, _ in points]
    at = bisect_left(sizes, size)
    if at == 0:
        return points[0][1]
    if at == len(points):
        return points[-1][1] * size / points[-1][0]
    (left, low), (right, high) = points[at - 1], points[at]
    share = math.log(size / left) / math.log(right / left)
    return float(low * (high / low) ** share)


@lru_cache(maxsize=8)
def cost_table(target: str) -> CostTable:
    """The table measured for a target; an empty one where nobody has measured."""
    file = Path(__file__).parent / "targets" / f"{target}.json"
    if not file.is_file():
        return CostTable()
    content = json.loads(file.read_text(encoding="utf-8"))
    cells = _cells(FP32, content["microseconds"])
    for precision, cases in content.get("precisions", {}).items():
        cells |= _cells(precision, cases)
    points: dict[str, dict[str, Points]] = {}
    for (precision, case, form, shape), rows in cells.items():
        if precision == FP32 and not shape:
            points.setdefault(case, {})[form] = rows
    return CostTable(points, content["machine"], cells)


def _cells(
    precision: str, cases: Mapping[str, Mapping[str, list[list[Any]]]]
) -> dict[Cell, Points]:
    found: dict[Cell, list[tuple[float, float]]] = {}
    for case, forms in cases.items():
        for form, rows in forms.items():
            for size, microseconds, *shape in rows:
                for name in dict.fromkeys(("", *shape)):
                    cell = precision, case, form, name
                    found.setdefault(cell, []).append((float(size), float(microseconds)))
    return {cell: tuple(sorted(rows, key=itemgetter(0))) for cell, rows in found.items()}
