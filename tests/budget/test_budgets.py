"""What may not grow unseen: the time of passes, and the time and memory of a compilation.

The goals themselves are measured by `benchmarks/compile_cost.py` and stand in docs/measurements.md.
Here they are guarded on whatever machine the tests run, so times have a factor of 2 of slack, are
CPU time and the least of several runs: what else the machine does only ever adds. What the command
lines load and take to start is guarded in tests/cli.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from neuralc.compiler.driver import Compilation
from neuralc.compiler.options import CompileOptions
from neuralc.compiler.syntax.source import Source
from neuralc.ir.graph import Graph
from neuralc.ir.target import target_named
from neuralc.passes.forms_pipeline import forms_passes
from neuralc.passes.manager import run_pipeline
from neuralc.passes.pipelines import passes_of

SLACK = 2.0
LAYERS, MANY_LAYERS = 12, 96

COMPILER = "from neuralc.compiler.cli.neuralc import main; main()"
LAUNCHER = """
import json, os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
process.returncode = os.waitstatus_to_exitcode(status)
print(json.dumps([process.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss]))
"""
"""Linux counts the memory of the process that starts another to the other's peak: this process of
pytest is large, one that runs these lines alone is not."""


@dataclass(frozen=True)
class Cost:
    """Of a process: seconds of CPU, and the peak of resident memory in bytes."""

    cpu: float
    peak: int


def cost_of(*arguments: str) -> Cost:
    """Runs a new Python with `arguments`."""
    command = [sys.executable, "-c", LAUNCHER, sys.executable, *arguments]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    status, cpu, peak = json.loads(told)
    assert status == 0
    return Cost(cpu, peak * (1 if sys.platform == "darwin" else 1024))


def encoder(layers: int, width: int, vocabulary: int = 0) -> str:
    lookup = f"Embedding(input_dim={vocabulary}, output_dim={width})" if vocabulary else ""
    return f"""network Encoder {{
  input: (128, {width})
  layers:
    {lookup}
    TransformerEncoder(num_heads={width // 64}, d_model={width}, dff={4 * width}) * {layers}
    GlobalAveragePooling1D()
    Output(2, activation="softmax")
  loss: "categorical_crossentropy"
  optimizer: Adam(learning_rate=0.001)
}}
"""


# ---- passes -------------------------------------------------------------------------------


def pass_seconds(graph: Graph) -> float:
    """CPU seconds of all passes of -O2, including the copies of the graph."""
    start = time.process_time()
    raised = run_pipeline(graph, passes_of(2)).graph
    run_pipeline(raised, forms_passes(target_named("cpu", "fp32"), {}))
    return time.process_time() - start


def test_passes_are_fast_and_linear() -> None:
    # Weights are lazy, so that only the number of layers matters, not their width.
    short, long = (
        Compilation(Source("e", encoder(layers, 768)), CompileOptions()).source_graph
        for layers in (LAYERS, MANY_LAYERS)
    )
    few, many = [], []
    for _ in range(4):
        few += [pass_seconds(short) for _ in range(3)]
        many.append(pass_seconds(long))
    assert min(few) <= SLACK * 0.5
    # 8 times the layers; what is more than linear by a factor n would take 64 times as long.
    assert min(many) <= 10 * SLACK * min(few)


# ---- a whole compilation ------------------------------------------------------------------


def test_a_compilation_holds_a_few_tensors_and_never_the_model(tmp_path: Path) -> None:
    program, medium = tmp_path / "small.neural", tmp_path / "medium.neural"
    program.write_text(encoder(1, 64), encoding="utf-8")
    medium.write_text(encoder(4, 512, vocabulary=30_000), encoding="utf-8")
    result = tmp_path / "medium.onnx"
    small = cost_of("-c", COMPILER, str(program), "-o", str(tmp_path / "small.onnx"))
    cost = cost_of("-c", COMPILER, str(medium), "-o", str(result))
    written = sum(path.stat().st_size for path in tmp_path.glob("medium*"))
    assert written > 100e6
    assert cost.peak <= 300e6
    assert cost.peak - small.peak <= 40e6
    assert cost.cpu <= SLACK * 3.0


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of the fastest of several runs."""
    times = []
    for _ in range(4):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def _long_program(lines: int) -> Source:
    kinds = (
        '    Dense(64, activation="relu")  # a layer',
        "    Dropout(0.1)",
        "    LayerNormalization()",
        '    ResidualConnection { Dense(64, "gelu") }',
    )
    inner = [kinds[number % len(kinds)] for number in range(lines - 4)]
    head = ["network Long {", "  input: (64,)", "  layers:"]
    return Source("long", "\n".join([*head, *inner, "}", ""]))


def test_a_program_of_2000_lines_is_checked_in_half_a_second() -> None:
    from neuralc.compiler.driver import check_program

    source = _long_program(2000)
    _, told = check_program(source, CompileOptions())
    assert not told
    assert cpu_seconds(lambda: check_program(source, CompileOptions())) < 0.5 * SLACK


def test_parsing_is_linear_in_the_length_of_the_program() -> None:
    from neuralc.compiler.syntax.parser import parse

    short, long = _long_program(1000), _long_program(16_000)
    parse(short)
    times = [cpu_seconds(lambda each=each: parse(each)) for each in (short, long)]
    assert times[1] < 16 * times[0] * SLACK
