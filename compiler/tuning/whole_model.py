"""The last word of -O3: the whole model under a few sets of choices.

In: candidates, -O2's first. Out: `MeasuredModel`, which names the one to take.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...ir.graph import Graph
from ...ir.node import Node
from ...passes.tuned_forms import concrete, concrete_type, signature_of
from ..verifying.samples import input_roles, sample
from .cache import TuningCache
from .record import BEYOND_DOUBT, MeasuredChoice, MeasuredModel
from .significance import times_as_fast
from .stopwatch import Contest, Stopwatch

if TYPE_CHECKING:
    from ...lowering.onnx_program import OnnxProgram

ROUNDS = 7, 31
SHARE_OF_MEMORY = 0.5
"""Of what is free: what the weights of all candidates may take side by side. A session holds them
packed for its products; the noise that they are packed from is one file for all."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A set of choices, and the target graph that follows from it."""

    name: str
    choices: Mapping[str, MeasuredChoice]
    without: tuple[str, ...]
    graph: Graph


@dataclass(frozen=True, slots=True)
class WholeModel:
    """Measures candidates against each other."""

    lower: Callable[[Graph], OnnxProgram]
    sizes: Mapping[str, int]
    stopwatch: Stopwatch
    cache: TuningCache

    def measure(self, candidates: Sequence[Candidate], seconds: float) -> MeasuredModel | None:
        """Which candidate to take: the first unless another is faster beyond doubt. None where the
        time, the memory or the runtime does not allow to tell."""
        names = [f"{each.name} {digest(each.graph, self.sizes)}" for each in candidates]
        key = hashlib.sha256("\n".join(names).encode()).hexdigest()
        if (known := self.cache.model(key)) is not None:
            return known
        candidates = _fitting(candidates)
        if seconds <= 0 or len(candidates) < 2:
            return None
        first = candidates[0]
        contenders = {each.name: partial(self.lower, each.graph) for each in candidates}
        contest = Contest("the whole model", contenders, inputs_of(first.graph, self.sizes))
        rounds = self.stopwatch.measure(contest, seconds, ROUNDS)
        if first.name not in rounds or len(rounds[first.name]) < ROUNDS[0]:
            return None
        faster = {
            name: times_as_fast(rounds[first.name], times)
            for name, times in rounds.items()
            if name != first.name
        }
        better = [name for name, (_, low, _) in faster.items() if low > BEYOND_DOUBT]
        measured = MeasuredModel(
            max(better, key=lambda name: faster[name][0]) if better else first.name,
            {name: rounded(float(np.median(times))) for name, times in rounds.items()},
            {
                name: (round(median, 4), round(low, 4), round(high, 4))
                for name, (median, low, high) in faster.items()
            },
            len(rounds[first.name]),
        )
        self.cache.add_model(key, measured)
        return measured


def inputs_of(graph: Graph, sizes: Mapping[str, int]) -> dict[str, np.ndarray[Any, Any]]:
    """Sample inputs of a graph at the given sizes; a tenth of a mask's positions is padding."""
    roles = input_roles(graph)
    axes = {
        str(dim): size
        for value in graph.inputs
        for dim in value.type.shape
        if isinstance(size := concrete(dim, sizes), int)
    }
    arrays = sample(roles, axes, seed=0)
    for role in roles:
        if role.role == "mask" and arrays[role.name].ndim:
            padded = max(1, arrays[role.name].shape[-1] // 10)
            if arrays[role.name].shape[-1] > 1:
                arrays[role.name][..., -padded:] = 0
    return arrays


def digest(graph: Graph, sizes: Mapping[str, int]) -> str:
    """Equal for graphs that compute the same in the same forms at the same sizes, whatever their
    weights hold."""
    numbers = {value: f"i{number}" for number, value in enumerate(graph.inputs)}
    lines = [f"{concrete_type(value.type, sizes)}" for value in graph.inputs]

    def number(value: Any) -> str:
        return "_" if value is None else numbers.setdefault(value, f"w{len(numbers)}")

    for node in graph.nodes():
        for index, result in enumerate(node.results):
            numbers[result] = f"n{len(lines)}.{index}"
        lines.append(f"{_line(node, sizes)} {' '.join(map(number, node.operands))}")
    lines += [f"{name} = {number(value)}" for name, value in graph.outputs.items()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _line(node: Node, sizes: Mapping[str, int]) -> str:
    return f"{node.attributes.get('form', '')} {signature_of(node, sizes)}"


def _fitting(candidates: Sequence[Candidate]) -> Sequence[Candidate]:
    """As many of the candidates as can be in memory at once, the first ones."""
    left = SHARE_OF_MEMORY * free_memory()
    fitting = []
    for each in candidates:
        sizes = (source.type.nbytes for _, source in each.graph.sources())
        left -= sum(size for size in sizes if isinstance(size, int))
        if left < 0:
            break
        fitting.append(each)
    return fitting


def free_memory() -> float:
    """Bytes that can still be had; as many as one likes where the system does not tell."""
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return 1024.0 * int(line.split()[1])
    return math.inf


def rounded(microseconds: float) -> float:
    """Four digits: more than a clock can promise."""
    return float(f"{microseconds:.4g}")
