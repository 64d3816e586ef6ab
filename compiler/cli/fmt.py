"""`neural fmt`: programs in their canonical layout.

In: files, directories, or `-` for standard input. Out: the files rewritten, or what would change.
A file with errors stays as it is.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any

import click

from ...ir.diagnostic import CompileError, ExitStatus, failure
from ..output import check_writable, write_file, write_stdout
from .help import HelpfulCommand
from .messages import Messages
from .parameters import PATH, SETTINGS, message_options, set_messages
from .sources import open_source

EXAMPLES = (
    ("neural fmt model.neural", "rewrite a file"),
    ("neural fmt --check models/", "fail if a program of a directory is not formatted"),
    ("neural fmt --diff model.neural", "show what would change"),
    ("neural fmt - < model.neural", "print the formatted program"),
)

_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_NO_LINE_END = "\\ No newline at end of file"


@click.command(name="fmt", cls=HelpfulCommand, context_settings=SETTINGS, examples=EXAMPLES)
@click.argument("sources", type=PATH, nargs=-1, required=True)
@click.option("--check", "only_check", is_flag=True, help="write nothing; fail if one would change")
@click.option("--diff", "show_diff", is_flag=True, help="write nothing; show what would change")
@click.option(
    "--line-length",
    type=click.IntRange(20, 1000),
    default=88,
    metavar="N",
    help="the longest line that is not broken (default 88)",
)
@message_options
@click.pass_obj
def command(messages: Messages, /, sources: tuple[Path, ...], **given: Any) -> int:
    """Lay programs out in one canonical way (SOURCES: files, directories, `-` for stdin)."""
    set_messages(messages, given)
    status = ExitStatus.DONE
    changed = 0
    paths = _programs(sources)
    for path in paths:
        try:
            differs = _format(messages, path, given)
        except CompileError as error:
            messages.show(list(error.diagnostics))
            status = max(status, error.status)
            continue
        changed += differs
        if differs and given["only_check"]:
            messages.line(f"{path}: not formatted")
    only_told = given["only_check"] or given["show_diff"]
    if changed and given["only_check"]:
        status = max(status, ExitStatus.WRONG_PROGRAM)
    if paths != [Path("-")]:
        word = "would change" if only_told else "changed"
        messages.line(f"{len(paths)} program{'s' * (len(paths) != 1)}, {changed} {word}")
    return status


def _format(messages: Messages, path: Path, given: dict[str, Any]) -> bool:
    """Formats one program; whether it was not formatted before."""
    from ..formatting.formatter import formatted

    source = open_source(messages, path)
    text = formatted(source, given["line_length"])
    is_stdin = str(path) == "-"
    raw = source.original
    first = raw.find("\n")
    line_end = "\r\n" if first > 0 and raw[first - 1] == "\r" else "\n"
    mark = "\ufeff" if raw.startswith("\ufeff") else ""
    result = mark + text.replace("\n", line_end)
    if given["show_diff"]:
        before, after = _LINES.findall(raw), _LINES.findall(result)
        name = source.name
        diff = difflib.unified_diff(before, after, name, f"{name} (formatted)")
        told = [line if line.endswith("\n") else f"{line}\n{_NO_LINE_END}\n" for line in diff]
        if told:
            write_stdout("".join(told).encode())
    elif is_stdin and not given["only_check"]:
        write_stdout(result.encode())
    elif result != raw and not given["only_check"]:
        check_writable(path)
        write_file(path, result)
    return result != raw


def _programs(sources: tuple[Path, ...]) -> list[Path]:
    """The files that are meant, those of directories in order. Raises `CompileError` E0501 for a
    directory without programs."""
    found: list[Path] = []
    for path in sources:
        if str(path) != "-" and path.is_dir():
            inside = sorted(each for each in path.rglob("*.neural") if each.is_file())
            if not inside:
                raise failure("E0501", f"there are no programs (*.neural) in `{path}`")
            found += inside
        else:
            found.append(path)
    return list(dict.fromkeys(found))
