"""Open choices: what an `HPO(…)` offers.

In: `HPO(…)` as written. Out: an `OpenChoice` with its values or its range and its default, or a
report of what is wrong with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..checking.expressions import CallValue, Word, evaluate
from ..checking.reporter import Reporter
from ..checking.section_values import plain as as_data
from ..messages.suggestions import did_you_mean
from ..syntax import ast

LISTS = ("choice", "categorical")
_BOUNDS = {"min": "low", "start": "low", "max": "high", "end": "high", "stop": "high"}
_TOLERANCE = 1e-9
"""Of a multiple of a step, relative to the step."""


@dataclass(frozen=True, slots=True)
class OpenChoice:
    """One `HPO(…)`: `options` of a choice, or `low` … `high` of a range, in steps or not."""

    node: ast.Hpo
    kind: str
    options: tuple[ast.Expression, ...]
    low: float | None
    high: float | None
    step: float | None
    default: ast.Expression

    @property
    def offer(self) -> str:
        """What can be chosen, for people."""
        if self.kind in LISTS:
            return "one of " + ", ".join(shown(plain(each)) for each in self.options)
        whole = "whole numbers " if self.kind == "int_range" else ""
        steps = f" in steps of {self.step:g}" if self.step else ""
        return f"{whole}{self.low:g} to {self.high:g}{steps}"

    def allows(self, value: Any) -> bool:
        """Whether a plain value is among those that are offered. A value that depends on a
        macro's parameter is not known here, so anything is allowed beside it."""
        if self.kind in LISTS:
            offered = [plain(each) for each in self.options]
            same = any(_same(value, each) for each in offered)
            return same or any(each is UNKNOWN for each in offered)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if self.low is None or self.high is None or not self.low <= value <= self.high:
            return False
        if self.kind == "int_range" and value != int(value):
            return False
        if self.step:
            steps = (value - self.low) / self.step
            return abs(steps - round(steps)) <= _TOLERANCE * max(1.0, abs(steps))
        return True


UNKNOWN = Word("…")
"""The value of an expression that depends on where it stands."""


def read_choice(node: ast.Hpo, report: Reporter) -> OpenChoice | None:
    """What an `HPO(…)` offers; None after a report of E0242."""
    kind = node.choice.name.text
    if any(_holds_choice(argument.value) for argument in node.choice.arguments):
        _wrong(node, "an open choice cannot hold another", "", report)
        return None
    named = {a.name.text: a.value for a in node.choice.arguments if a.name is not None}
    values = [a.value for a in node.choice.arguments if a.name is None]
    default = named.pop("default", None)
    if kind in LISTS:
        if len(values) == 1 and isinstance(values[0], ast.Sequence) and values[0].bracketed:
            values = list(values[0].items)
        if not _known(named, (), node, report):
            return None
        if not values:
            _wrong(node, "there is nothing to choose from", "`HPO(choice(32, 64))`", report)
            return None
        choice = OpenChoice(node, kind, tuple(values), None, None, None, default or values[0])
    else:
        bounds = {_BOUNDS.get(name, name): value for name, value in named.items()}
        if not _known(bounds, ("low", "high", "step"), node, report):
            return None
        bounds = dict(zip(("low", "high", "step"), values, strict=False)) | bounds
        numbers = {name: plain(value) for name, value in bounds.items()}
        low, high, step = (_number(numbers.get(name)) for name in ("low", "high", "step"))
        example = f"`HPO({kind}(1, 8))`"
        if low is None or high is None or len(values) > 3:
            _wrong(node, f"`{kind}` goes from one number to another", example, report)
            return None
        if low > high:
            _wrong(node, f"the range ends before it begins, {low:g} to {high:g}", "", report)
            return None
        if kind == "log_range" and low <= 0:
            _wrong(node, "a range of powers begins above 0", "", report)
            return None
        if "step" in bounds and (step is None or step <= 0):
            _wrong(node, "a step is a number above 0", "", report)
            return None
        choice = OpenChoice(node, kind, (), low, high, step, default or bounds["low"])
    if default is not None and plain(default) is not UNKNOWN and not choice.allows(plain(default)):
        text = f"the default {shown(plain(default))} is not among what is offered, {choice.offer}"
        _wrong(node, text, "", report)
        return None
    return choice


def plain(expression: ast.Expression) -> Any:
    """A constant's value: number, text, boolean, None, a tuple, or for a call an object with its
    name and arguments; `UNKNOWN` for what is none."""
    quiet = Reporter(lint=False)
    value = evaluate(expression, {}, quiet)
    if value is None or _has_dollar(expression):
        return UNKNOWN
    if isinstance(value.value, CallValue):
        return as_data(value)
    return value.value.text if isinstance(value.value, Word) else value.value


def shown(value: Any) -> str:
    """A plain value as it is written in a program, without the quotes of a text."""
    if value is UNKNOWN:
        return "…"
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return f"{value.get('name', '')}(…)"
    if isinstance(value, tuple):
        inner = ", ".join(shown(each) for each in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _holds_choice(expression: ast.Expression) -> bool:
    match expression:
        case ast.Hpo():
            return True
        case ast.Binary(left=left, right=right):
            return _holds_choice(left) or _holds_choice(right)
        case ast.Sequence(items=items):
            return any(_holds_choice(each) for each in items)
        case ast.Call(arguments=arguments):
            return any(_holds_choice(each.value) for each in arguments)
        case _:
            return False


def _has_dollar(expression: ast.Expression) -> bool:
    match expression:
        case ast.Reference(dollar=dollar):
            return dollar
        case ast.Binary(left=left, right=right):
            return _has_dollar(left) or _has_dollar(right)
        case ast.Sequence(items=items):
            return any(_has_dollar(each) for each in items)
        case _:
            return False


def _number(value: Any) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number else None


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, str) and isinstance(right, str):
        return left.lower() == right.lower()
    return bool(left == right)


def _known(
    named: dict[str, ast.Expression], names: tuple[str, ...], node: ast.Hpo, report: Reporter
) -> bool:
    for name in named:
        if name not in names:
            kind = node.choice.name
            known = (*names, "default")
            report.error(
                "E0204",
                f"the open choice `{kind.text}` has no argument `{name}`",
                kind.span,
                help=did_you_mean(name, known) or f"it has {', '.join(known)}",
            )
            return False
    return True


def _wrong(node: ast.Hpo, message: str, example: str, report: Reporter) -> None:
    report.error("E0242", message, node.span, help=f"for example {example}" if example else None)
