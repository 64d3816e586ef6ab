"""`neural debug`: what flows through a program, and where its compiled form errs.

In: a program, and inputs or none for random ones. Out: per layer the statistics of what it gives;
with `--compare`, per stage of the compiler and per layer the error against the float64 interpreter.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    pipeline_options,
    set_messages,
    sizes,
    weight_options,
)
from .progress import Progress
from .sources import open_source
from .tables import print_table

if TYPE_CHECKING:
    import numpy as np

    from ..driver import Compilation


@click.command(name="debug", cls=HelpfulCommand, context_settings=SETTINGS)
@click.argument("source", type=PATH)
@click.option(
    "--input", "inputs", multiple=True, metavar="NAME=FILE", help="an input (.npy or .npz)"
)
@click.option(
    "--sizes",
    "given_sizes",
    multiple=True,
    metavar="AXIS=SIZE",
    help="sizes of random inputs' open axes, e.g. batch=2,seq=77",
)
@click.option("--compare", is_flag=True, help="the error of each stage and layer against float64")
@click.option("--attention-weights", is_flag=True, hidden=True)
@click.option("--json", "as_json", is_flag=True, help="the result as JSON on stdout")
@pipeline_options
@language_options
@weight_options
@message_options
@click.pass_obj
def command(messages: Messages, /, source: Path, **given: Any) -> int:
    """What flows through a program (SOURCE), layer by layer."""
    set_messages(messages, given)
    if given["attention_weights"]:
        raise failure(
            "E0515",
            "`--attention-weights` is not there yet",
            status=ExitStatus.USAGE,
            help="without it, `neural debug` shows the statistics of every layer",
        )
    from ..driver import Compilation

    text = open_source(messages, source)
    with Progress(messages) as progress:
        compilation = Compilation(text, compile_options(given), progress=progress.stage)
        arrays, read = _inputs(compilation, given)
        progress.stage("run")
        tables = _compare(compilation, arrays) if given["compare"] else _flow(compilation, arrays)
    if given["as_json"]:
        told = {
            title: [
                {
                    column: _number(cell) if column in numeric else cell
                    for column, cell in zip(columns, row, strict=True)
                }
                for row in rows
            ]
            for title, columns, rows, numeric in tables
        }
        write_stdout(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        messages.line(_told_of_inputs(arrays, read, given["seed"]))
        for title, columns, rows, numeric in tables:
            print_table(messages, title, columns, rows, numeric)
    return ExitStatus.DONE


def _number(text: str) -> float | None:
    """A cell as JSON has it; what is not finite is null there."""
    if text.isdigit():
        return int(text)
    number = float(text)
    return number if math.isfinite(number) else None


def _told_of_inputs(arrays: dict[str, np.ndarray[Any, Any]], read: set[str], seed: int) -> str:
    """What the program was run on: numbers without that tell nothing."""
    shown = [
        f"{name} {list(array.shape)}, {'from its file' if name in read else 'random'}"
        for name, array in arrays.items()
    ]
    return f"run on {'; '.join(shown)}" + ("" if read >= arrays.keys() else f" (seed {seed})")


Table = tuple[str, tuple[str, ...], list[tuple[str, ...]], tuple[str, ...]]
"""Title, columns, rows, the columns that hold numbers."""


def _flow(compilation: Compilation, arrays: dict[str, np.ndarray[Any, Any]]) -> list[Table]:
    """The last value of each layer, computed in float64 from the raised graph."""
    from ...ir.interpreter import interpret
    from .statistics import statistics_of

    graph = compilation.graph
    last = {node.scope.split("/")[0]: node for node in graph.nodes() if node.scope}
    nodes = {node.results[0].name: (layer, node) for layer, node in last.items()}
    values = interpret(graph, arrays, keep=[n for n in nodes if n not in graph.outputs])
    rows = []
    for name, (layer, node) in nodes.items():
        numbers = statistics_of(values[name])
        place = str(node.spans[0]) if node.spans else ""
        figures = (numbers.minimum, numbers.maximum, numbers.mean, numbers.deviation)
        rows.append(
            (
                layer,
                str(node.results[0].type),
                *(f"{figure:.4g}" for figure in figures),
                f"{100 * numbers.zeros:.0f}",
                str(numbers.not_finite),
                place,
            )
        )
    columns = ("layer", "type", "min", "max", "mean", "std", "zeros %", "not finite", "place")
    return [("What each layer gives", columns, rows, columns[2:8])]


def _compare(compilation: Compilation, arrays: dict[str, np.ndarray[Any, Any]]) -> list[Table]:
    from ..verifying.comparison import compare_layers, compare_stages

    stages: list[tuple[str, ...]] = [
        (each.name, f"{each.rms:.2e}", f"{each.maximum:.2e}")
        for each in compare_stages(compilation, arrays)
    ]
    layers: list[tuple[str, ...]] = [
        (each.name, each.op, f"{each.rms:.2e}", f"{each.maximum:.2e}", each.place)
        for each in compare_layers(compilation, arrays)
    ]
    return [
        (
            "Error of the outputs against the graph as built, in float64",
            ("stage", "RMS", "maximum"),
            stages,
            ("RMS", "maximum"),
        ),
        (
            "Error of each layer in ONNX Runtime against its graph in float64",
            ("layer", "worst op", "RMS", "maximum", "place"),
            layers,
            ("RMS", "maximum"),
        ),
    ]


def _inputs(
    compilation: Compilation, given: dict[str, Any]
) -> tuple[dict[str, np.ndarray[Any, Any]], set[str]]:
    """All inputs, and the names of those that were read from files."""
    from ..verifying.samples import input_roles, sample, sizes_for
    from .arrays import read_inputs

    graph = compilation.source_graph
    roles = input_roles(graph)
    bounds = {name: {"maximum": each.maximum} for name, each in graph.symbols().items()}
    wanted = dict(sizes(given["given_sizes"], "--sizes"))
    drawn = sample(roles, sizes_for(roles, wanted, bounds), given["seed"])
    read = read_inputs(given["inputs"], [role.name for role in roles])
    return {**drawn, **read}, set(read)
