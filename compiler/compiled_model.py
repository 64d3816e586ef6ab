"""The compiler's result: a model that can be saved, run, looked into and verified.

In: a compilation. Out: `CompiledModel`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .options import CompileOptions
from .report import Report

if TYPE_CHECKING:
    from ..ir.graph import Graph
    from ..lowering.onnx_program import OnnxProgram
    from ..passes.memory_plan import MemoryPlan
    from ..runtime.session import Session
    from .driver import Compilation
    from .tuning.record import TuningRecord
    from .verifying.verification import Verification


class CompiledModel:
    """A compiled network."""

    def __init__(self, compilation: Compilation) -> None:
        self._compilation = compilation
        self.program: OnnxProgram = compilation.onnx
        compilation.report.weight_bytes = self.program.weight_bytes
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def name(self) -> str:
        """The network's name."""
        return self._compilation.graph.name

    @property
    def options(self) -> CompileOptions:
        return self._compilation.options

    @property
    def report(self) -> Report:
        """Passes and their times, what was fused, remarks, sizes, diagnostics, verification."""
        return self._compilation.report

    @property
    def source_graph(self) -> Graph:
        """The graph as built, before any pass."""
        return self._compilation.source_graph

    @property
    def graph(self) -> Graph:
        """The raised graph: what was fused."""
        return self._compilation.graph

    @property
    def target_graph(self) -> Graph:
        """The graph as it was lowered."""
        return self._compilation.target_graph

    @property
    def tuning(self) -> TuningRecord | None:
        """What -O3 measured, or what it was told; None below it."""
        return self._compilation.tuning

    def memory_plan(self, sizes: Mapping[str, int] | None = None) -> MemoryPlan:
        """What the activations take, and when: at batch 1 and every open axis at its maximum, or at
        the `sizes` given by the symbols' names. Raises `CompileError` E0624 for an axis without
        either."""
        return self._compilation.memory_plan(sizes)

    def save(self, path: str | Path, *, external: str = "auto") -> list[Path]:
        """Writes the model, and beside it the weights where they are over 64 MB.

        `external` is `auto`, `always` (beside it in any case) or `never` (in one file, under
        2 GB). Returns the written files, the model first. Until all of them are complete, files of
        an earlier compilation stay. Raises `CompileError` where writing fails.
        """
        from ..lowering.weights import save
        from .output import check_writable, is_regular, real, refuse_overwriting, write_file

        path = Path(path)
        source = self._compilation.source.name
        read = [source, self.options.weights, self.options.tuning, self.options.calibrate]
        refuse_overwriting(path, read)
        check_writable(path)
        with self.report.stage("write"):
            if is_regular(path):
                # A link stays one: what it leads to is written, and the weights beside that.
                where = real(path) if path.is_symlink() else path
                files = [path, *save(self.program, where, external=external)[1:]]
            else:
                write_file(path, self.to_bytes())
                files = [path]
        self.report.files.extend((str(each), each.stat().st_size) for each in files)
        return files

    def to_bytes(self) -> bytes:
        """The whole model with its weights. Raises `CompileError` where it is over 2 GB."""
        from ..lowering.weights import to_bytes

        return to_bytes(self.program)

    def session(self, provider: str = "auto", *, options: dict[str, Any] | None = None) -> Session:
        """The model, ready to run in ONNX Runtime. `provider` is `auto`, `cpu`, `cuda` or
        `openvino`."""
        from .program_session import open_program

        return open_program(self.program, self.folder, provider, options)

    @property
    def folder(self) -> Path:
        """Where files lie that sessions of this model read; it lives as long as the model."""
        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="neuralc-")
        return Path(self._folder.name)

    def verify(self, provider: str | None = None) -> Verification:
        """Runs the model on sample inputs against the float64 interpreter of the graph as built.

        Without a `provider` it runs on what the target is for: `cuda`, or the CPU for the others.
        The result goes into the report and into the metadata of files saved later. Raises
        `CompileError` E0720 where the error is over the bound.
        """
        from .verifying.verification import verify_model

        with self.report.stage("verify"):
            where = provider or ("cuda" if self.options.target == "cuda" else "cpu")
            verification = verify_model(self, self._compilation, where)
        self.report.verification = verification
        return verification
