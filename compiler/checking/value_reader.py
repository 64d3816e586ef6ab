"""Reading the value of one argument as what its parameter wants.

In: an evaluated value and a parameter. Out: the value with its type, or a report of why it cannot
be, at the smallest span, with the mend where one can be told.
"""

from __future__ import annotations

from typing import Any

from ...ir.diagnostic import Fix
from ...ir.span import Span
from ..layers.activations import ACTIVATIONS, activation_named
from ..layers.initializers import Initializer, read_initializer
from ..layers.spec import Parameter, Wants
from ..messages.suggestions import closest, did_you_mean
from .expressions import Evaluated, OpenChoice, Word, describe
from .reporter import Reporter

LARGEST_SIZE = 2**40
"""No size in a program can be larger: the tensor would be over the limit of elements."""


class ValueReader:
    """Turns one evaluated value into what its parameter wants, or reports why it cannot."""

    def __init__(self, subject: str, parameter: Parameter, report: Reporter) -> None:
        self.subject = subject
        self.parameter = parameter
        self.report = report
        self.failed = False

    def read(self, value: Evaluated) -> Any:
        parameter = self.parameter
        if isinstance(value.value, OpenChoice):  # one that offers nothing, which has been told
            self.failed = True
            return None
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
            case Wants.NUMBERS:
                return self.numbers(value)
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
        low, above, high = self.parameter.minimum, self.parameter.above, self.parameter.below
        if (
            (low is None or number >= low)
            and (above is None or number > above)
            and (high is None or number < high)
        ):
            return True
        wanted = f"at least {low:g}" if low is not None else ""
        if above is not None:
            wanted = f"greater than {above:g}"
        if high is not None:
            wanted += f"{' and ' if wanted else ''}less than {high:g}"
        help, mend = None, None
        if low == 0 and high == 1 and 5 <= number <= 99:
            mend = f"{number / 100:g}"
            help = f"a share is written as a fraction: {mend}"
        message = f"`{self.parameter.name}` must be {wanted}, not {number}"
        self.fail("E0207", message, span, help, mend)
        return False

    def numbers(self, value: Evaluated) -> tuple[float | None, ...] | None:
        items = value.items if isinstance(value.value, tuple) else (value,)
        if self.parameter.axes and len(items) != self.parameter.axes:
            self.fail(
                "E0206",
                f"`{self.parameter.name}` has {self.parameter.axes} numbers, not {len(items)}",
                value.span,
            )
            return None
        return tuple(self.number(item) for item in items)

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
