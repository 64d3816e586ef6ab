"""What a call in a section is: an optimizer, a loss, a schedule, a metric.

In: nothing. Out: `CallSpec`, its parameters as those of layers are, and looking one up by any of
its spellings. The other files of this folder hold one table each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..layers.spec import REQUIRED, Parameter, Wants


@dataclass(frozen=True, slots=True)
class CallSpec:
    """Something with a name and arguments; `aliases` are other spellings of the name."""

    name: str
    doc: str
    parameters: tuple[Parameter, ...] = ()
    aliases: tuple[str, ...] = ()


def table(*specs: CallSpec) -> Mapping[str, CallSpec]:
    """Specs by every plain spelling of their names."""
    return {plain(name): spec for spec in specs for name in (spec.name, *spec.aliases)}


def plain(name: str) -> str:
    """A name without case and underscores: `MeanSquaredError` and `mean_squared_error` are one.
    Both spellings `crossentropy` and `cross_entropy` are, too."""
    return re.sub(r"_", "", name).lower()


def spellings(specs: Mapping[str, CallSpec]) -> Sequence[str]:
    """Every name that a table knows, for near misses."""
    return tuple(dict.fromkeys(n for spec in specs.values() for n in (spec.name, *spec.aliases)))


def number(
    name: str,
    doc: str,
    default: float | None = None,
    *,
    minimum: float | None = None,
    above: float | None = None,
    below: float | None = None,
    aliases: tuple[str, ...] = (),
    required: bool = False,
) -> Parameter:
    """A parameter that takes a number, or `none` where its default is None."""
    return Parameter(
        name,
        Wants.NUMBER,
        REQUIRED if required else default,
        doc,
        aliases,
        minimum,
        below,
        optional=default is None and not required,
        above=above,
    )


def count(
    name: str, doc: str, default: int | None = None, *, minimum: int = 1, required: bool = False
) -> Parameter:
    """A parameter that takes a whole number, or `none` where its default is None."""
    given = REQUIRED if required else default
    optional = default is None and not required
    return Parameter(name, Wants.INTEGER, given, doc, minimum=minimum, optional=optional)


def flag(name: str, doc: str, default: bool = False) -> Parameter:
    """A parameter that takes true or false."""
    return Parameter(name, Wants.BOOLEAN, default, doc)


def text(name: str, doc: str, *choices: str) -> Parameter:
    """A parameter that takes a name, or `none`; one of `choices` where there are some."""
    wants = Wants.CHOICE if choices else Wants.TEXT
    return Parameter(name, wants, None, doc, optional=True, choices=choices)


def anything(name: str, doc: str) -> Parameter:
    """A parameter that takes any value; it is kept as it is written."""
    return Parameter(name, Wants.ANYTHING, None, doc, optional=True)


NAME = text("name", "its own name in reports")
