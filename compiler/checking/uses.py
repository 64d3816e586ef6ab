"""Layers as they will exist, behind macros and repetitions.

In: nothing. Out: `Use` and `BranchUse`, what the expander hands to the rules, and `Line`, a list of
them that is being written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from ...ir.diagnostic import Label
from ...ir.span import Span
from ..layers.spec import LayerSpec
from ..syntax import ast
from .arguments import Arguments
from .model import ModelInput


@dataclass(frozen=True, slots=True, eq=False)
class BranchUse:
    """One of several branches: `name: { … }`, or an item of Parallel.

    `span` is its name. `input` is what it starts from where that is an input of the network;
    otherwise it starts from the value that arrives at all of them.
    """

    name: str
    span: Span
    uses: tuple[Use, ...]
    input: ModelInput | None = None
    stream: str = ""
    """What the names of its mask inputs start with."""


@dataclass(frozen=True, slots=True, eq=False)
class Use:
    """One layer that will exist. `spec` is None for one that cannot, which is reported.

    `calls` are the uses of the macros that it comes from, the innermost first. `branches` are those
    that end at it.
    """

    layer: ast.Layer
    spec: LayerSpec | None
    arguments: Arguments
    scope: str
    block: tuple[Use, ...] | None = None
    calls: tuple[Span, ...] = ()
    device: str | None = None
    branches: tuple[BranchUse, ...] = ()

    @property
    def labels(self) -> tuple[Label, ...]:
        """Labels that lead from the inside of macros to their uses."""
        return tuple(Label(span, "in this use of the macro") for span in self.calls)

    @property
    def merges(self) -> bool:
        """Whether it makes one value of several branches."""
        return self.spec is not None and self.spec.merge is not None


def all_uses(uses: Sequence[Use]) -> Iterator[Use]:
    """Every use, in the order of the values: those of its branches, itself, those of its block."""
    for use in uses:
        for branch in use.branches:
            yield from all_uses(branch.uses)
        yield use
        yield from all_uses(use.block or ())


@dataclass(slots=True)
class Line:
    """A chain of uses that is being written. Branches wait in `pending` for what they end at."""

    uses: list[Use] = field(default_factory=list)
    pending: list[BranchUse] = field(default_factory=list)

    def add(self, use: Use) -> None:
        if self.pending:
            use = replace(use, branches=(*self.pending, *use.branches))
            self.pending.clear()
        self.uses.append(use)
