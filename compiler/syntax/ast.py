"""The abstract syntax tree: what the parser hands to the checker.

In: nothing. Out: frozen dataclasses, each with the span it was read from. The tree says what is
written, not what it means: macros, repetitions and names are still unresolved.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ...ir.span import Span


@dataclass(frozen=True, slots=True)
class Name:
    """An identifier where one is declared or used."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Number:
    """An integer or a float, sign included."""

    value: int | float
    span: Span


@dataclass(frozen=True, slots=True)
class String:
    value: str
    span: Span


@dataclass(frozen=True, slots=True)
class Boolean:
    value: bool
    span: Span


@dataclass(frozen=True, slots=True)
class NoneLiteral:
    span: Span


@dataclass(frozen=True, slots=True)
class Reference:
    """A bare name, or `$name` for a macro's parameter (`dollar`)."""

    name: str
    dollar: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right` with operator one of + - * /."""

    operator: str
    left: Expression
    right: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list `[…]` or a tuple `(…)`."""

    items: tuple[Expression, ...]
    bracketed: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Argument:
    """A positional argument (`name` is None) or a named one."""

    name: Name | None
    value: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """`Name(arguments)` as a value: an optimizer, a schedule, a wrapped layer."""

    name: Name
    arguments: tuple[Argument, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Hpo:
    """`HPO(kind(arguments))`: a choice left open."""

    choice: Call
    span: Span


@dataclass(frozen=True, slots=True)
class Entry:
    """`key: value` of a block of settings; `@"device"` has the key `@`."""

    key: Name
    value: Expression
    span: Span


@dataclass(frozen=True, slots=True)
class Settings:
    """`{ key: value … }`."""

    entries: tuple[Entry, ...]
    span: Span


Expression = (
    Number | String | Boolean | NoneLiteral | Reference | Binary | Sequence | Call | Hpo | Settings
)


@dataclass(frozen=True, slots=True)
class Layer:
    """`Name(arguments) { block } * repeat @ device`, the postfixes in any order.

    `arguments` is None where no parentheses are written.
    """

    name: Name
    arguments: tuple[Argument, ...] | None
    block: tuple[Item, ...] | None
    block_span: Span | None
    repeat: Expression | None
    device: String | None
    span: Span


@dataclass(frozen=True, slots=True)
class Branch:
    """`name: { items }` among layers."""

    name: Name
    items: tuple[Item, ...]
    span: Span


Item = Layer | Branch


@dataclass(frozen=True, slots=True)
class Input:
    """One input's shape as written, without the batch."""

    name: Name | None
    dims: tuple[Number | NoneLiteral | Reference, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a network that is not `input` or `layers`: `keyword: value [settings]`.

    `train`, `execution` and `hpo` blocks have `Settings` as their value; `optimizer` may have both
    an expression and a block of settings behind it.
    """

    keyword: Name
    value: Expression
    settings: Settings | None
    span: Span


@dataclass(frozen=True, slots=True)
class Network:
    """One `network NAME { … }`. `inputs` or `layers` are None where the section is missing."""

    name: Name
    inputs: tuple[Input, ...] | None
    inputs_span: Span | None
    layers: tuple[Item, ...] | None
    layers_span: Span | None
    sections: tuple[Section, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Parameter:
    """A macro's parameter, with its default where it has one."""

    name: Name
    default: Expression | None
    span: Span


@dataclass(frozen=True, slots=True)
class Macro:
    """`define NAME(parameters) { items }`."""

    name: Name
    parameters: tuple[Parameter, ...]
    items: tuple[Item, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Research:
    """`research NAME { … }`: kept as text, never compiled."""

    name: Name | None
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Fragment:
    """Layers and sections outside any network: a bare snippet to be checked by itself.

    `inputs` is None where the snippet has no section `input`.
    """

    items: tuple[Item, ...]
    sections: tuple[Section, ...]
    span: Span
    inputs: tuple[Input, ...] | None = None


Declaration = Network | Macro | Research | Fragment


@dataclass(frozen=True, slots=True)
class Program:
    """A whole source file: its declarations in the order in which they are written.
    `has_choices` is whether an `HPO(…)` stands anywhere in it."""

    declarations: tuple[Declaration, ...]
    span: Span
    has_choices: bool = field(default=False, repr=False)

    @property
    def networks(self) -> tuple[Network, ...]:
        return tuple(d for d in self.declarations if isinstance(d, Network))

    @property
    def macros(self) -> tuple[Macro, ...]:
        return tuple(d for d in self.declarations if isinstance(d, Macro))

    @property
    def fragments(self) -> tuple[Fragment, ...]:
        return tuple(d for d in self.declarations if isinstance(d, Fragment))
