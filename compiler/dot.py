"""Graph → Graphviz text, for `--emit=dot`.

In: a graph. Out: a `digraph` with one box a node, grouped by layer; fused ops are filled, weights
are left out, edges carry the types of the values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..ir.graph import Graph
    from ..ir.node import Node
    from ..ir.value import Value


def to_dot(graph: Graph) -> str:
    """The graph as text for `dot -Tsvg`."""
    from ..ir.spec import spec_of

    nodes = graph.nodes()
    numbers = {node.results[0]: number for number, node in enumerate(nodes)}
    lines = [
        f"digraph {_quote(graph.name)} {{",
        "  rankdir=TB;",
        '  node [shape=box, fontname="sans-serif", fontsize=10];',
        '  edge [fontname="sans-serif", fontsize=8];',
    ]
    for index, value in enumerate(graph.inputs):
        lines.append(f"  in{index} [label={_label(value)}, shape=ellipse];")
    groups: dict[str, list[str]] = {}
    for number, node in enumerate(nodes):
        fused = "." not in node.op and spec_of(node.op).is_fused
        style = ', style=filled, fillcolor="#cfe8ff"' if fused else ""
        form = node.attributes.get("form")
        text = f"{node.op}\n{form}" if form else node.op
        layer = node.scope.split("/")[0]
        groups.setdefault(layer, []).append(f"n{number} [label={_quote(text)}{style}];")
    for index, (layer, members) in enumerate(groups.items()):
        if layer:
            lines.append(f"  subgraph cluster_{index} {{ label={_quote(layer)}; color=gray;")
            lines += [f"    {member}" for member in members]
            lines.append("  }")
        else:
            lines += [f"  {member}" for member in members]
    for number, node in enumerate(nodes):
        for operand in node.operands:
            start = _start(graph, operand, numbers)
            if operand is not None and start is not None:
                lines.append(f"  {start} -> n{number} [label={_quote(str(operand.type))}];")
    for index, (name, value) in enumerate(graph.outputs.items()):
        lines.append(f"  out{index} [label={_quote(name)}, shape=ellipse];")
        start = _start(graph, value, numbers)
        if start is not None:
            lines.append(f"  {start} -> out{index} [label={_quote(str(value.type))}];")
    return "\n".join([*lines, "}"]) + "\n"


def _start(graph: Graph, value: Value | None, numbers: dict[Value, int]) -> str | None:
    """The drawn node that a value comes from; None for weights and constants."""
    producer: Node | None = graph.producer(value)
    if producer is not None:
        return f"n{numbers[producer.results[0]]}"
    for index, each in enumerate(graph.inputs):
        if each is value:
            return f"in{index}"
    return None


def _label(value: Value) -> str:
    return _quote(f"{value.name}\n{value.type}")


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
