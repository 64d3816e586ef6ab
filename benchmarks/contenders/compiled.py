"""neuralc: the file of -O2, in a bare session and with the options that the file asks for."""

from __future__ import annotations

from pathlib import Path

from models import Network

from . import OURS, WEIGHTS, Run, first_output, onnx_session

FILE = "neuralc.onnx"


def prepare(name: str, model: Network, folder: Path) -> str:
    if name != OURS:
        return ""
    import neuralc

    compiled = neuralc.compile(
        model.program,
        opt_level=2,
        weights=folder / WEIGHTS,
        lint=False,
        **model.compile_options,
    )
    compiled.save(folder / FILE)
    return ", ".join(f"{form} ×{count}" for form, count in compiled.report.forms.items())


def open(name: str, model: Network, folder: Path, threads: int) -> Run:
    if name == OURS:
        return first_output(onnx_session(folder / FILE, threads))
    from neuralc.runtime.session import open_session

    session = open_session(folder / FILE, provider="cpu", options={"intra_op_num_threads": threads})
    return first_output(session.running)
