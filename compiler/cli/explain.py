"""`neural explain CODE`: what a message means.

In: a code such as E0302. Out: its title and explanation; without a code, all of them.
"""

from __future__ import annotations

import json
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
    """What the message CODE means; without it, all codes."""
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
        rows = [
            {"code": c, "title": e.title, "explanation": e.explanation} for c, e in chosen.items()
        ]
        write_stdout(json.dumps(rows, indent=2, ensure_ascii=False))
    elif code is None:
        write_stdout("\n".join(f"{each}  {entry.title}" for each, entry in chosen.items()))
    else:
        ((name, entry),) = chosen.items()
        write_stdout(f"{name}: {entry.title}\n\n{wrapped(entry.explanation)}")
    return ExitStatus.DONE


def wrapped(text: str) -> str:
    """A paragraph in lines of 80 characters."""
    import textwrap

    return textwrap.fill(text, 80)
