"""neuralc: an optimizing compiler for neural networks written in the Neural language.

    >>> import neuralc, pathlib
    >>> model = neuralc.compile(pathlib.Path("model.neural"), opt_level=2)
    >>> model.save("model.onnx")

The names below are loaded when first used, so that importing the package costs nothing.
"""

from __future__ import annotations

# The folders of this repository are the package's subpackages. A test runner that meets this file
# under its folder's name must not load them a second time.
if __name__ == "neuralc":
    from typing import TYPE_CHECKING, Any

    __version__ = "0.1.0"
    __all__ = ["CompileError", "CompiledModel", "Diagnostic", "__version__", "compile"]

    if TYPE_CHECKING:
        from .compiler.driver import CompiledModel, compile
        from .ir.diagnostic import CompileError, Diagnostic

    _HOMES = {
        "compile": "compiler.driver",
        "CompiledModel": "compiler.driver",
        "CompileError": "ir.diagnostic",
        "Diagnostic": "ir.diagnostic",
    }

    def __getattr__(name: str) -> Any:
        import importlib

        if name not in _HOMES:
            raise AttributeError(f"module 'neuralc' has no attribute {name!r}")
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
