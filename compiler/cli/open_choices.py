"""`neural layers --hpo`: the open choices of a program.

In: a program. Out: a table, or JSON, of what can be chosen, by the names that `--set` takes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...ir.diagnostic import CompileError, ExitStatus, failure
from ..output import write_stdout
from .messages import Messages
from .sources import open_source
from .tables import print_table


def list_choices(messages: Messages, what: str | None, as_json: bool, given: dict[str, Any]) -> int:
    """Lists them. Raises `CompileError` for a program that cannot be read."""
    from ..checking.reporter import Reporter
    from ..choosing.choices import plain, shown
    from ..choosing.choosing import open_choices
    from ..syntax.parser import parse

    if what is None:
        raise failure(
            "E0510",
            "--hpo lists the open choices of a program, and none is given",
            status=ExitStatus.USAGE,
            help="neural layers --hpo MODEL.neural",
        )
    report = Reporter()
    found = open_choices(parse(open_source(messages, Path(what))), given["network"], report)
    if report.errors:
        raise CompileError(tuple(report.diagnostics))
    if as_json:
        told = [
            {
                "name": each.name,
                "kind": each.choice.kind,
                "values": [shown(plain(v)) for v in each.choice.options],
                "low": each.choice.low,
                "high": each.choice.high,
                "step": each.choice.step,
                "default": shown(plain(each.choice.default)),
                "needed": each.shapes,
                "place": str(each.choice.node.span),
            }
            for each in found
        ]
        write_stdout(json.dumps(told, indent=2, ensure_ascii=False))
        return ExitStatus.DONE
    rows = [
        (
            each.name,
            each.choice.kind,
            each.choice.offer,
            shown(plain(each.choice.default)),
            str(each.choice.node.span),
        )
        for each in found
    ]
    print_table(
        messages, f"Open choices of {what}", ("name", "kind", "offers", "default", "place"), rows
    )
    if not found:
        messages.line(f"{what} has no open choices")
    return ExitStatus.DONE
