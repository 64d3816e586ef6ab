"""`neural explain CODE`: what a message means.

In: a code such as E0302. Out: its page, with a program that gives it and the same mended; without a
code, the titles of all of them in groups.
"""

from __future__ import annotations

import json
import sys
from difflib import get_close_matches
from typing import Any

import click

from ...ir.diagnostic import ExitStatus, failure
from ..output import write_stdout
from .help import HelpfulCommand
from .messages import Messages
from .parameters import SETTINGS


@click.command(name="explain", cls=HelpfulCommand, context_settings=SETTINGS)
@click.argument("code", required=False)
@click.option("--json", "as_json", is_flag=True, help="as JSON")
@click.pass_obj
def command(messages: Messages, /, code: str | None, as_json: bool) -> int:
    """What the message CODE means, with an example; without it, all codes."""
    from ...ir.codes import CODES

    chosen: dict[str, Any] = dict(CODES)
    if code is not None:
        known = code.upper()
        if known not in CODES:
            close = get_close_matches(known, CODES, n=3)
            raise failure(
                "E0514",
                f"there is no message {code!r}",
                status=ExitStatus.USAGE,
                help=f"did you mean {' or '.join(close)}?" if close else "neural explain: all",
            )
        chosen = {known: CODES[known]}
    if as_json:
        rows = [_as_json(c, e.title, e.explanation) for c, e in chosen.items()]
        write_stdout(json.dumps(rows, indent=2, ensure_ascii=False))
    elif code is None:
        write_stdout(_grouped(chosen))
    else:
        ((name, entry),) = chosen.items()
        _show(messages, name, entry)
    return ExitStatus.DONE


def _as_json(code: str, title: str, explanation: str) -> dict[str, Any]:
    from ..messages.pages import example_in, page_of

    page = page_of(code) or ""
    return {
        "code": code,
        "title": title,
        "explanation": explanation,
        "failing": example_in(page, "failing"),
        "mended": example_in(page, "mended"),
        "page": page or None,
    }


def _grouped(codes: dict[str, Any]) -> str:
    from ...ir.codes import GROUPS

    blocks = []
    for digits, title in GROUPS.items():
        rows = [f"  {code}  {entry.title}" for code, entry in codes.items() if code[1:3] == digits]
        if rows:
            blocks.append("\n".join((title, *rows)))
    return "\n\n".join(blocks)


def _show(messages: Messages, code: str, entry: Any) -> None:
    from ..messages.pages import page_of, readable

    page = page_of(code)
    if page is None:
        write_stdout(f"{code}: {entry.title}\n\n{wrapped(entry.explanation)}")
    elif messages.use_color(sys.stdout):
        from rich.console import Console
        from rich.markdown import Markdown

        console = Console(force_terminal=True, width=min(100, Console().width))
        console.print(Markdown(readable(page), code_theme="ansi_dark"))
    else:
        write_stdout(readable(page).removeprefix("# ").rstrip("\n"))


def wrapped(text: str) -> str:
    """A paragraph in lines of 80 characters."""
    import textwrap

    return textwrap.fill(text, 80)
