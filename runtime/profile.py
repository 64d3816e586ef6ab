"""Where the time goes: a runtime's profile, told in terms of the program.

In: the JSON file that ONNX Runtime's profiler wrote, and the source map of the model. Out:
`Profile`, times per node and per layer with the places in the source that each node stands for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from ..ir.diagnostic import failure

_KERNEL = "_kernel_time"


@dataclass(frozen=True, slots=True)
class NodeTime:
    """One node of the graph that really ran; `microseconds` is the median of the runs."""

    name: str
    op: str
    provider: str
    microseconds: float
    layer: str
    place: str
    """`file:line:column`; empty for what the runtime has put in by itself."""


@dataclass(frozen=True, slots=True)
class LayerTime:
    """All nodes of one operation in one layer."""

    layer: str
    op: str
    place: str
    count: int
    microseconds: float


@dataclass(frozen=True, slots=True)
class Profile:
    """The medians of `runs` runs: a run that was interrupted by something else does not count."""

    runs: int
    nodes: tuple[NodeTime, ...]

    @property
    def microseconds(self) -> float:
        """The kernels' time of one run."""
        return sum(node.microseconds for node in self.nodes)

    def by_layer(self) -> list[LayerTime]:
        """The nodes by layer, operation and place, the slowest first."""
        groups: dict[tuple[str, str, str], list[NodeTime]] = {}
        for node in self.nodes:
            groups.setdefault((node.layer, node.op, node.place), []).append(node)
        times = [
            LayerTime(layer, op, place, len(nodes), sum(n.microseconds for n in nodes))
            for (layer, op, place), nodes in groups.items()
        ]
        return sorted(times, key=lambda time: (-time.microseconds, time.layer, time.op))

    def as_json(self) -> dict[str, Any]:
        """The profile as JSON-ready data."""
        return {
            "runs": self.runs,
            "microseconds": self.microseconds,
            "layers": [
                {
                    "layer": time.layer,
                    "op": time.op,
                    "place": time.place,
                    "count": time.count,
                    "microseconds": time.microseconds,
                }
                for time in self.by_layer()
            ],
            "nodes": [
                {
                    "name": node.name,
                    "op": node.op,
                    "provider": node.provider,
                    "layer": node.layer,
                    "place": node.place,
                    "microseconds": node.microseconds,
                }
                for node in self.nodes
            ],
        }


def read_profile(path: Path, source_map: Mapping[str, str]) -> Profile:
    """Reads a profile; `source_map` gives each node's place by the node's name.

    The first of several runs is left out: it pays for allocation. A node that the runtime made from
    ours carries the name of one of them within its own, and gets its place.
    Raises `CompileError` E0718 for a file that is no profile.
    """
    try:
        events = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(events, list):
            raise TypeError("it holds no list of events")
        kernels = [
            event
            for event in events
            if event.get("cat") == "Node" and str(event.get("name", "")).endswith(_KERNEL)
        ]
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise failure("E0718", f"`{path}` is not a profile of ONNX Runtime: {error}") from None
    times: dict[tuple[str, str, str], list[float]] = {}
    for event in kernels:
        arguments = event.get("args", {})
        name = event["name"][: -len(_KERNEL)]
        key = (name, arguments.get("op_name", ""), arguments.get("provider", ""))
        times.setdefault(key, []).append(float(event["dur"]))
    runs = max((len(each) for each in times.values()), default=0)
    nodes = []
    for (name, op, provider), each in times.items():
        counted = each[1:] if len(each) > 1 else each
        origin = _origin(name, source_map)
        layer = origin.rpartition("/")[0]
        place = source_map.get(origin, "")
        short = provider.removesuffix("ExecutionProvider").lower()
        nodes.append(NodeTime(name, op, short, median(counted), layer, place))
    return Profile(max(runs - 1, 1) if runs else 0, tuple(nodes))


def _origin(name: str, source_map: Mapping[str, str]) -> str:
    """The node of ours that a node of the runtime's optimized graph comes from, or its own name."""
    if name in source_map:
        return name
    inside = [known for known in source_map if known in name]
    return max(inside, key=len, default=name)
