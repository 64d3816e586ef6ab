"""Binding the arguments of a call, or the settings of a block, in a section.

In: names and values as written, and the parameters that are known. Out: the values that can be
kept as metadata, by the parameters' proper names. Unlike in a layer an unknown name is a warning,
since it hinders no inference; a value of the wrong type, or out of its range, is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ...ir.diagnostic import Fix, Label
from ...ir.span import Span
from ..layers.spec import Parameter
from ..messages.suggestions import closest
from ..syntax import ast
from .expressions import evaluate
from .reporter import Reporter
from .section_values import plain
from .value_reader import ValueReader

Pair = tuple[ast.Name | None, ast.Expression]


@dataclass(frozen=True, slots=True)
class Subject:
    """What has the arguments: `Adam`, its place, and what it is called in a message."""

    name: str
    span: Span
    described: str
    settings: bool = False
    """Whether they are the settings of a block, and not the arguments of a call."""

    @property
    def has(self) -> str:
        return "setting" if self.settings else "argument"


def pairs_of(arguments: Sequence[ast.Argument]) -> list[Pair]:
    return [(argument.name, argument.value) for argument in arguments]


def entries_of(settings: ast.Settings) -> list[Pair]:
    return [(entry.key, entry.value) for entry in settings.entries]


def bind_section(
    subject: Subject,
    written: Sequence[Pair],
    parameters: Sequence[Parameter],
    report: Reporter,
    special: Callable[[Parameter, ast.Expression], tuple[bool, Any]] | None = None,
) -> dict[str, Any]:
    """The values by their names. `special` may read an argument itself: it says whether it did."""
    values: dict[str, Any] = {}
    places: dict[str, Span] = {}
    by_name = {name: p for p in parameters for name in (p.name, *p.aliases)}
    in_order = [p for p in parameters if not p.named_only]
    for index, (name, value) in enumerate(written):
        if name is None:
            if index >= len(in_order):
                report.error(
                    "E0210",
                    f"{subject.described} takes at most {len(in_order)} arguments without a name",
                    value.span,
                    help=f"in this order: {', '.join(p.name for p in in_order)}",
                )
                continue
            parameter = in_order[index]
        else:
            found = by_name.get(name.text) or by_name.get(name.text.lower())
            if found is None:
                _unknown(subject, name, list(by_name), report)
                kept = evaluate(value, {}, report)
                if kept is not None:
                    values[name.text] = plain(kept)
                continue
            parameter = found
        if parameter.name in places:
            report.error(
                "E0209",
                f"`{parameter.name}` is given twice",
                name.span if name is not None else value.span,
                labels=(Label(places[parameter.name], "here it is given first"),),
            )
            continue
        places[parameter.name] = name.span if name is not None else value.span
        done, result = special(parameter, value) if special is not None else (False, None)
        if done:
            values[parameter.name] = result
            continue
        evaluated = evaluate(value, {}, report)
        if evaluated is None:
            continue
        reader = ValueReader(subject.name, parameter, report)
        read = reader.read(evaluated)
        if not reader.failed or isinstance(evaluated.value, type(None)):
            values[parameter.name] = plain(evaluated) if not _is_choice(parameter, read) else read
        elif plain(evaluated) is not None:
            values[parameter.name] = plain(evaluated)
    missing = [p for p in parameters if p.required and p.name not in places]
    if missing:
        names = " and ".join(f"`{p.name}`" for p in missing)
        report.error(
            "E0205",
            f"{subject.described} needs {names}",
            subject.span,
            help="in this order: " + ", ".join(p.name for p in in_order),
        )
    return values


def _is_choice(parameter: Parameter, read: Any) -> bool:
    return bool(parameter.choices) and isinstance(read, str)


def _unknown(subject: Subject, name: ast.Name, known: Sequence[str], report: Reporter) -> None:
    near = closest(name.text, known)
    fix = Fix(f"write `{near}`", name.span, near) if near is not None else None
    report.warning(
        "W0203",
        f"{subject.described} has no {subject.has} `{name.text}`",
        name.span,
        help=f"did you mean `{near}`?" if near is not None else None,
        fix=fix,
    )
