"""The figure of a network as it is written.

In: `NetworkFacts`. Out: a `Column`: inputs, layers, branches side by side, blocks as frames,
repeats folded.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...ir.type import TensorType
from ..summarizing.facts import BranchFacts, LayerFacts, NetworkFacts
from ..summarizing.folding import fold
from ..summarizing.table import amount, shape, size
from .families import FAMILIES, family_of_layer
from .figure import Box, Branch, Column, Figure, Frame, Row


def written(facts: NetworkFacts) -> Column:
    """The whole network."""
    types = dict(facts.inputs)
    streams = [Branch("", _stream(stream, types), True, stream.memory) for stream in facts.streams]
    parts: list[Figure] = [Row(tuple(streams))] if len(streams) > 1 else [streams[0].chain]
    if facts.heads:
        outputs = dict(facts.outputs)
        heads = tuple(
            Branch(
                head.name,
                Column((*_chain(head.layers, types), *_output(head.name, outputs))),
                False,
                head.memory,
            )
            for head in facts.heads
        )
        parts.append(Row(heads))
    else:
        for name, type in facts.outputs:
            parts.append(Box(name, "output", FAMILIES["ends"], shape(type)))
    return Column(tuple(parts))


def _output(name: str, outputs: dict[str, TensorType]) -> tuple[Box, ...]:
    if name not in outputs:
        return ()
    return (Box(name, "output", FAMILIES["ends"], shape(outputs[name])),)


def _stream(stream: BranchFacts, types: dict[str, TensorType]) -> Column:
    first = stream.layers[0] if stream.layers else None
    own = first is not None and any(branch.input is not None for branch in first.branches)
    entry = () if own or stream.input is None else (_input(stream.input, types),)
    return Column((*entry, *_chain(stream.layers, types)))


def _input(name: str, types: dict[str, TensorType]) -> Box:
    type = types[name]
    kind = "token ids" if str(type.dtype) == "i64" else "input"
    return Box(name, kind, FAMILIES["ends"], shape(type))


def _chain(layers: Sequence[LayerFacts], types: dict[str, TensorType]) -> list[Figure]:
    parts: list[Figure] = []
    for each in fold(layers, lambda layer: layer.signature):
        if each.times > 1 and len(each.items) > 1:
            inner = [part for layer in each.items for part in _layer(layer, layer, 1, types)]
            parts.append(Frame("", Column(tuple(inner)), each.times))
        else:
            parts += _layer(each.items[0], each.last[0], each.times, types)
    return parts


def _layer(
    layer: LayerFacts, last: LayerFacts, times: int, types: dict[str, TensorType]
) -> list[Figure]:
    parts: list[Figure] = []
    if layer.branches:
        branches = []
        for branch in layer.branches:
            own = branch.input is not None
            entry = (_input(branch.input, types),) if branch.input is not None else ()
            chain = Column((*entry, *_chain(branch.layers, types)))
            branches.append(Branch(branch.name, chain, own, branch.memory))
        parts.append(Row(tuple(branches)))
    places = (f"{layer.span.line}:{layer.span.column}",) if layer.span is not None else ()
    weights = layer.parameters + layer.state
    note = f"{amount(weights)}".strip() + " parameters" if weights else ""
    if layer.shared:
        note = "shared weights"
    if layer.children:
        chain = Column(tuple(_chain(layer.children, types)))
        residual = layer.kind == "ResidualConnection"
        title = layer.kind
        parts.append(Frame(title, chain, times, residual, layer.scope, places, _facts(layer, last)))
        return parts
    parts.append(
        Box(
            layer.kind,
            note,
            family_of_layer(layer.kind),
            shape(layer.gives),
            times,
            layer.scope,
            places,
            _facts(layer, last),
        )
    )
    return parts


def _facts(layer: LayerFacts, last: LayerFacts) -> dict[str, str]:
    """What a click tells."""
    name = layer.scope if layer.scope == last.scope else f"{layer.scope} … {last.scope}"
    return {
        "layer": layer.kind,
        "name": name,
        "arrives": shape(layer.arrives),
        "gives": shape(layer.gives),
        "parameters": f"{layer.parameters:,}" + (f" and {layer.state:,}" if layer.state else ""),
        "FLOPs": amount(last.flops).strip(),
        "activations": size(layer.activation),
        "place": f"line {layer.span.line}" if layer.span is not None else "added by itself",
    }
