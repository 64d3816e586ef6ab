"""Runs a command and turns whatever happens into an exit status and a message.

In: a click command and its arguments. Out: the exit status: 0 done, 1 the program is wrong,
2 usage, 3 the surroundings, 4 a fault of the compiler; 130 and 141 as shells have them for an
interrupt and a closed pipe. No input gives a traceback, unless `--debug` asks for one.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import gc
import io
import os
import sys
from typing import Any, NoReturn

import click

from ...ir.diagnostic import CompileError, Diagnostic, ExitStatus, Severity, failure
from .messages import Messages

INTERRUPTED = 130
CLOSED_PIPE = 141


COLLECT_EVERY = 50_000
"""New objects between two rounds of the garbage collector; loading modules makes many that stay."""


def script(command: Any, name: str) -> NoReturn:
    """The whole life of a process that runs one command, started as `name`."""
    gc.set_threshold(COLLECT_EVERY)
    leave(run(command, sys.argv[1:], name))


def run(command: Any, argv: list[str], name: str) -> int:
    """Runs `command` with `argv`; `name` is what the user typed to start it."""
    messages = Messages()
    _make_streams_safe()
    try:
        status = _run(command, argv, name, messages)
        messages.close()
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has left; what is still buffered must not fail once more.
        for stream in (sys.stdout, sys.stderr):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return CLOSED_PIPE


def leave(status: int) -> NoReturn:
    """Ends the process without taking the interpreter apart: with numpy and a runtime loaded that
    takes longer than many a model takes to run (docs/optimizations/start.md). What was registered
    for the end, such as the removal of temporary folders, is done; streams are flushed."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        # A reader that has left, or a full disk, was met and told in `run`.
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def _make_streams_safe() -> None:
    """A closed stream is an empty one. A terminal that knows ASCII only, or a name that is no text,
    does not end the program."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
        elif mode == "w" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _run(command: Any, argv: list[str], name: str, messages: Messages) -> int:
    try:
        # Not command.main: it has its own ideas of interrupts and closed pipes.
        with command.make_context(name, list(argv), obj=messages) as context:
            result = command.invoke(context)
        return result if isinstance(result, int) else int(ExitStatus.DONE)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        _show_usage(error)
        return int(ExitStatus.USAGE)
    except BrokenPipeError:
        raise
    except Exception as error:
        if messages.debug:
            import traceback

            traceback.print_exc()
        failed = error if isinstance(error, CompileError) else _as_failure(error)
        messages.show(failed.diagnostics)
        if failed.status is ExitStatus.COMPILER_FAULT:
            _report_fault(error, [name, *argv], messages)
        return int(failed.status)


def _show_usage(error: Any) -> None:
    """As click shows it, without rich: a usage error must be readable in a log."""
    if error.__class__.__name__ == "NoArgsIsHelpError":
        print(error.format_message(), file=sys.stderr)
        return
    context = getattr(error, "ctx", None)
    if context is not None:
        print(f"usage: {context.get_usage().split(':', 1)[-1].strip()}", file=sys.stderr)
    print(f"error: {error.format_message()}", file=sys.stderr)
    if context is not None:
        print(f"help: `{context.command_path} --help` lists the options", file=sys.stderr)


def _as_failure(error: Exception) -> CompileError:
    """What the operating system or Python refused, said as a diagnostic."""
    if isinstance(error, MemoryError):
        return failure(
            "E0506",
            "there is not enough memory",
            help="make the batch or the sequence smaller, or use a machine with more memory",
        )
    if isinstance(error, OSError) and error.errno is not None:
        code = "E0503" if error.errno in (errno.ENOENT, errno.EISDIR) else "E0504"
        unnamed = "cannot write the output: " if code == "E0504" else ""
        where = f"{error.filename}: " if error.filename else unnamed
        return failure(code, f"{where}{error.strerror or error}")
    diagnostic = Diagnostic(
        "E0901",
        Severity.ERROR,
        f"the compiler failed: {type(error).__name__}: {str(error)[:500]}",
        notes=("this is a fault of neuralc, not of the program",),
    )
    return CompileError((diagnostic,), ExitStatus.COMPILER_FAULT)


def _report_fault(error: Exception, command: list[str], messages: Messages) -> None:
    from .fault import write_fault

    path = write_fault(error, command, messages.sources)
    if path is not None:
        print(f"wrote {path}: the command and the IR that reproduce the fault", file=sys.stderr)
