"""Binding the arguments of a layer to its parameters.

In: arguments as written, the parameters of a spec, the values of an enclosing macro's parameters.
Out: `Arguments`, complete and typed, each with the place it was written at. Every mistake is
reported at the smallest span; what failed has its default and is listed in `failed`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...ir.diagnostic import Fix, Label
from ...ir.span import Span
from ..layers.pending import is_pending_argument
from ..layers.spec import Parameter, Wants
from ..messages.habits import ARGUMENTS, NEEDLESS_ARGUMENTS
from ..messages.suggestions import closest
from ..syntax import ast
from .expressions import Environment, Evaluated, evaluate
from .reporter import Reporter
from .value_reader import ValueReader


@dataclass(slots=True)
class Arguments:
    """The value of every parameter of one layer.

    `spans` has the places of those that are written, `items` the places within a tuple,
    `positional` the names of those given by position, in order. `subject` is the layer's name as
    written and `place` its span.
    """

    subject: str
    place: Span
    values: dict[str, Any] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)
    items: dict[str, tuple[Evaluated, ...]] = field(default_factory=dict)
    positional: list[str] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def given(self, name: str) -> bool:
        """Whether the program says what `name` is."""
        return name in self.spans

    def usable(self, *names: str) -> bool:
        """Whether none of them failed."""
        return not self.failed.intersection(names)

    def span(self, name: str) -> Span:
        """Where the value is written; the layer's name where it is a default."""
        return self.spans.get(name, self.place)

    def copy(self) -> Arguments:
        """A copy whose values can be completed without changing this one's."""
        return Arguments(
            self.subject,
            self.place,
            dict(self.values),
            self.spans,
            self.items,
            self.positional,
            set(self.failed),
        )


def bind(
    subject: ast.Name,
    arguments: Sequence[ast.Argument],
    parameters: Sequence[Parameter],
    environment: Environment,
    report: Reporter,
) -> Arguments:
    """The arguments of one layer, reported mistakes aside complete."""
    bound = Arguments(subject.text, subject.span)
    by_name = {name: p for p in parameters for name in (p.name, *p.aliases)}
    in_order = [p for p in parameters if not p.named_only]
    written: dict[str, Span] = {}
    place = 0
    named: ast.Argument | None = None
    for argument in arguments:
        if argument.name is None:
            if named is not None and named.name is not None:
                report.error(
                    "E0211",
                    "an argument without a name stands behind one with a name",
                    argument.span,
                    labels=(Label(named.span, "names start here"),),
                    help="give it its name, or put it in front",
                )
                bound.failed.update(p.name for p in in_order[place:])
                continue
            if place >= len(in_order):
                _too_many(subject, argument, in_order, report)
                continue
            parameter = in_order[place]
            place += 1
            bound.positional.append(parameter.name)
        else:
            named = argument
            found = by_name.get(argument.name.text)
            if found is None:
                _unknown(subject, argument.name, parameters, bound, report)
                continue
            parameter = found
        if parameter.name in written:
            report.error(
                "E0209",
                f"`{parameter.name}` is given twice",
                argument.span,
                labels=(Label(written[parameter.name], "here it is given first"),),
            )
            continue
        written[parameter.name] = argument.span
        value = evaluate(argument.value, environment, report)
        if value is None:
            bound.failed.add(parameter.name)
            bound.spans[parameter.name] = argument.value.span
            continue
        _take(bound, parameter, value, report)
    missing = [p for p in parameters if p.required and p.name not in written]
    for parameter in parameters:
        if parameter.name not in bound.values:
            bound.values[parameter.name] = None if parameter.required else parameter.default
    unnamed = [p for p in missing if p.name not in bound.failed]
    if unnamed:
        names = " and ".join(f"`{p.name}`" for p in unnamed)
        report.error(
            "E0205",
            f"`{subject.text}` needs {names}",
            subject.span,
            help=f"for example `{subject.text}({'…, ' * bool(arguments)}{_example(missing)})`",
        )
        bound.failed.update(p.name for p in unnamed)
    return bound


def _example(missing: Iterable[Parameter]) -> str:
    return ", ".join(f"{p.name}={_SAMPLES.get(p.wants, '…')}" for p in missing)


_SAMPLES = {
    Wants.INTEGER: "64",
    Wants.NUMBER: "0.1",
    Wants.SIZES: "3",
    Wants.INTEGERS: "(16, 64)",
    Wants.ACTIVATION: '"relu"',
}


def _too_many(
    subject: ast.Name, argument: ast.Argument, in_order: Sequence[Parameter], report: Reporter
) -> None:
    count = len(in_order)
    takes = (
        f"at most {count} argument{'s' if count > 1 else ''} without a name"
        if count
        else "no arguments without a name"
    )
    names = ", ".join(p.name for p in in_order)
    report.error(
        "E0210",
        f"`{subject.text}` takes {takes}",
        argument.span,
        help=f"in this order: {names}" if names else None,
    )


def _unknown(
    subject: ast.Name,
    name: ast.Name,
    parameters: Sequence[Parameter],
    bound: Arguments,
    report: Reporter,
) -> None:
    if is_pending_argument(subject.text, name.text):
        report.error(
            "E0212",
            f"`{name.text}` belongs to an attention that cannot be compiled yet",
            name.span,
            help='leave it out: what can be compiled is attention="full"',
        )
        return
    message = f"`{subject.text}` has no argument `{name.text}`"
    known = [n for p in parameters for n in (p.name, *p.aliases)]
    near = closest(name.text, known)
    if near is None or name.text.lower() in ARGUMENTS:
        near = next((n for n in ARGUMENTS.get(name.text.lower(), ()) if n in known), near)
    if near is not None:
        meant = next(p for p in parameters if near in (p.name, *p.aliases))
        bound.failed.add(meant.name)
        fix = Fix(f"write `{near}`", name.span, near)
        help = f"did you mean `{near}`?"
        report.error("E0204", message, name.span, help=help, fix=fix)
        return
    own = ", ".join(p.name for p in parameters if not p.named_only)
    reason = NEEDLESS_ARGUMENTS.get(name.text.lower())
    hint = f"leave it out: {reason}" if reason else (f"it has {own}" if own else None)
    report.error("E0204", message, name.span, help=hint)
    if reason is None:
        # What is missing may be what is called by another name here.
        bound.failed.update(p.name for p in parameters if p.required)


def _take(bound: Arguments, parameter: Parameter, value: Evaluated, report: Reporter) -> None:
    bound.spans[parameter.name] = value.span
    reader = ValueReader(bound.subject, parameter, report)
    result = reader.read(value)
    if reader.failed:
        bound.failed.add(parameter.name)
        return
    bound.values[parameter.name] = result
    bound.items[parameter.name] = value.items
