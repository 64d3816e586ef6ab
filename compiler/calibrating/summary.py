"""What calibration found: for each group of products its error alone, its gain and its scheme.

In: the findings. Out: `CalibrationSummary`, as text for people, as JSON, and for a file's metadata.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class GroupResult:
    """One group of products."""

    name: str
    products: tuple[str, ...]
    """The paths of the weights."""
    scheme: str
    error_alone: float
    """The output's error where this group alone is in lower precision."""
    microseconds: float
    """What lower precision gains here, from the target's cost table."""

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "products": list(self.products),
            "scheme": self.scheme,
            "error_alone": number(self.error_alone),
            "microseconds": round(self.microseconds, 1),
        }


@dataclass(frozen=True, slots=True)
class CalibrationSummary:
    """Errors are relative to the spread of the outputs: see `OutputError`."""

    origin: str
    digest: str
    samples: int
    limit: float | None
    error_of_all: float
    """The error with every group in lower precision, as far as equalizing and clipping help."""
    error_untuned: float
    """The same without equalizing and clipping."""
    error: float
    maximum: float
    """Of the model as it is compiled: the error, and the largest single difference."""
    equalized: int
    clipped: int
    """How many places are equalized, how many weights are clipped somewhere."""
    activation_scales: str
    groups: tuple[GroupResult, ...]

    @property
    def kept(self) -> tuple[GroupResult, ...]:
        """The groups that stay in float32."""
        return tuple(group for group in self.groups if group.scheme == "fp32")

    def as_json(self) -> dict[str, Any]:
        return {
            **self._whole(),
            "error_of_all": number(self.error_of_all),
            "error_untuned": number(self.error_untuned),
            "groups": [group.as_json() for group in self.groups],
        }

    def as_metadata(self) -> dict[str, Any]:
        """What a compiled file keeps."""
        return {**self._whole(), "fp32": [path for each in self.kept for path in each.products]}

    def _whole(self) -> dict[str, Any]:
        return {
            "data": self.origin,
            "digest": self.digest,
            "samples": self.samples,
            "limit": self.limit,
            "error": number(self.error),
            "max": number(self.maximum),
            "equalized": self.equalized,
            "clipped": self.clipped,
            "activation_scales": self.activation_scales,
        }

    def as_text(self) -> str:
        """A table of the groups, and what the whole comes to."""
        rows = [("products", "error alone", "µs gained", "scheme")]
        for each in self.groups:
            alone, gain = f"{each.error_alone:.2e}", f"{each.microseconds:.0f}"
            rows.append((each.name, alone, gain, each.scheme))
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = [
            f"{name:<{widths[0]}}  {alone:>{widths[1]}}  {gain:>{widths[2]}}  {scheme}"
            for name, alone, gain, scheme in rows
        ]
        gained = sum(each.microseconds for each in self.groups if each.scheme != "fp32")
        possible = sum(each.microseconds for each in self.groups)
        limit = "" if self.limit is None else f" (limit {self.limit:g})"
        lines += [
            f"error {self.error:.2e} of the outputs' spread{limit}, largest {self.maximum:.2e}, on "
            f"{self.samples} samples from {self.origin}",
            f"{self.error_of_all:.2e} with every product in lower precision, "
            f"{self.error_untuned:.2e} before equalizing and clipping",
            f"{self.equalized} places equalized, {self.clipped} weights clipped, "
            f"{len(self.kept)} of {len(self.groups)} groups in fp32, "
            f"{gained:.0f} of {possible:.0f} µs gained",
        ]
        return "\n".join(lines)


def number(value: float) -> float | str:
    """JSON has no infinity; six digits say all that a measurement does."""
    return float(f"{value:.6g}") if math.isfinite(value) else str(value)
