"""`neural run`: a model or a program on real inputs.

In: an .onnx file or a program, and arrays. Out: the outputs, as a file and as a table; with
`--profile` where the time went, at the lines of the source.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ...ir.diagnostic import ExitStatus, failure
from ...runtime.providers import CHOICES
from ..output import check_writable, refuse_overwriting, write_stdout
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
from .tables import print_table

if TYPE_CHECKING:
    import numpy as np

    from ...runtime.profile import Profile
    from ...runtime.session import Session

PROFILED_RUNS = 10


@click.command(name="run", cls=HelpfulCommand, context_settings=SETTINGS)
@click.argument("model", type=PATH)
@click.option(
    "--input", "inputs", multiple=True, metavar="NAME=FILE", help="an input (.npy or .npz)"
)
@click.option("-o", "--output", type=PATH, metavar="FILE", help="write the outputs (.npz, .npy)")
@click.option("--random", "random_inputs", is_flag=True, help="random inputs, drawn from --seed")
@click.option(
    "--sizes",
    "given_sizes",
    multiple=True,
    metavar="AXIS=SIZE",
    help="sizes of random inputs' open axes, e.g. batch=2,seq=77",
)
@click.option(
    "--provider",
    type=click.Choice(CHOICES),
    default="auto",
    help="what runs it; auto (default): a GPU if there is one, OpenVINO for files made for it",
)
@click.option("--profile", "profiled", is_flag=True, help="the time of each layer")
@click.option("--json", "as_json", is_flag=True, help="the result as JSON on stdout")
@pipeline_options
@language_options
@weight_options
@message_options
@click.pass_obj
def command(messages: Messages, /, model: Path, **given: Any) -> int:
    """Run a MODEL (an .onnx file or a program)."""
    set_messages(messages, given)
    wanted_sizes = dict(sizes(given["given_sizes"], "--sizes"))
    output: Path | None = given["output"]
    if output is not None:
        refuse_overwriting(output, [model, *(_file(text) for text in given["inputs"])])
        check_writable(output)
    with ExitStack() as stack, Progress(messages) as progress:
        session = _open(messages, model, given, stack, progress)
        arrays = _inputs(session, given, wanted_sizes)
        progress.stage("run")
        start = time.perf_counter()
        results = session.run(arrays)
        seconds = time.perf_counter() - start
        profile = None
        if given["profiled"]:
            progress.stage("profile")
            for _ in range(PROFILED_RUNS):
                session.run(arrays)
            profile = _profile(session)
    if output is not None:
        from .arrays import write_outputs

        write_outputs(output, results)
    if given["as_json"]:
        write_stdout(_told(session, results, seconds, profile))
    else:
        _print(messages, session, results, seconds, profile)
    if output is not None:
        messages.line(f"wrote {output}")
    return ExitStatus.DONE


def _open(
    messages: Messages, model: Path, given: dict[str, Any], stack: ExitStack, progress: Progress
) -> Session:
    """A session of the file, or of the program compiled into a folder that `stack` removes."""
    if model.suffix == ".onnx":
        _refuse_compiling(model)
        # numpy would start a thread for each core, for products that nobody asks it for.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        path = model
    else:
        from ..driver import Compilation, CompiledModel
        from .sources import open_source

        source = open_source(messages, model)
        compilation = Compilation(source, compile_options(given), progress=progress.stage)
        compiled = CompiledModel(compilation)
        messages.show(compilation.report.diagnostics)
        path = _folder(stack) / "model.onnx"
        compiled.save(path)
    from ...runtime.session import open_session

    progress.stage("load")
    if given["profiled"]:
        # A profile is to show what servers see, and their sessions make many runs.
        return open_session(path, provider=given["provider"], profile=_folder(stack) / "profile")
    return open_session(path, provider=given["provider"], runs=1)


def _folder(stack: ExitStack) -> Path:
    """A new folder that lives as long as the command."""
    import tempfile

    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="neuralc-")))


def _refuse_compiling(model: Path) -> None:
    """Options that would change how a program is compiled say nothing about a compiled file."""
    context = click.get_current_context()
    for parameter in context.command.params:
        name = parameter.name or ""
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and name in _COMPILING:
            raise failure(
                "E0511",
                f"{parameter.opts[0]} is for programs, and `{model}` is compiled already",
                status=ExitStatus.USAGE,
                help="compile the program with it: `neuralc`, or `neural run MODEL.neural`",
            )


_COMPILING = {
    "opt_level", "target", "precision", "calibrate", "max_error", "activation_scales", "forms",
    "network", "dynamic", "max_sizes", "padding_mask",
    "mask_dtype", "positions", "padding", "weights", "weights_from",
}  # fmt: skip


def _inputs(
    session: Session, given: dict[str, Any], wanted_sizes: dict[str, int]
) -> dict[str, np.ndarray[Any, Any]]:
    from .arrays import read_inputs

    names = [spec.name for spec in session.inputs]
    arrays = read_inputs(given["inputs"], names)
    if given["random_inputs"]:
        from ..verifying.samples import read_roles, sample, sizes_for

        roles = read_roles(session.metadata, session.inputs)
        drawn = sample(roles, sizes_for(roles, wanted_sizes, session.sizes), given["seed"])
        arrays = {**drawn, **arrays}
    elif wanted_sizes:
        raise failure(
            "E0511", "--sizes is for random inputs: add --random", status=ExitStatus.USAGE
        )
    return arrays


def _profile(session: Session) -> Profile:
    from ...runtime.profile import read_profile
    from ..metadata_entries import source_map

    return read_profile(session.end_profiling(), source_map(session.metadata))


def _print(
    messages: Messages,
    session: Session,
    results: dict[str, np.ndarray[Any, Any]],
    seconds: float,
    profile: Profile | None,
) -> None:
    from .statistics import statistics_of

    columns = ("output", "type", "min", "max", "mean", "not finite")
    rows = []
    for name, array in results.items():
        numbers = statistics_of(array)
        shape = ", ".join(map(str, array.shape))
        rows.append(
            (
                name,
                f"{array.dtype}[{shape}]",
                f"{numbers.minimum:.6g}",
                f"{numbers.maximum:.6g}",
                f"{numbers.mean:.6g}",
                str(numbers.not_finite),
            )
        )
    title = f"ran on {session.provider} in {seconds * 1e3:.1f} ms"
    print_table(messages, title, columns, rows, numeric=columns[2:])
    if profile is None:
        return
    whole = profile.microseconds or 1.0
    times = [
        (
            time.layer or "(between layers)",
            time.op,
            str(time.count),
            f"{time.microseconds:.0f}",
            f"{100 * time.microseconds / whole:.1f}",
            time.place,
        )
        for time in profile.by_layer()
    ]
    title = f"{profile.microseconds:.0f} µs in kernels, median of {profile.runs} runs"
    columns = ("layer", "op", "nodes", "µs", "%", "place")
    print_table(messages, title, columns, times, numeric=columns[2:5])


def _told(
    session: Session,
    results: dict[str, np.ndarray[Any, Any]],
    seconds: float,
    profile: Profile | None,
) -> str:
    from .statistics import statistics_of

    told = {
        "provider": session.provider,
        "milliseconds": seconds * 1e3,
        "outputs": {
            name: {
                "dtype": str(array.dtype),
                "shape": list(array.shape),
                **statistics_of(array).as_json(),
            }
            for name, array in results.items()
        },
        "profile": profile.as_json() if profile else None,
    }
    return json.dumps(told, indent=2, ensure_ascii=False)


def _file(text: str) -> Path:
    return Path(text.partition("=")[2] or text)
