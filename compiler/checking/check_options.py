"""What the checker may be asked for.

In: the command line's or the Python API's options. Out: `CheckOptions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...ir.dtype import DType

MASK_DTYPES = {
    "int64": DType.I64,
    "i64": DType.I64,
    "bool": DType.BOOL,
    "float32": DType.F32,
    "f32": DType.F32,
}


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """Options that change what a program means.

    `network` limits the check to one network. `positions` (none, sinusoidal, learned) overrides the
    positions that are added by themselves. `dynamic` holds `seq` where the first axis behind the
    batch of every sequence stays open; `max_sizes` bounds open axes, by `seq` or by their names.
    `logits` is `last` where of the results of each position only the last one's is wanted.
    `input` is a shape that bare layers are taken as a chain from; None in it is an open axis.
    `set` holds values for open choices and arguments by their paths; with `hpo_default` choices
    that nobody made take their defaults, with `open_choices` they do so for the check only.
    """

    network: str | None = None
    positions: str | None = None
    padding_mask: bool = False
    mask_dtype: str = "int64"
    dynamic: tuple[str, ...] = ()
    max_sizes: Mapping[str, int] = field(default_factory=dict)
    logits: str = "all"
    lint: bool = True
    input: tuple[int | None, ...] | None = None
    set: Mapping[str, str] = field(default_factory=dict)
    hpo_default: bool = False
    open_choices: bool = False
