"""What a compiled file says about itself.

In: a compilation. Out: text by key, for the file's metadata; the keys that begin with `neuralc.`
are this project's, and their values are JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..ir.graph import Graph
    from .driver import Compilation

VERSION = "neuralc.version"
OPTIONS = "neuralc.options"
PIPELINE = "neuralc.pipeline"
FUSED = "neuralc.fused"
INPUTS = "neuralc.inputs"
SIZES = "neuralc.sizes"
SESSION_OPTIONS = "neuralc.session_options"
TARGET = "neuralc.target"
VERIFICATION = "neuralc.verification"
SOURCE_MAP = "neuralc.source_map"
"""Written by lowering."""


def model_metadata(compilation: Compilation) -> dict[str, str]:
    """The entries of the compiled file, in a fixed order. The graph's own, such as the loss and the
    optimizer, are written by lowering."""
    from .. import __version__
    from ..ir.least_sizes import least_sizes
    from .verifying.samples import input_roles

    graph, target = compilation.target_graph, compilation.target
    least = least_sizes(compilation.source_graph)
    entries: dict[str, Any] = {
        OPTIONS: compilation.options.as_metadata(),
        PIPELINE: compilation.report.pipeline,
        FUSED: compilation.report.fused,
        INPUTS: [role.as_json() for role in input_roles(graph)],
        SIZES: {
            name: {"minimum": least[name], "maximum": each.maximum, "origin": each.origin}
            for name, each in graph.symbols().items()
        },
        SESSION_OPTIONS: session_options(graph, target.name),
        TARGET: {"name": target.name, "oldest_runtime": target.oldest_runtime},
    }
    return {VERSION: __version__} | {key: compact(value) for key, value in entries.items()}


def session_options(graph: Graph, target: str) -> dict[str, str]:
    """What a session of the graph should be made with, by the runtime's names.

    Scores that a mask removes leave the CPU's softmax as subnormal numbers, which make the product
    with the values several times slower: such graphs ask for subnormals to count as zeros.
    """
    masked = ("attention", "masked_softmax", "scaled_masked_softmax")
    for node in graph.nodes():
        if target != "cuda" and node.op in masked and _is_masked(node.op, node):
            return {"session.set_denormal_as_zero": "1"}
    return {}


def compact(value: Any) -> str:
    """JSON in one line, the same for equal values."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _is_masked(op: str, node: Any) -> bool:
    if op == "attention":
        return bool(node.attributes["causal"]) or any(
            operand is not None for operand in node.operands[3:5]
        )
    return len(node.operands) > 1 and node.operands[1] is not None


def read_entry(metadata: Mapping[str, str], key: str, absent: Any) -> Any:
    """The value of an entry; `absent` where the file has none, or not one of ours."""
    try:
        return json.loads(metadata[key])
    except (KeyError, ValueError):
        return absent


def source_map(metadata: Mapping[str, str]) -> dict[str, str]:
    """The source places of the file's nodes by the nodes' names; empty for foreign files."""
    places = read_entry(metadata, SOURCE_MAP, {})
    return places if isinstance(places, dict) else {}
