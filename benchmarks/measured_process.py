"""Runs one command and tells what it took: seconds on the wall and of CPU, and its peak of memory.

    python measured_process.py COMMAND...

In: a command line. Out: a line of JSON; the status is the command's own, and what it wrote to
stdout goes to stderr.

It stands between a measuring script and what is measured because Linux counts the memory of the
process that starts another to the other's peak: this one imports as little as it can.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time


def measure(command: list[str]) -> tuple[dict[str, float], int]:
    """`wall` and `cpu` in seconds, `peak_rss` in bytes, and the command's exit status."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    # Kilobytes on Linux, bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    told = {
        "wall": wall,
        "cpu": used.ru_utime + used.ru_stime,
        "peak_rss": used.ru_maxrss * unit,
    }
    return told, process.returncode


if __name__ == "__main__":
    figures, code = measure(sys.argv[1:])
    print(json.dumps(figures))
    sys.exit(code)
