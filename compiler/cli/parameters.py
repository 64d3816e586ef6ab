"""Options that several commands share, each written once.

In: a click command's function. Out: the function with groups of options on it, and the values that
they gave as `CompileOptions` and `Messages`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ...ir.diagnostic import ExitStatus, failure
from ..options import (
    ACTIVATION_SCALES,
    LOGITS,
    MASK_DTYPES,
    PADDINGS,
    POSITIONS,
    PRECISIONS,
    TARGETS,
    WEIGHT_ADAPTERS,
    CompileOptions,
)
from .messages import Messages

F = TypeVar("F", bound=Callable[..., Any])

SETTINGS = {"help_option_names": ["-h", "--help"]}
PATH = click.Path(path_type=Path)


def options(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    """Several options as one decorator, in the order in which they are listed."""

    def apply(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


language_options = options(
    click.option("--network", metavar="NAME", help="which network, where the file has several"),
    click.option(
        "--dynamic",
        multiple=True,
        metavar="AXIS",
        help="leave an axis open: `seq`, or a name of an axis",
    ),
    click.option(
        "--max",
        "max_sizes",
        multiple=True,
        metavar="AXIS=SIZE",
        help="the largest size of an open axis, e.g. seq=512",
    ),
    click.option("--padding-mask", is_flag=True, help="add the input attention_mask"),
    click.option(
        "--mask-dtype", type=click.Choice(MASK_DTYPES), default="int64", help="its element type"
    ),
    click.option(
        "--positions",
        type=click.Choice(POSITIONS),
        help="position encoding where the program writes none",
    ),
    click.option(
        "--logits",
        type=click.Choice(LOGITS),
        default="all",
        help="last: of a result for each position only the last one's, as generation needs",
    ),
    click.option(
        "--set",
        "set",
        multiple=True,
        metavar="PATH=VALUE",
        help="choose an open choice, or replace an argument, e.g. dense[0].units=64",
    ),
    click.option("--hpo-default", is_flag=True, help="open choices take their defaults"),
    click.option("--no-lint", is_flag=True, help="no advice, only what is wrong"),
    click.option("-W", "warnings", type=click.Choice(["error"]), help="-Werror: warnings fail"),
)
shape_option = click.option(
    "--input", "shape", metavar="SHAPE", help="compile bare layers for this shape, e.g. 100,512"
)
weight_options = options(
    click.option("--weights", type=PATH, metavar="FILE", help="trained weights (safetensors)"),
    click.option(
        "--weights-from",
        type=click.Choice(WEIGHT_ADAPTERS),
        help="whose tensor names the file has; default: our own",
    ),
    click.option("--seed", type=int, default=0, help="of random weights"),
)
pipeline_options = options(
    click.option(
        "-O",
        "opt_level",
        type=click.Choice(["0", "1", "2", "3"]),
        default="2",
        help="-O0 nothing, -O1 cleaning, -O2 fusion (default), -O3 forms measured here",
    ),
    click.option(
        "--target",
        type=click.Choice(TARGETS),
        default="cpu",
        help="cpu (default), cuda, or portable: standard ONNX for any runtime",
    ),
    click.option(
        "--precision",
        type=click.Choice(PRECISIONS),
        default="fp32",
        help="fp32 (default), int8 and others with --target cpu, fp16 with --target cuda",
    ),
    click.option(
        "--calibrate",
        type=PATH,
        metavar="FILE",
        help="inputs (.npz) that lower precision is tuned on; default: synthetic ones",
    ),
    click.option(
        "--max-error",
        type=float,
        metavar="E",
        help="keep products in fp32 until the outputs err at most E of their spread",
    ),
    click.option(
        "--activation-scales",
        type=click.Choice(ACTIVATION_SCALES),
        default="row",
        help="of int8: row (default), or static, known from --calibrate",
    ),
    click.option(
        "--padding",
        type=click.Choice(PADDINGS),
        default="auto",
        help="compute padding positions (kept), or leave them out (packed) where no output "
        "depends on them; auto (default): where it pays",
    ),
    click.option(
        "--form",
        "forms",
        multiple=True,
        metavar="OP=FORM",
        help="a form instead of the fastest, e.g. qkv=packed, attention=decomposed",
    ),
)
tuning_options = options(
    click.option(
        "--tuning",
        type=PATH,
        metavar="FILE",
        help="for -O3: what was measured before, a record or an -O3 model; measures nothing",
    ),
    click.option("--save-tuning", type=PATH, metavar="FILE", help="write what -O3 measured (JSON)"),
    click.option(
        "--tuning-time",
        type=click.FloatRange(min=0, min_open=True, max=1e6, max_open=True),
        metavar="SECONDS",
        help="what measuring may take, more or less (default 60)",
    ),
    click.option(
        "--tuning-threads",
        type=click.IntRange(1, 4096),
        metavar="COUNT",
        help="threads that the model will run on (default: as many as the runtime takes)",
    ),
    click.option(
        "--tuning-sizes",
        multiple=True,
        metavar="AXIS=SIZE",
        help="sizes to measure at, e.g. batch=8 (default: batch 1, others at their maximum)",
    ),
    click.option(
        "--no-tuning-cache", is_flag=True, help="neither take nor keep figures of this machine"
    ),
)
message_options = options(
    click.option(
        "--diagnostics",
        type=click.Choice(["text", "json"]),
        default="text",
        help="how messages are written to stderr",
    ),
    click.option(
        "--color", type=click.Choice(["auto", "always", "never"]), default="auto", hidden=True
    ),
    click.option("-q", "--quiet", is_flag=True, help="errors, and what options ask for, only"),
    click.option("--debug", is_flag=True, help="tracebacks, and the IR verified after each pass"),
)


def compile_options(given: dict[str, Any], **more: Any) -> CompileOptions:
    """`CompileOptions` from a command's parameters; those that the command lacks stay at default.

    Raises `CompileError` with status USAGE.
    """
    arguments: dict[str, Any] = {}
    for name in (
        "network", "dynamic", "padding_mask", "mask_dtype", "positions", "logits",
        "hpo_default", "weights", "weights_from", "seed", "target", "precision", "padding",
        "calibrate", "max_error", "activation_scales",
    ):  # fmt: skip
        if name in given:
            arguments[name] = given[name]
    if "opt_level" in given:
        arguments["opt_level"] = int(given["opt_level"])
    if "max_sizes" in given:
        arguments["max_sizes"] = sizes(given["max_sizes"], "--max")
    if given.get("set"):
        arguments["set"] = settings(given["set"])
    if "forms" in given:
        arguments["forms"] = pairs(given["forms"], "--form", "OP=FORM")
    for name in ("tuning", "tuning_time", "tuning_threads"):
        if given.get(name) is not None:
            arguments[name] = given[name]
    if given.get("tuning_sizes"):
        arguments["tuning_sizes"] = sizes(given["tuning_sizes"], "--tuning-sizes")
    if given.get("no_tuning_cache"):
        arguments["tuning_cache"] = False
    if given.get("shape") is not None:
        arguments["input"] = _shape(given["shape"])
    arguments["lint"] = not given.get("no_lint", False)
    arguments["warnings_as_errors"] = given.get("warnings") == "error"
    arguments["check_ir"] = given.get("debug", False)
    return CompileOptions.of(**(arguments | more))


def set_messages(messages: Messages, given: dict[str, Any]) -> Messages:
    """The message options of a command, taken over before anything can fail."""
    messages.format = given.get("diagnostics", "text")
    messages.color = given.get("color", "auto")
    messages.quiet = given.get("quiet", False)
    messages.debug = given.get("debug", False)
    return messages


def pairs(texts: tuple[str, ...], option: str, form: str) -> tuple[tuple[str, str], ...]:
    """`name=value` texts, split. Several may stand in one, after commas. Raises `CompileError`."""
    found: dict[str, str] = {}
    for text in (part for each in texts for part in each.split(",")):
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise failure(
                "E0510",
                f"{option} takes {form}, not {text!r}",
                status=ExitStatus.USAGE,
            )
        found[name.strip()] = value.strip()
    return tuple(found.items())


def settings(texts: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """`path=value` texts, each one pair. Raises `CompileError` for another form, or two values for
    one path."""
    found: dict[str, str] = {}
    for text in texts:
        path, equals, value = (part.strip() for part in text.partition("="))
        if not (path and equals and value) or path in found:
            twice = path in found and value
            raise failure(
                "E0510",
                f"--set gives {path} two values"
                if twice
                else f"--set takes PATH=VALUE, not {text!r}",
                status=ExitStatus.USAGE,
                help=None if twice else "for example --set dense[0].units=64",
            )
        found[path] = value
    return tuple(found.items())


def sizes(texts: tuple[str, ...], option: str) -> tuple[tuple[str, int], ...]:
    """`axis=number` texts. Raises `CompileError` for what is no number of 1 or more."""
    result = []
    for name, value in pairs(texts, option, "AXIS=SIZE"):
        # int() would take "1_0" and " 7 " as well as digits of other scripts.
        if not (value.isascii() and value.isdigit() and len(value) <= 18 and int(value) > 0):
            raise failure(
                "E0510",
                f"{option} {name}={value}: a size is a whole number, 1 or more",
                status=ExitStatus.USAGE,
            )
        result.append((name, int(value)))
    return tuple(result)


def _shape(text: str) -> tuple[int | None, ...]:
    """`100,512`, in brackets or not; `none` is an open axis. Raises `CompileError`."""
    parts = [part.strip() for part in text.strip().strip("()[]").split(",") if part.strip()]
    axes: list[int | None] = []
    for part in parts:
        if part.lower() == "none":
            axes.append(None)
        elif part.isascii() and part.isdigit() and len(part) <= 18 and int(part) > 0:
            axes.append(int(part))
        else:
            parts = []
    if not parts:
        raise failure(
            "E0510",
            f"--input takes a shape such as 100,512, not {text!r}",
            status=ExitStatus.USAGE,
        )
    return tuple(axes)
