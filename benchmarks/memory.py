"""Compares the memory plan with what ONNX Runtime really takes.

    python benchmarks/memory.py examples/guide/*.neural
    python benchmarks/memory.py long.neural --batch 1 --form attention=blocks16

In: programs. Out: for each the predicted and the measured peak of activations, in MB. Measured is
how far the resident memory of a fresh process rises while it runs the model once more, after two
runs, at batch 8 (the kernel counts resident pages 64 at a time, so that small figures are worth
little): arena and memory pattern are off, and the C library gives freed memory back at once, so
that what is resident is in use.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

GIVE_BACK = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0"}


def resident(key: str) -> int:
    """`VmRSS` or `VmHWM` of this process in bytes."""
    text = Path("/proc/self/status").read_text()
    found = re.search(rf"{key}:\s+(\d+) kB", text)
    assert found is not None
    return int(found[1]) * 1024


def measure(model: Path, batch: int) -> int:
    """Bytes by which one run raises this process's resident memory."""
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    types = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(bool)": np.bool_}
    inputs = {
        each.name: np.ones(
            [d if isinstance(d, int) else batch for d in each.shape], types[each.type]
        )
        for each in session.get_inputs()
    }
    rises = []
    for _ in range(4):
        Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts again from here
        before = resident("VmRSS")
        outputs = session.run(None, inputs)
        rises.append(resident("VmHWM") - before)
        del outputs
    return min(rises[2:])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("programs", nargs="*", type=Path)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("-O", type=int, default=2, dest="level", help="level of optimization")
    parser.add_argument("--form", action="append", default=[], help="OP=FORM, as of neuralc")
    options = parser.parse_args()
    if options.measure is not None:
        print(measure(options.measure, options.batch))
        return

    import neuralc

    print(f"{'program':44}{'predicted':>10}{'measured':>10}{'error':>8}")
    for program in options.programs:
        with tempfile.TemporaryDirectory() as folder:
            forms = dict(form.split("=") for form in options.form)
            compiled = neuralc.compile(program, opt_level=options.level, forms=forms)
            model = Path(folder) / "model.onnx"
            compiled.save(model)
            predicted = compiled.memory_plan({"B": options.batch}).peak
            done = subprocess.run(
                [sys.executable, __file__, "--measure", str(model), "--batch", str(options.batch)],
                env={**os.environ, **GIVE_BACK},
                capture_output=True,
                text=True,
                check=True,
            )
            measured = int(done.stdout)
        error = predicted / measured - 1
        print(
            f"{program.stem:44}{predicted / 1e6:>10.2f}{measured / 1e6:>10.2f}{error:>+8.1%}",
            flush=True,
        )


if __name__ == "__main__":
    main()
