"""`neuralc`: the compiler's command line.

In: arguments. Out: files and text, and an exit status. What it does is in `compile_command`; this
file says which options there are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ... import __version__
from . import guard
from .help import HelpfulCommand
from .messages import Messages
from .parameters import (
    PATH,
    SETTINGS,
    language_options,
    message_options,
    options,
    pipeline_options,
    shape_option,
    tuning_options,
    weight_options,
)

EMITS = ("onnx", "ast", "ir", "target-ir", "memory-plan", "mlir", "dot")

output_options = options(
    click.option("-o", "--output", type=PATH, metavar="FILE", help="where to write; `-` is stdout"),
    click.option(
        "--emit",
        "emits",
        multiple=True,
        type=click.Choice(EMITS),
        help="what to write, instead of the model",
    ),
    click.option("--single-file", is_flag=True, help="weights in the model file (under 2 GB)"),
    click.option("--external", is_flag=True, help="weights in a file beside the model"),
    click.option(
        "--save-weights", type=PATH, metavar="FILE", help="write the weights used (safetensors)"
    ),
    click.option("--verify", is_flag=True, help="run it and compare with the float64 interpreter"),
    click.option("--remarks", is_flag=True, help="what was fused, what was not, and why"),
    click.option("--time-passes", is_flag=True, help="the time of each stage and pass"),
    click.option(
        "--dump-ir", type=PATH, metavar="DIR", help="the IR after each pass that changed it"
    ),
)

GROUPS = {
    "What to write": ("output", "emits", "single_file", "external", "save_weights"),
    "How to compile": ("opt_level", "target", "precision", "padding", "forms"),
    "Lower precision": ("calibrate", "max_error", "activation_scales"),
    "Measuring (-O3)": (
        "tuning", "save_tuning", "tuning_time", "tuning_threads", "tuning_sizes", "no_tuning_cache",
    ),
    "The program": (
        "network", "dynamic", "max_sizes", "padding_mask", "mask_dtype", "positions", "logits",
        "set", "hpo_default", "shape", "no_lint", "warnings",
    ),
    "Weights": ("weights", "weights_from", "seed"),
    "Looking inside": ("verify", "remarks", "time_passes", "dump_ir"),
    "Messages": ("diagnostics", "quiet", "debug"),
}  # fmt: skip
EXAMPLES = (
    ("neuralc model.neural -o model.onnx", "compile"),
    (
        "neuralc model.neural --dynamic seq --padding-mask --verify -o model.onnx",
        "for sequences of any length, proven against float64",
    ),
    (
        "neuralc model.neural --weights bert.safetensors --weights-from bert",
        "with trained weights from Hugging Face",
    ),
    (
        "neuralc model.neural --hpo-default --set 'dense[0].units=64'",
        "with values for its open choices, or for any argument",
    ),
    ("neuralc model.neural --emit=ir --remarks", "what was fused, and what was not"),
    ("cat model.neural | neuralc - --emit=memory-plan", "what the activations will take"),
)


@click.command(
    name="compile",
    cls=HelpfulCommand,
    context_settings=SETTINGS,
    groups=GROUPS,
    examples=EXAMPLES,
)
@click.argument("source", type=PATH)
@output_options
@pipeline_options
@tuning_options
@language_options
@shape_option
@weight_options
@message_options
@click.version_option(__version__, message="neuralc %(version)s")
@click.pass_obj
def command(messages: Messages, /, source: Path, **given: Any) -> int:
    """Compile a Neural program (SOURCE, `-` for stdin) to an ONNX model."""
    from .compile_command import run

    return run(messages, source, given)


def main() -> None:
    """The entry point of the script `neuralc`."""
    guard.script(command, "neuralc")
