"""Whether a loss fits the last layer of a network.

In: the loss, the last layer's activation and width. Out: warnings.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...ir.span import Span
from .reporter import Reporter


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss by its proper name, where it is written, and whether it is told that logits come."""

    name: str
    span: Span
    from_logits: bool


def check_head(loss: Loss, activation: str, units: int, report: Reporter) -> None:
    """Warns where the last layer's activation does not fit the loss."""
    span = loss.span
    if loss.from_logits:
        if activation in ("softmax", "sigmoid"):
            report.warning(
                "W0204",
                f"from_logits=true, and the last layer already applies {activation}",
                span,
            )
        return
    if loss.name in ("categorical_crossentropy", "sparse_categorical_crossentropy"):
        if units == 1:
            report.warning(
                "W0204",
                f"{loss.name} over one class is always zero",
                span,
                help='for two classes use Output(2), or "binary_crossentropy" with a sigmoid',
            )
        elif activation != "softmax":
            report.warning(
                "W0204",
                f"{loss.name} wants probabilities, and the last layer's activation is {activation}",
                span,
                help='give the last layer activation="softmax"',
            )
    elif loss.name == "binary_crossentropy" and activation != "sigmoid":
        report.warning(
            "W0204",
            f"{loss.name} wants a sigmoid, and the last layer's activation is {activation}",
            span,
            help='give the last layer activation="sigmoid"',
        )
    elif loss.name.startswith("mean_") and activation == "softmax":
        report.warning(
            "W0204",
            f"{loss.name} compares values, and the last layer gives probabilities (softmax)",
            span,
            help="leave the activation out, or use a cross-entropy",
        )
