"""neuralc: the file of -O2, in a bare session and with the options that the file asks for.

`neuralc-PRECISION` is the file of that precision in a bare session, `neuralc-openvino` a file of
standard operators in the OpenVINO provider, which has to compute all of it, `neuralc-padded` one
that computes padding along.
"""

from __future__ import annotations

from pathlib import Path

from models import Network

from . import CONTENDERS, OPENVINO_PROVIDER, OURS, PADDED, WEIGHTS, Run, first_output, onnx_session

SESSION = "neuralc-session"


def prepare(name: str, model: Network, folder: Path) -> str:
    if name == SESSION:
        return ""
    import neuralc

    options = dict(model.compile_options)
    if name == OPENVINO_PROVIDER:
        options["target"] = "portable"
    elif name == PADDED:
        options["padding"] = "kept"
    elif name != OURS:
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
    if name == OPENVINO_PROVIDER:
        # As neuralc's own runtime asks it.
        settings = {"device_type": "CPU", "precision": "FP32", "num_of_threads": str(threads)}
        provider = CONTENDERS[name].provider, settings
        session = onnx_session(folder / f"{name}.onnx", threads, provider)
        if session.get_providers()[0] != CONTENDERS[name].provider:
            raise RuntimeError("ONNX Runtime could not load the OpenVINO provider")
        return first_output(session)
    if name != SESSION:
        return first_output(onnx_session(folder / f"{name}.onnx", threads))
    from neuralc.runtime.session import open_session

    asked = {"intra_op_num_threads": threads}
    opened = open_session(folder / f"{OURS}.onnx", provider="cpu", options=asked)
    return first_output(opened.running)
