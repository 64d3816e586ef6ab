"""What a layer says of each of its weights, before there is one.

In: nothing. Out: `Weight`, which the rules of layers list and the builder makes parameters of.
"""

from __future__ import annotations

from dataclasses import dataclass

from .initializers import Initializer


@dataclass(frozen=True, slots=True)
class Weight:
    """One tensor of weights of a layer: path below the layer, shape, what it starts from.

    `kind` is the word before `_initializer` that changes its start. `state` marks what training
    updates without gradients, `constant` what it never changes.
    """

    path: str
    shape: tuple[int, ...]
    kind: str
    initializer: Initializer
    state: bool = False
    constant: bool = False
