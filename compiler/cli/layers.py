"""`neural layers`: the layers of the language, and the weights of a program.

In: nothing, a layer's name, or a program. Out: tables.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...ir.diagnostic import ExitStatus, failure
from ..output import write_stdout
from .help import HelpfulCommand
from .messages import Messages
from .parameters import (
    SETTINGS,
    compile_options,
    language_options,
    message_options,
    set_messages,
)
from .sources import open_source
from .tables import print_table

if TYPE_CHECKING:
    from ..layers.spec import LayerSpec, Parameter


@click.command(name="layers", cls=HelpfulCommand, context_settings=SETTINGS)
@click.argument("what", required=False)
@click.option("--weights", "list_weights", is_flag=True, help="list the weights of a program")
@click.option("--hpo", "list_open", is_flag=True, help="list the open choices of a program")
@click.option("--json", "as_json", is_flag=True, help="as JSON")
@language_options
@message_options
@click.pass_obj
def command(
    messages: Messages,
    /,
    what: str | None,
    list_weights: bool,
    list_open: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """The layers of the language; a layer's parameters; or the weights, or the open choices, of a
    program (WHAT)."""
    set_messages(messages, given)
    if list_open:
        from .open_choices import list_choices

        return list_choices(messages, what, as_json, given)
    if list_weights:
        return _weights(messages, what, as_json, given)
    from ..layers.spec import layer_named, layer_names, layers

    if what is None:
        specs = list(layers().values())
    else:
        spec = layer_named(what)
        if spec is None:
            from difflib import get_close_matches

            close = get_close_matches(what, layer_names(), n=3)
            program = what.endswith(".neural")
            raise failure(
                "E0514",
                f"there is no layer {what!r}",
                status=ExitStatus.USAGE,
                help=f"for what a program has: neural layers {what} --weights, or --hpo"
                if program
                else f"did you mean {' or '.join(close)}?"
                if close
                else "`neural layers` lists them",
            )
        specs = [spec]
    if as_json:
        write_stdout(json.dumps([_told(spec) for spec in specs], indent=2, ensure_ascii=False))
    elif what is None:
        rows = [(spec.name, ", ".join(spec.aliases), _first_sentence(spec.doc)) for spec in specs]
        print_table(messages, "Layers", ("layer", "also", "what it does"), rows)
    else:
        _print_layer(messages, specs[0])
    return ExitStatus.DONE


def _weights(messages: Messages, what: str | None, as_json: bool, given: dict[str, Any]) -> int:
    if what is None:
        raise failure(
            "E0510",
            "--weights lists the weights of a program, and none is given",
            status=ExitStatus.USAGE,
            help="neural layers MODEL.neural --weights",
        )
    from ..driver import Compilation
    from ..weights.binding import weight_table

    source = open_source(messages, Path(what))
    rows = weight_table(Compilation(source, compile_options(given)).source_graph)
    if as_json:
        told = [
            {
                "path": row.path,
                "dtype": str(row.type.dtype),
                "shape": list(row.type.static_shape),
                "kind": row.kind,
                "source": row.source,
                "place": str(row.span) if row.span else None,
            }
            for row in rows
        ]
        write_stdout(json.dumps(told, indent=2, ensure_ascii=False))
        return ExitStatus.DONE
    shown = [
        (row.path, str(row.type), row.kind, row.source, str(row.span) if row.span else "")
        for row in rows
    ]
    print_table(messages, f"Weights of {what}", ("name", "type", "kind", "from", "place"), shown)
    return ExitStatus.DONE


def _print_layer(messages: Messages, spec: LayerSpec) -> None:
    from .explain import wrapped

    also = f" (also {', '.join(spec.aliases)})" if spec.aliases else ""
    write_stdout(f"{spec.name}{also}\n\n{wrapped(spec.doc)}\n")
    rows = [
        (
            ", ".join((parameter.name, *parameter.aliases)),
            _default(parameter),
            _values(parameter),
            parameter.doc,
        )
        for parameter in spec.all_parameters
    ]
    print_table(messages, "Parameters", ("parameter", "default", "takes", "what it does"), rows)


def _told(spec: LayerSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "aliases": list(spec.aliases),
        "doc": spec.doc,
        "parameters": [
            {
                "name": parameter.name,
                "aliases": list(parameter.aliases),
                "required": parameter.required,
                "default": None if parameter.required else _plain(parameter.default),
                "takes": _values(parameter),
                "doc": parameter.doc,
            }
            for parameter in spec.all_parameters
        ],
    }


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | str | bool | None) else str(value)


def _default(parameter: Parameter) -> str:
    if parameter.required:
        return "(required)"
    default = parameter.default
    return str(default).lower() if default is None or isinstance(default, bool) else str(default)


def _values(parameter: Parameter) -> str:
    if parameter.choices:
        return " | ".join(str(choice).lower() for choice in parameter.choices)
    return parameter.wants.value


def _first_sentence(text: str) -> str:
    """Up to the first full stop that ends a sentence, which the one of `et al.` does not."""
    return re.split(r"(?<!et al)\.\s", text, maxsplit=1)[0].rstrip(".")
