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
from ..layers.activations import ACTIVATIONS, activation_named
from ..layers.initializers import Initializer, read_initializer
from ..layers.pending import is_pending_argument
from ..layers.spec import Parameter, Wants
from ..messages.habits import ARGUMENTS, NEEDLESS_ARGUMENTS
from ..messages.suggestions import closest, did_you_mean
from ..syntax import ast
from .expressions import Environment, Evaluated, OpenChoice, Word, describe, evaluate
from .reporter import Reporter

LARGEST_SIZE = 2**40
"""No size in a program can be larger: the tensor would be over the limit of elements."""


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
    reader = _Reader(bound.subject, parameter, report)
    result = reader.read(value)
    if reader.failed:
        bound.failed.add(parameter.name)
        return
    bound.values[parameter.name] = result
    bound.items[parameter.name] = value.items


class _Reader:
    """Turns one evaluated value into what its parameter wants, or reports why it cannot."""

    def __init__(self, subject: str, parameter: Parameter, report: Reporter) -> None:
        self.subject = subject
        self.parameter = parameter
        self.report = report
        self.failed = False

    def read(self, value: Evaluated) -> Any:
        parameter = self.parameter
        if isinstance(value.value, OpenChoice):
            return self.fail(
                "E0220",
                f"`{parameter.name}` is an open choice, and a network is compiled for one",
                value.span,
                help="write the value that was chosen in the place of `HPO(…)`",
            )
        if value.value is None and parameter.optional:
            return None
        match parameter.wants:
            case Wants.INTEGER:
                return self.integer(value)
            case Wants.NUMBER:
                return self.number(value)
            case Wants.BOOLEAN:
                return value.value if isinstance(value.value, bool) else self.wrong(value)
            case Wants.TEXT:
                text = _text(value)
                return text if text else self.wrong(value)
            case Wants.CHOICE:
                return self.choice(value)
            case Wants.ACTIVATION:
                return self.activation(value)
            case Wants.INITIALIZER:
                return self.initializer(value)
            case Wants.SIZES:
                return self.sizes(value)
            case Wants.INTEGERS:
                items = value.items if isinstance(value.value, tuple) else (value,)
                return tuple(self.integer(item) for item in items)
            case Wants.ANYTHING:
                return value.value

    def fail(
        self, code: str, message: str, span: Span, help: str | None = None, mend: str | None = None
    ) -> None:
        """Reports a mistake; `mend` is what should stand in its place."""
        self.failed = True
        fix = Fix(f"write {mend}", span, mend) if mend is not None else None
        self.report.error(code, message, span, help=help, fix=fix)

    def wrong(self, value: Evaluated) -> None:
        help, mend = None, None
        text = value.value
        wants = self.parameter.wants
        if isinstance(text, str) and wants in (Wants.INTEGER, Wants.NUMBER):
            try:
                float(text)
                help, mend = f"write it without quotes: {text}", text
            except ValueError:
                pass
        elif wants is Wants.BOOLEAN and str(text).lower() in ("true", "false"):
            help, mend = f"write it without quotes: {str(text).lower()}", str(text).lower()
        elif wants is Wants.BOOLEAN and text in (0, 1):
            mend = "true" if text else "false"
            help = f"write {mend}"
        elif wants is Wants.ACTIVATION and isinstance(text, int) and not isinstance(text, bool):
            help = f"`{self.subject}` takes one size, that of its result; what arrives is known"
        elif text is None and self.parameter.required:
            help = "sizes are never guessed: write the number"
        elif wants is Wants.CHOICE:
            help = f"it is one of {self.listed()}"
        elif wants is Wants.INTEGER and self.parameter.name == "units" and value.items:
            help = f"write a layer for each: `{self.subject}({value.items[0].value})` …"
        elif wants is Wants.ACTIVATION and not isinstance(text, bool | int | float | None):
            help = (
                'give its name, like "relu"; one with arguments is a layer of its own behind this'
            )
        self.fail(
            "E0206",
            f"`{self.parameter.name}` wants {self.parameter.wants.value}, "
            f"not {describe(value.value)}",
            value.span,
            help,
            mend,
        )

    def integer(self, value: Evaluated) -> int | None:
        number = value.value
        if isinstance(number, float) and number.is_integer():
            number = int(number)
        if isinstance(number, bool) or not isinstance(number, int):
            self.wrong(value)
            return None
        if number > LARGEST_SIZE:
            self.fail("E0207", f"`{self.parameter.name}` cannot be larger than 2^40", value.span)
            return None
        return number if self.in_range(number, value.span) else None

    def number(self, value: Evaluated) -> float | None:
        number = value.value
        if isinstance(number, bool) or not isinstance(number, int | float):
            self.wrong(value)
            return None
        return float(number) if self.in_range(number, value.span) else None

    def in_range(self, number: float, span: Span) -> bool:
        low, high = self.parameter.minimum, self.parameter.below
        if (low is None or number >= low) and (high is None or number < high):
            return True
        wanted = f"at least {low:g}" if low is not None else ""
        if high is not None:
            wanted += f"{' and ' if wanted else ''}less than {high:g}"
        help, mend = None, None
        if low == 0 and high == 1 and 5 <= number <= 99:
            mend = f"{number / 100:g}"
            help = f"a share is written as a fraction: {mend}"
        message = f"`{self.parameter.name}` must be {wanted}, not {number}"
        self.fail("E0207", message, span, help, mend)
        return False

    def choice(self, value: Evaluated) -> Any:
        word: Any = value.value if isinstance(value.value, bool) else _text(value)
        if isinstance(word, str):
            word = word.lower()
        if any(word == choice and type(word) is type(choice) for choice in self.parameter.choices):
            return word
        if word in self.parameter.pending:
            return self.fail(
                "E0212",
                f'`{self.parameter.name}="{word}"` cannot be compiled yet',
                value.span,
                help=f"what can be: {self.listed()}",
            )
        if word is None:
            return self.wrong(value)
        words = [c for c in (*self.parameter.choices, *self.parameter.pending) if type(c) is str]
        near = did_you_mean(word, words) if isinstance(word, str) else None
        best = closest(word, words) if isinstance(word, str) else None
        return self.fail(
            "E0208",
            f"`{self.parameter.name}` cannot be {describe(value.value)}",
            value.span,
            help=near or f"it is one of {self.listed()}",
            mend=f'"{best}"' if best else None,
        )

    def listed(self) -> str:
        shown = [
            str(c).lower() if isinstance(c, bool) else f'"{c}"' for c in self.parameter.choices
        ]
        return ", ".join(shown) or "none"

    def activation(self, value: Evaluated) -> str | None:
        if value.value is None:
            return "linear"
        text = _text(value)
        if not text:
            self.wrong(value)
            return None
        name = activation_named(text)
        if name is None:
            near = closest(text, ACTIVATIONS)
            self.fail(
                "E0208",
                f"there is no activation `{text}`",
                value.span,
                help=did_you_mean(text, ACTIVATIONS) or "it is one of " + ", ".join(ACTIVATIONS),
                mend=f'"{near}"' if near else None,
            )
        return name

    def initializer(self, value: Evaluated) -> Initializer | None:
        read = read_initializer(value)
        if isinstance(read, Initializer):
            return read
        message, span, help = read
        self.fail("E0208", message, span, help)
        return None

    def sizes(self, value: Evaluated) -> tuple[int | None, ...] | None:
        axes = self.parameter.axes
        if not isinstance(value.value, tuple):
            return (self.integer(value),) * axes
        if len(value.items) == 1:
            return (self.integer(value.items[0]),) * axes
        if len(value.items) != axes:
            self.fail(
                "E0206",
                f"`{self.parameter.name}` has one number for each of {axes} axes, "
                f"not {len(value.items)}",
                value.span,
            )
            return None
        return tuple(self.integer(item) for item in value.items)


def _text(value: Evaluated) -> str | None:
    if isinstance(value.value, Word):
        return value.value.text
    return value.value if isinstance(value.value, str) else None
