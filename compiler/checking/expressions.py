"""Evaluating the constant expressions of a program.

In: AST expressions and the values of a macro's parameters. Out: `Evaluated`, plain Python values
that still know their places; mistakes go to the `Reporter`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...ir.span import Span
from ..syntax import ast
from .reporter import Reporter


@dataclass(frozen=True, slots=True)
class Word:
    """A bare name that no parameter has: `activation=relu` means the same as the string."""

    text: str


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A value: int, float, bool, str, None, `Word`, `CallValue`, `OpenChoice`, or a tuple, whose
    `items` then know their own places; and the span it was written at."""

    value: Any
    span: Span
    items: tuple[Evaluated, ...] = ()


@dataclass(frozen=True, slots=True)
class CallValue:
    """`Name(arguments)`, its arguments evaluated; positional ones have the name None."""

    name: str
    arguments: tuple[tuple[str | None, Evaluated], ...]


@dataclass(frozen=True, slots=True)
class OpenChoice:
    """An `HPO(…)` that nobody has decided yet."""

    kind: str
    node: ast.Hpo


Environment = Mapping[str, Evaluated]

LARGEST = 2**53
"""Integers beyond it are no sizes and would be inexact as floats."""


def evaluate(
    expression: ast.Expression, environment: Environment, report: Reporter
) -> Evaluated | None:
    """The value of an expression, None after a reported mistake."""
    span = expression.span
    match expression:
        case ast.Number(value=value) | ast.String(value=value) | ast.Boolean(value=value):
            return Evaluated(value, span)
        case ast.NoneLiteral():
            return Evaluated(None, span)
        case ast.Reference(name=name, dollar=dollar):
            if name in environment:
                return replace(environment[name], span=span)
            if dollar:
                return _unknown_parameter(expression, environment, report)
            return Evaluated(Word(name), span)
        case ast.Binary():
            return _binary(expression, environment, report)
        case ast.Sequence(items=items):
            evaluated = [evaluate(item, environment, report) for item in items]
            present = tuple(item for item in evaluated if item is not None)
            if len(present) != len(evaluated):
                return None
            return Evaluated(tuple(item.value for item in present), span, present)
        case ast.Call():
            return _call(expression, environment, report)
        case ast.Hpo(choice=choice):
            return Evaluated(OpenChoice(choice.name.text, expression), span)
        case ast.Settings(entries=entries):
            pairs = []
            for entry in entries:
                value_ = evaluate(entry.value, environment, report)
                if value_ is None:
                    return None
                pairs.append((entry.key.text, value_))
            return Evaluated(CallValue("", tuple(pairs)), span)


def _call(call: ast.Call, environment: Environment, report: Reporter) -> Evaluated | None:
    arguments: list[tuple[str | None, Evaluated]] = []
    for argument in call.arguments:
        value = evaluate(argument.value, environment, report)
        if value is None:
            return None
        arguments.append((argument.name.text if argument.name else None, value))
    return Evaluated(CallValue(call.name.text, tuple(arguments)), call.span)


def _unknown_parameter(
    reference: ast.Reference, environment: Environment, report: Reporter
) -> Evaluated | None:
    from ..messages.suggestions import closest

    known = ", ".join(f"`${name}`" for name in environment)
    near = closest(reference.name, environment)
    if near is not None:
        help = f"did you mean `${near}`?"
    else:
        help = f"the parameters here are {known}" if known else "only macros have parameters"
    report.error("E0217", f"there is no parameter `${reference.name}`", reference.span, help=help)
    return None


def _binary(expression: ast.Binary, environment: Environment, report: Reporter) -> Evaluated | None:
    left = evaluate(expression.left, environment, report)
    right = evaluate(expression.right, environment, report)
    if left is None or right is None:
        return None
    for side in (left, right):
        if isinstance(side.value, OpenChoice):
            return replace(side, span=expression.span)
        if isinstance(side.value, bool) or not isinstance(side.value, int | float):
            report.error("E0222", f"{describe(side.value)} cannot be calculated with", side.span)
            return None
    value: int | float
    a, b = left.value, right.value
    if expression.operator == "+":
        value = a + b
    elif expression.operator == "-":
        value = a - b
    elif expression.operator == "*":
        value = a * b
    elif b == 0:
        report.error("E0222", "division by zero", right.span)
        return None
    else:
        value = a / b
        if isinstance(a, int) and isinstance(b, int) and a % b == 0:
            value = a // b
    if abs(value) > LARGEST and isinstance(value, int):
        report.error("E0222", "the result is too large to be a size", expression.span)
        return None
    return Evaluated(value, expression.span)


def describe(value: Any) -> str:
    """A value in the words of a message: `the text "relu"`, `the number 3`."""
    match value:
        case None:
            return "`none`"
        case bool():
            return f"`{str(value).lower()}`"
        case int() | float():
            return f"the number {value}"
        case str():
            return f'the text "{value}"'
        case Word(text=text):
            return f"the name `{text}`"
        case CallValue(name=name):
            return f"`{name}(…)`" if name else "a block of settings"
        case OpenChoice(kind=kind):
            return f"the open choice `HPO({kind}(…))`"
        case _:
            return "a list"
