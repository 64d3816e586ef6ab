"""Measured costs of forms.

In: `ir/targets/<target>.json`, written by benchmarks/forms.py. Out: `CostTable`, which estimates
what a form costs at a size that was not measured.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

Points = tuple[tuple[float, float], ...]
"""(size, microseconds), by size."""


@dataclass(frozen=True, slots=True)
class CostTable:
    """Microseconds by case and form.

    A case is an op, or an op and what sets its kernels apart (`attention causal`, `attention
    masked`). The size's unit is the op's: additions and multiplications for products and
    attention, elements for the others.
    """

    points: Mapping[str, Mapping[str, Points]] = field(default_factory=dict)
    machine: str = ""
    """Where and with which versions it was measured."""

    def estimate(self, case: str, form: str, size: float) -> float | None:
        """Microseconds: between measured sizes on a line in logarithms, beyond the largest in
        proportion, below the smallest what that one takes.

        None where that form was never measured in that case.
        """
        points = self.points.get(case, {}).get(form)
        if not points:
            return None
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
    points = {
        case: {form: tuple((float(s), float(t)) for s, t in rows) for form, rows in forms.items()}
        for case, forms in content["microseconds"].items()
    }
    return CostTable(points, content["machine"])
