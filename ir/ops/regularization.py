"""Dropout and noise: what a program says for training, and nothing at inference.

In: a tensor. Out: the same tensor; the reference is the meaning at inference.
"""

from __future__ import annotations

from typing import Any

from ..spec import AttributeSpec, Operand, OpSpec, define
from ..type import TensorType
from .rules import require, require_float

Types = tuple[TensorType, ...]


def _infer_dropout(operands: Any, attributes: Any) -> Types:
    require_float("dropout", x=operands[0])
    require(0 <= attributes["rate"] <= 1, f"dropout: rate {attributes['rate']} is not in [0, 1]")
    return (operands[0],)


define(
    OpSpec(
        "dropout",
        (Operand("x"),),
        _infer_dropout,
        {"rate": AttributeSpec(float), "training": AttributeSpec(bool, True)},
        reference=lambda arrays, attributes: arrays[0],
        doc="In training, each element becomes 0 with probability `rate` and is otherwise divided "
        "by 1 - rate; at inference, x. Srivastava et al., Dropout (2014).",
    )
)


def _infer_gaussian_noise(operands: Any, attributes: Any) -> Types:
    require_float("gaussian_noise", x=operands[0])
    require(attributes["stddev"] >= 0, f"gaussian_noise: stddev {attributes['stddev']} is negative")
    return (operands[0],)


define(
    OpSpec(
        "gaussian_noise",
        (Operand("x"),),
        _infer_gaussian_noise,
        {"stddev": AttributeSpec(float), "training": AttributeSpec(bool, True)},
        reference=lambda arrays, attributes: arrays[0],
        doc="In training, x plus normal noise of the standard deviation; at inference, x.",
    )
)
