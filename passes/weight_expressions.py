"""Ops over weights that are computed when the file is written.

In: sources. Out: sources.
"""

from __future__ import annotations

from ..ir.node import Attribute
from ..ir.parameter import Computed, ParameterSource
from ..ir.spec import spec_of


def applied(op: str, *operands: ParameterSource, **attributes: Attribute) -> ParameterSource:
    """An op over sources."""
    spec = spec_of(op)
    complete = spec.complete(attributes)
    (type,) = spec.infer([each.type for each in operands], complete)
    return Computed(type, op, complete, operands)
