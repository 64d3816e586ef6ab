"""What a measurement must name beside its figures: the machine and the versions.

In: nothing. Out: a dictionary for a line of JSON, or one line of text.
"""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("neuralc", "onnxruntime", "onnx", "numpy", "networkx")


def processor() -> str:
    """The processor's name where the system tells it, with the vector instructions that matter."""
    cpu_info = Path("/proc/cpuinfo")
    if not cpu_info.exists():
        return platform.processor() or platform.machine()
    lines = (line.partition(":") for line in cpu_info.read_text().splitlines())
    told = {name.strip(): value.strip() for name, _, value in lines}
    flags = set(told.get("flags", "").split())
    names = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_vnni": "VNNI", "amx_tile": "AMX"}
    vectors = [name for flag, name in names.items() if flag in flags]
    return " ".join([told.get("model name", platform.machine()), *vectors])


def versions(*others: str) -> dict[str, str]:
    """Of Python, of what neuralc is made with, and of other packages."""
    found = {"python": platform.python_version()}
    for package in (*PACKAGES, *others):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "none"
    return found


def machine(*others: str) -> dict[str, object]:
    """Its processor and cores, and the versions of neuralc's packages and of those named."""
    return {"processor": processor(), "cores": os.cpu_count(), "versions": versions(*others)}
