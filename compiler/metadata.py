"""What a compiled file says about itself.

In: a compilation. Out: text by key, for the file's metadata.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .metadata_entries import (
    CALIBRATION,
    CHOICES,
    FUSED,
    INPUTS,
    OPTIONS,
    PIPELINE,
    PRODUCTS,
    SESSION_OPTIONS,
    SIZES,
    TARGET,
    TUNING,
    VERSION,
    compact,
)

if TYPE_CHECKING:
    from ..ir.graph import Graph
    from .driver import Compilation


def model_metadata(compilation: Compilation) -> dict[str, str]:
    """The entries of the compiled file, in a fixed order. The graph's own, such as the loss and the
    optimizer, are written by lowering."""
    from .. import __version__

    graph, target = compilation.target_graph, compilation.target
    entries: dict[str, Any] = {
        OPTIONS: compilation.options.as_metadata(),
        PIPELINE: compilation.report.pipeline,
        FUSED: compilation.report.fused,
        **_interface(graph, compilation.source_graph),
        SESSION_OPTIONS: session_options(graph, target.name),
        TARGET: {"name": target.name, "oldest_runtime": target.oldest_runtime},
    }
    if compilation.report.choices:
        entries[CHOICES] = compilation.report.choices
    if compilation.report.products:
        entries[PRODUCTS] = compilation.report.products
    if compilation.tuning is not None:
        entries[TUNING] = compilation.tuning.as_json()
    if compilation.report.calibration is not None:
        entries[CALIBRATION] = compilation.report.calibration.as_metadata()
    return {VERSION: __version__} | {key: compact(value) for key, value in entries.items()}


def input_entries(graph: Graph, source: Graph) -> dict[str, str]:
    """What sessions of a graph check their inputs by; `source` is the graph as built."""
    return {key: compact(value) for key, value in _interface(graph, source).items()}


def _interface(graph: Graph, source: Graph) -> dict[str, Any]:
    from ..ir.least_sizes import least_sizes
    from .verifying.samples import input_roles

    least = least_sizes(source)
    return {
        INPUTS: [role.as_json() for role in input_roles(graph)],
        SIZES: {
            name: {"minimum": least[name], "maximum": each.maximum, "origin": each.origin}
            for name, each in graph.symbols().items()
        },
    }


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


def _is_masked(op: str, node: Any) -> bool:
    if op == "attention":
        return bool(node.attributes["causal"]) or any(
            operand is not None for operand in node.operands[3:5]
        )
    return len(node.operands) > 1 and node.operands[1] is not None
