"""`neural summary`: the layers of a network in figures.

In: a program. Out: for each network a table, or JSON: output shapes, parameters, work, memory.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ...ir.diagnostic import ExitStatus, failure
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
    sizes,
)
from .sources import open_source
from .tables import print_table

EXAMPLES = (
    ("neural summary model.neural", "the table"),
    ("neural summary model.neural --sizes batch=8,seq=128", "at other sizes"),
    ("neural summary model.neural --unfold --depth 1", "every repeat, blocks closed"),
    ("neural summary model.neural --json", "for machines"),
)


@click.command(name="summary", cls=HelpfulCommand, context_settings=SETTINGS, examples=EXAMPLES)
@click.argument("source", type=PATH)
@click.option(
    "--sizes",
    "given_sizes",
    multiple=True,
    metavar="AXIS=SIZE",
    help="sizes of open axes, e.g. batch=8,seq=128 (default: batch 1, others at their maximum)",
)
@click.option("--unfold", is_flag=True, help="a row for every repeat")
@click.option(
    "--depth", type=click.IntRange(0), metavar="N", help="how deep blocks and branches are shown"
)
@click.option("--json", "as_json", is_flag=True, help="the result as JSON on stdout")
@language_options
@shape_option
@message_options
@click.pass_obj
def command(messages: Messages, /, source: Path, **given: Any) -> int:
    """The layers of a program (SOURCE): output shapes, parameters, FLOPs, activation memory.

    A multiplication and an addition are two FLOPs; any other function of an element is one.
    """
    set_messages(messages, given)
    if source.suffix == ".onnx":
        raise failure(
            "E0525",
            f"`{source}` is a compiled file; a summary is one of a program",
            status=ExitStatus.USAGE,
            help=f"neural inspect {source}",
        )
    from ..driver import Compilation
    from ..summarizing.facts import NetworkFacts, network_facts
    from ..summarizing.table import COLUMNS, NUMERIC, TableOptions, rows, sizes_text, totals
    from ..summarizing.table import as_json as facts_json

    text = open_source(messages, source)
    options = compile_options(given)
    wanted = dict(sizes(given["given_sizes"], "--sizes"))
    depth = given["depth"]
    table = TableOptions(given["unfold"], 99 if depth is None else depth)
    told: list[NetworkFacts] = []
    for name in _networks(text, options):
        compilation = Compilation(text, replace(options, network=name))
        facts = network_facts(compilation.model, compilation.source_graph, wanted)
        if not told:
            warnings = [d for d in compilation.report.diagnostics if d.code != "N0401"]
            messages.show(warnings)
        told.append(facts)
    if given["as_json"]:
        shown = [facts_json(facts) for facts in told]
        write_stdout(json.dumps({"networks": shown}, indent=2, ensure_ascii=False))
        return ExitStatus.DONE
    for facts in told:
        title = f"{facts.name} ({sizes_text(facts)})" if facts.sizes else facts.name
        print_table(messages, title, COLUMNS, rows(facts, table), NUMERIC)
        figures = totals(facts)
        width = max(len(name) for name, _ in figures)
        sys.stdout.write("".join(f"{name:<{width}}  {value}\n" for name, value in figures) + "\n")
    return ExitStatus.DONE


def _networks(text: Any, options: Any) -> list[str | None]:
    """The networks to be shown: the one asked for, or all of the file."""
    if options.network is not None or options.input is not None:
        return [options.network]
    from ..syntax.parser import SyntaxErrors, parse

    try:
        names = [network.name.text for network in parse(text).networks]
    except SyntaxErrors:
        return [None]  # the compilation tells them
    return list(dict.fromkeys(names)) or [None]
