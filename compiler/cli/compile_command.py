"""What `neuralc` and `neural compile` do.

In: a source and the options as given. Out: written files and printed texts; the exit status.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...ir.diagnostic import Diagnostic, ExitStatus, failure
from ..driver import Compilation, CompiledModel
from ..output import check_writable, refuse_overwriting, write_file, write_stdout
from .messages import Messages
from .parameters import compile_options, set_messages
from .progress import Progress
from .sources import open_source

SUFFIXES = {
    "onnx": ".onnx",
    "ast": ".ast",
    "ir": ".ir",
    "target-ir": ".target.ir",
    "memory-plan": ".memory.txt",
    "mlir": ".mlir",
    "dot": ".dot",
}


def run(messages: Messages, source_path: Path, given: dict[str, Any]) -> int:
    """Compiles and writes what was asked for."""
    set_messages(messages, given)
    options = compile_options(given)
    emits = tuple(dict.fromkeys(given["emits"])) or ("onnx",)
    _check_combination(given, emits)
    dump: Path | None = given["dump_ir"]
    outputs = _outputs(given["output"], source_path, emits)
    read = [source_path, options.weights, options.tuning, options.calibrate]
    for path in [*outputs.values(), given["save_weights"], given["save_tuning"]]:
        if path is not None and str(path) != "-":
            refuse_overwriting(path, read)
            check_writable(path)
    source = open_source(messages, source_path)
    with Progress(messages) as progress:
        observer = None
        if dump is not None:
            from .dump import IrDump

            observer = IrDump(dump)
        compilation = Compilation(source, options, observer=observer, progress=progress.stage)
        written = _emit(messages, compilation, outputs, given, progress)
    report = compilation.report
    messages.show(report.diagnostics)
    if given["remarks"]:
        messages.show([_at_first_line(remark, source.text) for remark in report.remarks])
    if given["time_passes"]:
        messages.answer("times", report.times_text(), report.as_json()["times"])
    if report.calibration is not None:
        calibration = report.calibration
        messages.answer("calibration", calibration.as_text(), calibration.as_json())
    if report.verification is not None:
        verification = report.verification
        messages.answer("verification", f"verified: {verification}", verification.as_json())
    if observer is not None:
        messages.line(f"wrote {dump}: {observer.written} graphs")
    for path in written:
        messages.line(f"wrote {path} ({size_text(path)})")
    return ExitStatus.DONE


def _emit(
    messages: Messages,
    compilation: Compilation,
    outputs: dict[str, Path | None],
    given: dict[str, Any],
    progress: Progress,
) -> list[Path]:
    """Computes every result before the first is written, then writes them."""
    model: CompiledModel | None = None
    if "onnx" in outputs or given["verify"]:
        model = CompiledModel(compilation)
        if given["verify"]:
            progress.stage("verify")
            model.verify()
    elif any(given[name] for name in ("save_tuning", "remarks", "time_passes", "dump_ir")):
        _ = compilation.target_graph
    texts = {
        kind: _plan_json(compilation)
        if kind == "memory-plan" and path is not None and path.suffix == ".json"
        else _TEXTS[kind](compilation)
        for kind, path in outputs.items()
        if kind != "onnx"
    }
    written: list[Path] = []
    if given["save_weights"] is not None:
        from ..weights.binding import save_weights

        progress.stage("save weights")
        save_weights(compilation.source_graph, given["save_weights"])
        written.append(given["save_weights"])
    if given["save_tuning"] is not None and compilation.tuning is not None:
        write_file(given["save_tuning"], compilation.tuning.text())
        written.append(given["save_tuning"])
    for kind, path in outputs.items():
        progress.stage("write")
        if kind == "onnx":
            assert model is not None
            if path is None or str(path) == "-":
                write_stdout(model.to_bytes())
            else:
                written += model.save(path, external=_external(given))
        elif path is None or str(path) == "-":
            progress.stop()
            write_stdout(texts[kind])
        else:
            write_file(path, texts[kind])
            written.append(path)
    return written


def _ast(compilation: Compilation) -> str:
    from ..syntax.ast_text import print_ast

    return print_ast(compilation.program)


def _ir(compilation: Compilation) -> str:
    from ...ir.text import print_graph

    return print_graph(compilation.graph)


def _target_ir(compilation: Compilation) -> str:
    from ...ir.text import print_graph

    return print_graph(compilation.target_graph)


def _memory_plan(compilation: Compilation) -> str:
    return compilation.memory_plan().as_text()


def _plan_json(compilation: Compilation) -> str:
    return json.dumps(compilation.memory_plan().as_json(), indent=2, ensure_ascii=False) + "\n"


def _mlir(compilation: Compilation) -> str:
    from ... import __version__
    from ...lowering.mlir import to_mlir
    from ..places import with_portable_places

    graph = with_portable_places(compilation.target_graph, compilation.source.name)
    return to_mlir(graph, producer_version=__version__)


def _dot(compilation: Compilation) -> str:
    from ..dot import to_dot

    return to_dot(compilation.graph)


_TEXTS: dict[str, Callable[[Compilation], str]] = {
    "ast": _ast,
    "ir": _ir,
    "target-ir": _target_ir,
    "memory-plan": _memory_plan,
    "mlir": _mlir,
    "dot": _dot,
}


def _at_first_line(remark: Diagnostic, text: str) -> Diagnostic:
    """Many remarks speak of the same long layer: its first line is enough to find it."""
    span = remark.span
    if span is None or span.end_line == span.line:
        return remark
    line = text.split("\n")[span.line - 1]
    return replace(remark, span=replace(span, end_line=span.line, end_column=len(line) + 1))


def size_text(path: Path) -> str:
    """A file's size for people."""
    size = path.stat().st_size
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"


def _outputs(output: Path | None, source: Path, emits: tuple[str, ...]) -> dict[str, Path | None]:
    """Where each result goes; None is standard output.

    One result goes to -o. Of several each gets its own suffix, the model none but -o's. Without
    -o the model is called like the program, in the working directory; a single text is printed.
    """
    stem = Path(f"{source.stem}.onnx" if str(source) != "-" else "model.onnx")
    if len(emits) == 1:
        return {emits[0]: output or (stem if emits[0] == "onnx" else None)}
    base = output or stem
    if str(base) == "-":
        raise failure(
            "E0511",
            "several results cannot all go to standard output",
            status=ExitStatus.USAGE,
            help="give -o FILE: each result gets its own suffix",
        )
    return {kind: base if kind == "onnx" else base.with_suffix(SUFFIXES[kind]) for kind in emits}


def _check_combination(given: dict[str, Any], emits: tuple[str, ...]) -> None:
    for first, second, wrong in (
        ("--single-file", "--external", given["single_file"] and given["external"]),
        ("--external", "-o -", given["external"] and str(given["output"]) == "-"),
        ("--emit=ast", "--verify", emits == ("ast",) and given["verify"]),
    ):
        if wrong:
            raise failure(
                "E0511", f"{first} and {second} exclude each other", status=ExitStatus.USAGE
            )
    if given["save_tuning"] is not None and given["opt_level"] != "3":
        raise failure(
            "E0511",
            f"at -O{given['opt_level']} nothing is measured that --save-tuning could write",
            status=ExitStatus.USAGE,
            help="measure with -O3",
        )
    if emits == ("onnx",) and str(given["output"]) == "-" and sys.stdout.isatty():
        raise failure(
            "E0510",
            "a model is binary, and standard output is a terminal",
            status=ExitStatus.USAGE,
            help="give -o FILE, or lead the output into a file or another program",
        )
    dump: Path | None = given["dump_ir"]
    if dump is not None and dump.exists() and not dump.is_dir():
        raise failure("E0504", f"`{dump}` is a file, where a directory is needed")


def _external(given: dict[str, Any]) -> str:
    return "never" if given["single_file"] else "always" if given["external"] else "auto"
