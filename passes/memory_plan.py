"""The memory plan: what a run holds at its peak, where, and who is to blame.

In: a graph, a target, sizes for the graph's symbols. Out: `MemoryPlan`. The runtime allocates for
itself, so the offsets are a report of what is possible; peak and holders are a prediction of what
it does, checked against it in docs/memory.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..ir.diagnostic import ExitStatus, failure
from ..ir.dim import SymbolicDim, evaluate
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.target import Target
from .memory_buffers import Buffer, buffers_of
from .memory_order import runtime_order

HOLDERS = 8
"""How many of the peak's buffers a report names."""


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """Buffers with their places, and what follows from them. Sizes are in bytes."""

    graph: str
    target: str
    sizes: Mapping[str, int]
    steps: tuple[tuple[str, str], ...]
    """Op and scope of each node in the runtime's order."""
    buffers: tuple[Buffer, ...]
    lower_bound: int
    """The most that is in use at one step: no assignment can do with less."""
    peak: int
    """The end of the highest buffer."""
    peak_step: int
    """The first step at which the most is in use."""
    weights: int
    inputs: int

    @property
    def total(self) -> int:
        """What all buffers would take if none were used twice."""
        return sum(buffer.bytes for buffer in self.buffers)

    @property
    def reuse(self) -> float:
        """How many times the memory at the peak is used; 1 where nothing is reused."""
        return self.total / self.peak if self.peak else 1.0

    @property
    def holders(self) -> tuple[Buffer, ...]:
        """The buffers in use at the peak, the largest first."""
        there = [each for each in self.buffers if each.first <= self.peak_step <= each.last]
        return tuple(sorted(there, key=lambda each: (-each.bytes, each.first, each.names)))

    def as_text(self) -> str:
        """The report that `--emit=memory-plan` prints."""
        sizes = ", ".join(f"{name} = {size}" for name, size in self.sizes.items())
        lines = [
            f"memory plan of {self.graph} on {self.target}" + (f" for {sizes}" if sizes else ""),
            f"  activations  {_size(self.peak)} at the peak; at least {_size(self.lower_bound)}; "
            f"without reuse {_size(self.total)} ({self.reuse:.1f} times as much)",
            f"  weights      {_size(self.weights)}",
            f"  inputs       {_size(self.inputs)}, the caller's",
        ]
        if self.steps:
            op, scope = self.steps[self.peak_step]
            place = f" in {scope}" if scope else ""
            step = f"step {self.peak_step + 1} of {len(self.steps)}"
            lines += ["", f"peak at {op}{place}, {step}, held by"]
            lines += [f"  {_row(buffer)}" for buffer in self.holders[:HOLDERS]]
            rest = self.holders[HOLDERS:]
            if rest:
                lines.append(f"  {_size(sum(each.bytes for each in rest)):>9}  {len(rest)} others")
        lines += ["", "    offset      size  steps      what"]
        for buffer in self.buffers:
            steps = f"{buffer.first + 1}-{buffer.last + 1}"
            what = ", ".join(buffer.names) or buffer.what
            lines.append(f"{buffer.offset:>10}{buffer.bytes:>10}  {steps:<9}  {what}")
        return "\n".join(lines) + "\n"

    def as_json(self) -> dict[str, Any]:
        """The plan as JSON-ready data."""
        return {
            "graph": self.graph,
            "target": self.target,
            "sizes": dict(self.sizes),
            "peak": self.peak,
            "lower_bound": self.lower_bound,
            "total": self.total,
            "weights": self.weights,
            "inputs": self.inputs,
            "peak_step": self.peak_step,
            "steps": [{"op": op, "scope": scope} for op, scope in self.steps],
            "buffers": [
                {
                    "offset": buffer.offset,
                    "bytes": buffer.bytes,
                    "first": buffer.first,
                    "last": buffer.last,
                    "values": list(buffer.names),
                    "what": buffer.what,
                    "op": buffer.op,
                    "scope": buffer.scope,
                    "place": str(buffer.span) if buffer.span else None,
                }
                for buffer in self.buffers
            ],
        }


def plan(graph: Graph, target: Target, sizes: Mapping[str, int] | None = None) -> MemoryPlan:
    """Plans a run at batch 1 and declared maxima, or at the `sizes` given for symbols by name.

    Raises `CompileError` E0624 for a symbol that has neither a size nor a maximum.
    """
    known = _complete(graph, sizes or {})
    order = runtime_order(graph)
    buffers = placed(buffers_of(graph, order, target, known))
    live = live_bytes(buffers, len(order))
    lower_bound = max(live, default=0)
    return MemoryPlan(
        graph.name,
        target.name,
        known,
        tuple((node.op, node.scope) for node in order),
        tuple(buffers),
        lower_bound,
        max((each.offset + each.bytes for each in buffers), default=0),
        live.index(lower_bound) if live else 0,
        sum(evaluate(value.type.nbytes, known) for value, _ in _used_sources(graph, order)),
        sum(evaluate(value.type.nbytes, known) for value in graph.inputs),
    )


def placed(buffers: list[Buffer]) -> list[Buffer]:
    """The buffers with offsets such that none that are in use at once overlap.

    Interval colouring with weights, greedily: the largest buffer first, each into the tightest gap
    between those already placed that are in use while it is (Pisarchyk and Lee, Efficient Memory
    Management for Deep Neural Net Inference, 2020, section 5.1).
    """
    by_size = sorted(range(len(buffers)), key=lambda i: (-buffers[i].bytes, buffers[i].first, i))
    at_step: dict[int, list[int]] = {}
    offsets: dict[int, int] = {}
    for index in by_size:
        buffer = buffers[index]
        steps = range(buffer.first, buffer.last + 1)
        beside = {other for step in steps for other in at_step.get(step, ())}
        taken = sorted((offsets[other], offsets[other] + buffers[other].bytes) for other in beside)
        offsets[index] = _tightest_gap(taken, buffer.bytes)
        for step in steps:
            at_step.setdefault(step, []).append(index)
    return [replace(buffer, offset=offsets[i]) for i, buffer in enumerate(buffers)]


def _tightest_gap(taken: list[tuple[int, int]], size: int) -> int:
    """Where the smallest gap starts that is large enough; behind everything if there is none."""
    best, room, end = -1, -1, 0
    for start, stop in taken:
        gap = start - end
        if gap >= size and (best < 0 or gap < room):
            best, room = end, gap
        end = max(end, stop)
    return best if best >= 0 else end


def live_bytes(buffers: list[Buffer], steps: int) -> list[int]:
    """What is in use at each step."""
    change = [0] * (steps + 1)
    for buffer in buffers:
        change[buffer.first] += buffer.bytes
        change[buffer.last + 1] -= buffer.bytes
    live: list[int] = []
    total = 0
    for each in change[:steps]:
        total += each
        live.append(total)
    return live


def _complete(graph: Graph, sizes: Mapping[str, int]) -> dict[str, int]:
    known: dict[str, int] = {}
    batches = {
        each.name
        for value in graph.inputs
        if value.type.shape and isinstance(value.type.shape[0], SymbolicDim)
        for each in value.type.shape[0].symbols()
    }
    for name, symbol in graph.symbols().items():
        size = sizes.get(name)
        if size is None:
            size = 1 if name in batches else symbol.maximum
        if size is None:
            raise failure(
                "E0624",
                f"the memory plan needs a size for {name}, {symbol.origin or 'an open axis'}",
                status=ExitStatus.USAGE,
                help=f"give its maximum, e.g. --max {name}=512",
            )
        known[name] = size
    return known


def _used_sources(graph: Graph, order: list[Node]) -> list[tuple[Any, Any]]:
    read = {id(operand) for node in order for operand in node.operands if operand is not None}
    read |= {id(output) for output in graph.outputs.values()}
    return [(value, source) for value, source in graph.sources() if id(value) in read]


def _size(count: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} bytes"


def _row(buffer: Buffer) -> str:
    what = f"{', '.join(buffer.names)} {buffer.what}" if buffer.names else buffer.what
    place = f"  in {buffer.scope}" if buffer.scope else ""
    source = f" at {buffer.span}" if buffer.span else ""
    return f"{_size(buffer.bytes):>9}  {what}{place}{source}"
