"""`neural visualize`: a network as a picture.

In: a program, and a path that ends in .html, .svg or .png. Out: the picture.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ...ir.diagnostic import ExitStatus, failure
from ..output import check_writable, refuse_overwriting, write_file, write_stdout
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
    shape_option,
    sizes,
)
from .progress import Progress
from .sources import open_source

EXAMPLES = (
    ("neural visualize model.neural -o model.html", "to look around in, in a browser"),
    ("neural visualize model.neural -o model.svg", "for a document"),
    ("neural visualize model.neural -o model.png --scale 3", "for slides"),
)
FORMATS = (".html", ".svg", ".png")


@click.command(name="visualize", cls=HelpfulCommand, context_settings=SETTINGS, examples=EXAMPLES)
@click.argument("source", type=PATH)
@click.option(
    "-o", "output", type=PATH, metavar="FILE", help=".html, .svg or .png (default: MODEL.html)"
)
@click.option(
    "--scale", type=click.FloatRange(0.1, 10), default=2.0, help="of a .png's pixels (default 2)"
)
@click.option(
    "--sizes", "given_sizes", multiple=True, metavar="AXIS=SIZE", help="of open axes, for figures"
)
@pipeline_options
@language_options
@shape_option
@message_options
@click.pass_obj
def command(messages: Messages, /, source: Path, **given: Any) -> int:
    """A picture of a program (SOURCE): as written, and beside it as it runs."""
    set_messages(messages, given)
    stem = "model" if str(source) == "-" else source.stem
    output: Path = given["output"] or Path(f"{stem}.html")
    form = output.suffix.lower() if str(output) != "-" else ".svg"
    if form not in FORMATS:
        raise failure(
            "E0527",
            f"no picture is called `{output.name}`",
            status=ExitStatus.USAGE,
            help="its ending says what it is: .html, .svg or .png",
        )
    if str(output) != "-":
        refuse_overwriting(output, [source])
        check_writable(output)
    from ..driver import Compilation
    from ..summarizing.facts import network_facts

    text = open_source(messages, source)
    with Progress(messages) as progress:
        compilation = Compilation(text, compile_options(given), progress=progress.stage)
        wanted = dict(sizes(given["given_sizes"], "--sizes"))
        facts = network_facts(compilation.model, compilation.source_graph, wanted)
        graph = compilation.target_graph
        progress.stage("draw")
        from ..visualizing.drawing import draw

        drawing = draw(facts, graph, compilation.target.name, compilation.options.opt_level)
        content = _content(drawing, form, given["scale"])
    messages.show([d for d in compilation.report.diagnostics if d.code != "N0401"])
    if str(output) == "-":
        write_stdout(content)
        return ExitStatus.DONE
    write_file(output, content)
    messages.line(f"wrote {output}")
    return ExitStatus.DONE


def _content(drawing: Any, form: str, scale: float) -> str | bytes:
    from ..visualizing.svg import to_svg

    if form == ".html":
        from ..visualizing.html import to_html

        return to_html(drawing)
    picture = to_svg(drawing)
    if form == ".svg":
        return picture
    from ..visualizing.png import to_png

    return to_png(picture, scale)
