"""Every network of the attention guide, against the float64 interpreter.

The measure: errors pooled over all outputs and seeds. A compiled file may be at most twice as far
from the float64 result as the unoptimized graph is when the runtime does not optimize either, in
RMS and in maximum, plus 4 units in the last place of the largest value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import neuralc
import numpy as np
import onnxruntime as ort
import pytest
from neuralc.ir.interpreter import interpret

WEIGHT_SEEDS = 5
INPUT_SEEDS = 4
LEVELS = (0, 1, 2)
TARGETS = ("cpu", "portable")
WITHOUT_SEQUENCE = ("vision_attention",)
"""An image has no sequence axis that `--dynamic seq` could open: the compiler warns of it."""
RUNTIME_LEVELS = {
    "as written": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "optimized by the runtime": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
}


@dataclass
class Error:
    """Error pooled over outputs: the sum of squares, the count, the maximum."""

    squares: float = 0.0
    count: int = 0
    maximum: float = 0.0

    def add(self, difference: np.ndarray) -> None:
        assert np.isfinite(difference).all()
        self.squares += float(np.square(difference).sum())
        self.count += difference.size
        self.maximum = max(self.maximum, float(np.abs(difference).max()))

    @property
    def rms(self) -> float:
        return float(np.sqrt(self.squares / self.count))


def session(path: Path, level: Any) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.graph_optimization_level = level
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def cases(padded: bool) -> list[tuple[int, int, str]]:
    """(batch, input seed, padding): as many as there are input seeds, batches 1 and 3 in turn."""
    paddings = ("right", "left", "gapped", "all") if padded else ("none",) * INPUT_SEEDS
    return [(1 + 2 * (seed % 2), seed, padding) for seed, padding in enumerate(paddings)]


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("padded", [False, True], ids=["unpadded", "padded"])
def test_every_level_and_target_is_as_exact_as_the_unoptimized_graph(
    network: str,
    padded: bool,
    dynamic: bool,
    tmp_path: Path,
    network_source: Callable[[str], str],
    sampler: Callable[..., dict[str, np.ndarray]],
) -> None:
    errors: dict[tuple[str, int, str], Error] = {}
    largest = 0.0
    for weights in range(WEIGHT_SEEDS):
        variants = {}
        for target in TARGETS:
            for level in LEVELS:
                model = neuralc.compile(
                    network_source(network),
                    opt_level=level,
                    target=target,
                    seed=weights,
                    padding_mask=padded,
                    dynamic=("seq",) if dynamic else (),
                    lint=False,
                )
                path = tmp_path / f"{target}{level}.onnx"
                model.save(path)
                for how, runtime_level in RUNTIME_LEVELS.items():
                    variants[target, level, how] = session(path, runtime_level)
        graph = model.source_graph
        warned = any(d.code == "W0208" for d in model.report.warnings)
        assert warned == (dynamic and network in WITHOUT_SEQUENCE)
        open_axes = dynamic and network not in WITHOUT_SEQUENCE
        assert ("S" in graph.symbols()) == open_axes
        for batch, seed, padding in cases(padded):
            lengths = {"S": 3 + 2 * seed, "T": 1 + 2 * seed} if open_axes else {}
            inputs = sampler(graph, batch, 100 * weights + seed, padding, **lengths)
            expected = interpret(graph, inputs)
            for variant, running in variants.items():
                names = [output.name for output in running.get_outputs()]
                assert names == list(expected)
                for name, actual in zip(names, running.run(names, inputs), strict=True):
                    errors.setdefault(variant, Error()).add(actual - expected[name])
                    largest = max(largest, float(np.abs(expected[name]).max()))
    base = errors["cpu", 0, "as written"]
    slack = 4 * float(np.spacing(np.float32(largest)))
    worse = {
        variant: (error.rms / base.rms, error.maximum / base.maximum)
        for variant, error in errors.items()
        if error.rms > 2 * base.rms + slack or error.maximum > 2 * base.maximum + slack
    }
    assert not worse, f"RMS and maximum error over the unoptimized graph's: {worse}"
