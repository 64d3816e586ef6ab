"""The record of a fault of the compiler itself: what somebody needs to mend it.

In: the exception and the command. Out: a text file with the command that reproduces the fault, the
versions, the source, the IR before the failing pass and the traceback.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path


def write_fault(
    error: BaseException, command: list[str], sources: Mapping[str, str]
) -> Path | None:
    """Writes the record into the working directory, or where that cannot be written into the
    directory for temporary files; None where neither can."""
    text = fault_text(error, command, sources)
    name = f"neuralc-fault-{hashlib.sha256(text.encode()).hexdigest()[:8]}.txt"
    for folder in (Path.cwd(), Path(tempfile.gettempdir())):
        path = folder / name
        try:
            path.write_text(text, encoding="utf-8")
        except OSError:
            continue
        return path
    return None


def fault_text(error: BaseException, command: list[str], sources: Mapping[str, str]) -> str:
    """The record's text: one heading a part."""
    from importlib.metadata import PackageNotFoundError, version

    lines = ["# neuralc fault", "", "## Command", "", shlex.join(command), "", "## Versions", ""]
    for package in ("neuralc", "onnx", "onnxruntime", "numpy", "networkx", "lark"):
        try:
            lines.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            lines.append(f"{package} is not installed")
    lines.append(f"python {platform.python_version()} on {platform.system()} {os.uname().machine}")
    for name, source in sources.items():
        lines += ["", f"## Source: {name}", "", source.rstrip("\n")]
    ir = getattr(error, "ir_before", None)
    if ir:
        lines += ["", f"## IR before {getattr(error, 'pass_name', 'the fault')}", "", str(ir)]
    lines += ["", "## Traceback", "", *_traceback(error)]
    return "\n".join(lines) + "\n"


def _traceback(error: BaseException) -> list[str]:
    shown = traceback.format_exception(error)
    # A runaway recursion repeats itself thousands of times; its two ends say all.
    lines = "".join(shown).splitlines()
    return lines if len(lines) <= 400 else [*lines[:200], "…", *lines[-200:]]
