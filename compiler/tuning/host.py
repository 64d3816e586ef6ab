"""What figures depend on beside the graph: the machine, its threads, the versions.

In: nothing but the machine. Out: a dictionary that stands in records, and whose hash names the
cache's file.
"""

from __future__ import annotations

import hashlib
import os
import platform
from functools import lru_cache
from pathlib import Path

from ...ir.diagnostic import CompileError, failure


def host(threads: int, provider: str) -> dict[str, str | int]:
    """The machine that figures hold for; `threads` 0 are as many as the runtime takes.

    Raises `CompileError` E0507 without ONNX Runtime.
    """
    from ... import __version__

    name, flags = _processor()
    return {
        "processor": name,
        "instructions": flags,
        "cores": os.cpu_count() or 1,
        "threads": threads,
        "provider": provider,
        "runtime": f"ONNX Runtime {runtime_version()}",
        "neuralc": __version__,
    }


def runtime_version() -> str:
    """The version of ONNX Runtime. Raises `CompileError` E0507 where there is none."""
    from ...runtime import session

    try:
        return session.runtime_version()
    except CompileError as error:
        raise failure(
            "E0507",
            "-O3 measures in ONNX Runtime, which is not installed",
            help='pip install "neuralc[cpu]"; or give what was measured elsewhere with '
            "--tuning FILE, or take -O2",
        ) from error


@lru_cache(maxsize=1)
def _processor() -> tuple[str, str]:
    """The processor's name, and a hash of what it can do, where the system tells them."""
    name = platform.processor() or platform.machine()
    flags = platform.machine()
    cpu_info = Path("/proc/cpuinfo")
    if cpu_info.is_file():
        for line in cpu_info.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                name = value.strip()
            elif key.strip() in ("flags", "Features"):
                flags = " ".join(sorted(value.split()))
                break
    return name, hashlib.sha256(flags.encode()).hexdigest()[:16]
