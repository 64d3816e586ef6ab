"""neuralc: the file of -O2, in a bare session and with the options that the file asks for.

`neuralc-PRECISION` is the file of that precision in a bare session.
"""

from __future__ import annotations

from pathlib import Path

from models import Network

from . import OURS, WEIGHTS, Run, first_output, onnx_session

SESSION = "neuralc-session"


def prepare(name: str, model: Network, folder: Path) -> str:
    if name == SESSION:
        return ""
    import neuralc

    options = dict(model.compile_options)
    if name != OURS:
        options["precision"] = name.removeprefix(f"{OURS}-")

    compiled = neuralc.compile(
        model.program,
        opt_level=2,
        weights=folder / WEIGHTS,
        lint=False,
        **options,
    )
    compiled.save(folder / f"{name}.onnx")
    return ", ".join(f"{form} ×{count}" for form, count in compiled.report.forms.items())


def open(name: str, model: Network, folder: Path, threads: int) -> Run:
    if name != SESSION:
        return first_output(onnx_session(folder / f"{name}.onnx", threads))
    from neuralc.runtime.session import open_session

    settings = {"intra_op_num_threads": threads}
    session = open_session(folder / f"{OURS}.onnx", provider="cpu", options=settings)
    return first_output(session.running)
