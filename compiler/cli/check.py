"""`neural check`: diagnostics only.

In: programs. Out: everything that is wrong with them, and exit status 1 if something is. Loads
neither onnx nor onnxruntime.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ...ir.diagnostic import CompileError, Diagnostic, ExitStatus, Severity
from ..driver import check_program
from ..options import CompileOptions
from ..output import write_stdout
from .help import HelpfulCommand
from .messages import Messages
from .parameters import (
    PATH,
    SETTINGS,
    compile_options,
    language_options,
    message_options,
    set_messages,
    shape_option,
)
from .sources import open_source


@click.command(name="check", cls=HelpfulCommand, context_settings=SETTINGS)
@click.argument("sources", type=PATH, nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="the result as JSON on stdout")
@language_options
@shape_option
@message_options
@click.pass_obj
def command(messages: Messages, /, sources: tuple[Path, ...], as_json: bool, **given: Any) -> int:
    """Say what is wrong with programs (SOURCES, `-` for stdin), without compiling them."""
    set_messages(messages, given)
    options = compile_options(given)
    status = ExitStatus.DONE
    everything: list[Diagnostic] = []
    for path in sources:
        networks, diagnostics, result = _check(messages, path, options)
        status = max(status, result)
        everything += diagnostics
        if not as_json:
            messages.show(diagnostics)
            if result is ExitStatus.DONE:
                named = f" ({', '.join(networks)})" if networks else ""
                messages.line(f"{path}: ok{named}")
    if as_json:
        from ..messages.data import as_data

        told = {
            "ok": status is ExitStatus.DONE,
            "diagnostics": as_data(everything, messages.sources),
        }
        write_stdout(json.dumps(told, indent=2, ensure_ascii=False))
    return status


def _check(
    messages: Messages, path: Path, options: CompileOptions
) -> tuple[list[str], list[Diagnostic], ExitStatus]:
    """One program: its networks, what is to be said of it, and the exit status that means."""
    try:
        source = open_source(messages, path)
        networks, diagnostics = check_program(source, options)
    except CompileError as error:
        if error.status is ExitStatus.COMPILER_FAULT:
            raise
        return [], list(error.diagnostics), error.status
    wrong = any(d.severity is Severity.ERROR for d in diagnostics)
    return networks, diagnostics, ExitStatus.WRONG_PROGRAM if wrong else ExitStatus.DONE
