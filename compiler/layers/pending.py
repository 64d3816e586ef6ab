"""Layers of Keras that have a place in the language and cannot be compiled yet.

In: nothing. Out: their names, and those of arguments, so that a program that uses one gets a
message that says so, and not one about an unknown name.
"""

from __future__ import annotations

PENDING = (
    "AdditiveAttention",
    "ConvLSTM1D",
    "ConvLSTM2D",
    "ConvLSTM3D",
    "EinsumDense",
    "GroupQueryAttention",
    "SpectralNormalization",
)

EFFICIENT = ("window", "block", "global_tokens", "stride", "feature_map")
"""Arguments of transformer layers for `attention` of another kind than "full"."""

_BY_NAME = {name.lower(): name for name in PENDING}


def pending_named(name: str) -> str | None:
    """The layer's proper name, None where no such layer is pending."""
    return _BY_NAME.get(name.lower())


def is_pending_argument(layer: str, argument: str) -> bool:
    """Whether the layer will have the argument one day."""
    return layer.lower() in ("transformerencoder", "transformerdecoder") and argument in EFFICIENT
