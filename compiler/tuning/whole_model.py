"""The last word of -O3: the whole model under a few sets of choices.

In: candidates, -O2's first. Out: `MeasuredModel`, which names the one to take.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ...ir.dtype import DType
from ...ir.graph import Graph
from ...ir.node import Node
from ...passes.tuned_forms import concrete, concrete_type, signature_of
from ..verifying.samples import input_roles, sample
from .cache import TuningCache
from .record import MeasuredChoice, MeasuredModel
from .significance import times_as_fast
from .stopwatch import Contest, Stopwatch

if TYPE_CHECKING:
    from ...lowering.onnx_program import OnnxProgram

ROUNDS = 7, 31
BEYOND_DOUBT = 1.005
"""The lower end of the 99 % interval from which a set of choices counts as faster."""
SHARE_OF_MEMORY = 0.5
"""Of what is free: larger models are not loaded several times side by side."""
COPIES = 2
"""Of the weights that a session may hold: as they are, and packed for its products."""


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
        if seconds <= 0 or not _fits(candidates):
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


def _fits(candidates: Sequence[Candidate]) -> bool:
    """Whether all candidates can be in memory at once."""
    free = _free_memory()
    if free is None:
        return True
    total = 0
    for each in candidates:
        for value, source in each.graph.sources():
            copies = 1 if value.type.dtype is DType.I64 else COPIES
            size = source.type.nbytes
            total += copies * (size if isinstance(size, int) else 0)
    return total < SHARE_OF_MEMORY * free


def _free_memory() -> int | None:
    """Bytes that no process uses; None where the system does not tell."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def rounded(microseconds: float) -> float:
    """Four digits: more than a clock can promise."""
    return float(f"{microseconds:.4g}")
