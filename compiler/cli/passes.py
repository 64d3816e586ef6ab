"""`neural passes`: which passes run, in what order, and why.

In: an optimization level. Out: the pipeline as a table.
"""

from __future__ import annotations

import json

import click

from ..options import OPT_LEVELS
from ..output import write_stdout
from .help import HelpfulCommand
from .messages import Messages
from .parameters import SETTINGS


@click.command(name="passes", cls=HelpfulCommand, context_settings=SETTINGS)
@click.option("-O", "level", type=click.Choice(["0", "1", "2", "3"]), help="this level only")
@click.option("--json", "as_json", is_flag=True, help="as JSON")
@click.pass_obj
def command(messages: Messages, /, level: str | None, as_json: bool) -> int:
    """The passes of each optimization level, in order, with the reason for each."""
    tables = {
        number: pipeline(number) for number in OPT_LEVELS if level is None or number == int(level)
    }
    if as_json:
        told = {
            f"O{number}": [{"pass": name, "reason": reason} for name, reason in rows]
            for number, rows in tables.items()
        }
        write_stdout(json.dumps(told, indent=2, ensure_ascii=False))
        return 0
    from .tables import print_table

    for number, rows in tables.items():
        shown = [(str(place), *row) for place, row in enumerate(rows, start=1)]
        print_table(messages, f"-O{number}", ("", "pass", "why"), shown)
    return 0


def pipeline(level: int) -> list[tuple[str, str]]:
    """Every pass that runs at a level, with its reason; the choice of forms as for the CPU."""
    from ...ir.target import target_named
    from ...passes.forms_pipeline import FormsRequest, forms_rows
    from ...passes.pipelines import PIPELINES

    target = target_named("cpu")
    rows = [(row.step.name, row.reason) for row in PIPELINES[level]]
    return rows + [(make(FormsRequest(target)).name, reason) for make, reason in forms_rows(level)]
