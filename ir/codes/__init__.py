"""Every code a diagnostic may carry: what `neural explain CODE` shows.

In: nothing. Out: `CODES`, one row per code, sorted. The first letter is the severity (`E` error,
`W` warning, `N` note, `R` remark), the next two digits the part of the compiler that speaks, which
has a file here: 01 source text and syntax, 02 names, layers and arguments, 03 shapes, 04 weights
and seeds, 05 surroundings (files, packages, providers), 06 targets, lowering and limits, 07 running
a model, 08 what the passes did, 09 faults of the compiler itself.
"""

from __future__ import annotations

from . import language, passes, running, surroundings, syntax, targets, weights
from .code import Code

__all__ = ["CODES", "GROUPS", "Code"]

_PARTS = (syntax, language, weights, surroundings, targets, running, passes)

CODES: dict[str, Code] = dict(sorted(row for part in _PARTS for row in part.CODES.items()))

GROUPS = {
    "01": "Source text and syntax",
    "02": "Names, layers and arguments",
    "03": "Shapes",
    "04": "Weights and seeds",
    "05": "Surroundings: files, packages, providers, options",
    "06": "Targets, lowering and limits",
    "07": "Running a model",
    "08": "What the passes did",
    "09": "Faults of the compiler",
}
"""What the two digits behind the letter of a code stand for."""
