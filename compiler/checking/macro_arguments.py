"""Binding the arguments of a macro's use to its parameters.

In: the use, the macro, the values around the use. Out: the values within the macro's body.
"""

from __future__ import annotations

from ...ir.diagnostic import Label
from ..messages.suggestions import did_you_mean
from ..syntax import ast
from .expressions import Environment, Evaluated, evaluate
from .reporter import Reporter


def macro_arguments(
    layer: ast.Layer, macro: ast.Macro, environment: Environment, report: Reporter
) -> dict[str, Evaluated] | None:
    """The values of a macro's parameters in one use; None after reported mistakes."""
    errors = report.errors
    known = {parameter.name.text: parameter for parameter in macro.parameters}
    values: dict[str, Evaluated] = {}
    places = list(known)
    for argument in layer.arguments or ():
        if argument.name is not None:
            name = argument.name.text
            if name not in known:
                report.error(
                    "E0204",
                    f"the macro `{macro.name.text}` has no parameter `{name}`",
                    argument.name.span,
                    labels=(Label(macro.name.span, "defined here"),),
                    help=did_you_mean(name, known),
                )
                continue
        elif places:
            name = places[0]
        else:
            report.error(
                "E0210",
                f"the macro `{macro.name.text}` has "
                + (f"{len(known)} parameter{'s' * (len(known) > 1)}" if known else "no parameters"),
                argument.span,
                labels=(Label(macro.name.span, "defined here"),),
                help=f"in this order: {', '.join(known)}" if known else "leave it out",
            )
            continue
        if name in values:
            report.error("E0209", f"`{name}` is given twice", argument.span)
            continue
        if name in places:
            places.remove(name)
        value = evaluate(argument.value, environment, report)
        if value is not None:
            values[name] = value
    for name, parameter in known.items():
        if name in values or report.errors > errors:
            continue
        if parameter.default is None:
            report.error(
                "E0205",
                f"the macro `{macro.name.text}` needs `{name}`",
                layer.name.span,
                labels=(Label(parameter.span, "it has no default"),),
            )
            continue
        default = evaluate(parameter.default, values, report)
        if default is not None:
            values[name] = default
    return values if report.errors == errors else None
