"""The mask inputs of a network: made when the first layer wants one.

In: the wishes of layers and of `--padding-mask`. Out: `ModelInput` values for `attention_mask` and
`decoder_attention_mask`, each with one shape.
"""

from __future__ import annotations

from ...ir.diagnostic import Label
from ...ir.dim import Symbol, SymbolicDim
from ...ir.dtype import DType
from ...ir.span import Span
from ...ir.type import TensorType
from .model import ModelInput
from .reporter import Reporter
from .site import Flow, shape_text

PADDING = "padding"
PAIRWISE = "pairwise"


class MaskInputs:
    """The masks asked for so far, by name."""

    def __init__(self, dtype: DType, report: Reporter) -> None:
        self.inputs: dict[str, ModelInput] = {}
        self._dtype = dtype
        self._report = report

    def request(self, flow: Flow, role: str, span: Span, wish: str) -> str | None:
        """The name of the mask input for the sequence in `flow`, None after a reported mistake.

        `wish` says who asks, for the message where two requests cannot both be met.
        """
        assert flow.type is not None
        name = f"{flow.stream}attention_mask"
        batch, length = flow.type.shape[:2]
        if not _can_be_given(length):
            self._report.error(
                "E0315",
                f"the mask would have the length `{length}`, which no input has",
                span,
                help="use masks where the sequence still has its input's length",
            )
            return None
        shape = (batch, length, length) if role == PAIRWISE else (batch, length)
        type = TensorType(self._dtype, shape)
        known = self.inputs.get(name)
        if known is None:
            self.inputs[name] = ModelInput(name, type, role, span)
        elif known.type != type:
            self._report.error(
                "E0226",
                f"the input `{name}` cannot have the shape {shape_text(type)} for {wish} and "
                f"{shape_text(known.type)} elsewhere",
                span,
                labels=(Label(known.span, "asked for here"),) if known.span else (),
                help="use one kind of mask in the whole sequence; mask_zero=true on the Embedding "
                "masks padding without an input",
            )
            return None
        return name


def _can_be_given(dim: int | SymbolicDim) -> bool:
    """Whether an input can have this size: a number or a symbol of its own."""
    if isinstance(dim, int):
        return True
    ((monomial, coefficient), *rest) = dim.terms
    return not rest and coefficient == 1 and len(monomial) == 1 and isinstance(monomial[0], Symbol)
