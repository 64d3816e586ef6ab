"""The table of a network: one row a layer, repeats folded, totals below.

In: `NetworkFacts`. Out: rows of text, and JSON-ready data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...ir.dim import SymbolicDim
from ...ir.type import TensorType
from .facts import BranchFacts, LayerFacts, NetworkFacts
from .folding import fold

COLUMNS = ("layer", "type", "output", "parameters", "FLOPs", "activations")
NUMERIC = ("parameters", "FLOPs", "activations")


@dataclass(frozen=True, slots=True)
class TableOptions:
    """`unfold` shows every repeat; `depth` is how deep blocks and branches are shown."""

    unfold: bool = False
    depth: int = 99


def rows(facts: NetworkFacts, options: TableOptions) -> list[tuple[str, ...]]:
    """The rows of the table, in the order of the program."""
    types = dict(facts.inputs)
    found: list[tuple[str, ...]] = []
    for stream in facts.streams:
        if stream.input is not None and not _starts_with_inputs(stream):
            found.append((stream.input, "(input)", shape(types[stream.input]), "", "", ""))
        found += _chain(stream.layers, 0, options, types)
    for head in facts.heads:
        found.append((f"{head.name}:", "(output)", "", "", "", ""))
        found += _chain(head.layers, 1, options, types)
    return found


def totals(facts: NetworkFacts) -> list[tuple[str, str]]:
    """What stands below the table, by name."""
    weights = 4 * (facts.parameters + facts.state)
    layers = list(facts.layers())
    other = f", {facts.state:,} not" if facts.state else ""
    return [
        ("layers", f"{len(layers):,}"),
        ("parameters", f"{facts.parameters:,} trainable{other}"),
        (
            "weights",
            f"{size(weights)} in float32, {size(weights // 2)} in float16, "
            f"{size(weights // 4)} in int8",
        ),
        *([("tables", size(facts.constants))] if facts.constants else []),
        ("work", f"{amount(facts.flops)}FLOP a run"),
        ("activations", f"{size(sum(each.activation for each in layers))} of results together"),
    ]


def sizes_text(facts: NetworkFacts) -> str:
    """The sizes that the figures are for."""
    batch = {name for _, type in facts.inputs for name in _first_symbols(type)}
    return ", ".join(
        f"{'batch' if name in batch else name} {value}" + " (assumed)" * (name in facts.assumed)
        for name, value in facts.sizes.items()
    )


def as_json(facts: NetworkFacts) -> dict[str, Any]:
    """The facts as JSON-ready data, nothing folded."""
    return {
        "name": facts.name,
        "sizes": dict(facts.sizes),
        "assumed_sizes": list(facts.assumed),
        "inputs": [{"name": n, "type": str(t), "shape": shape(t)} for n, t in facts.inputs],
        "outputs": [{"name": n, "type": str(t), "shape": shape(t)} for n, t in facts.outputs],
        "layers": [_layer_json(each) for stream in facts.streams for each in stream.layers],
        "heads": [_branch_json(head) for head in facts.heads],
        "totals": {
            "parameters": facts.parameters,
            "state": facts.state,
            "constant_bytes": facts.constants,
            "flops": facts.flops,
        },
    }


def shape(type: TensorType) -> str:
    """A shape without its batch, as programs write it."""
    axes = ", ".join(str(dim) for dim in type.shape[1:])
    return f"({axes},)" if type.rank == 2 else f"({axes})"


def amount(count: int) -> str:
    """A count in three digits and a unit: `1.23 G`."""
    for unit, factor in (("T", 10**12), ("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if count >= factor:
            scaled = count / factor
            digits = 2 if scaled < 9.995 else 1 if scaled < 99.95 else 0
            return f"{scaled:.{digits}f} {unit}"
    return f"{count} "


def size(count: int) -> str:
    """Bytes in three digits and a unit."""
    return f"{amount(count)}B"


def _starts_with_inputs(stream: BranchFacts) -> bool:
    """Whether the first layer joins branches that have inputs of their own."""
    first = stream.layers[0] if stream.layers else None
    return first is not None and any(branch.input is not None for branch in first.branches)


def _chain(
    layers: Sequence[LayerFacts], depth: int, options: TableOptions, types: dict[str, TensorType]
) -> Iterator[tuple[str, ...]]:
    if options.unfold:
        for layer in layers:
            yield from _layer(layer, depth, options, types, 1, layer.scope)
        return
    for each in fold(layers, lambda layer: layer.signature):
        if each.times > 1 and len(each.items) > 1:
            yield (f"{'  ' * depth}{each.times} × {{", "", "", "", "", "")
            for layer in each.items:
                yield from _layer(layer, depth + 1, options, types, 1, layer.scope)
            yield (f"{'  ' * depth}}}", "", "", "", "", "")
            continue
        first, last = each.items[0], each.last[0]
        name = first.scope if each.times == 1 else f"{first.scope} … {_tail(last.scope)}"
        yield from _layer(last, depth, options, types, each.times, name)


def _layer(
    layer: LayerFacts,
    depth: int,
    options: TableOptions,
    types: dict[str, TensorType],
    times: int,
    name: str,
) -> Iterator[tuple[str, ...]]:
    indent = "  " * depth
    if depth < options.depth:
        for branch in layer.branches:
            shown = shape(types[branch.input]) if branch.input in types else ""
            yield (f"{indent}{branch.name}:", "(branch)", shown, "", "", "")
            yield from _chain(branch.layers, depth + 1, options, types)
    many = f"{times} × " if times > 1 else ""
    weights = layer.parameters + layer.state
    yield (
        f"{indent}{name}",
        f"{many}{layer.kind}",
        shape(layer.gives),
        "shared" if layer.shared else f"{many if weights else ''}{weights:,}",
        f"{many if layer.flops else ''}{amount(layer.flops).rstrip()}",
        f"{many}{size(layer.activation)}",
    )
    if depth < options.depth:
        yield from _chain(layer.children, depth + 1, options, types)


def _tail(scope: str) -> str:
    """`[5]` of `encoder[5]`."""
    return scope[scope.rfind("[") :] if scope.endswith("]") else scope.rsplit("/", 1)[-1]


def _first_symbols(type: TensorType) -> list[str]:
    first = type.shape[0] if type.shape else 1
    return [each.name for each in first.symbols()] if isinstance(first, SymbolicDim) else []


def _layer_json(layer: LayerFacts) -> dict[str, Any]:
    return {
        "name": layer.scope,
        "type": layer.kind,
        "input_shape": shape(layer.arrives),
        "output_shape": shape(layer.gives),
        "parameters": layer.parameters,
        "state": layer.state,
        "flops": layer.flops,
        "activation_bytes": layer.activation,
        "shared": layer.shared,
        "place": str(layer.span) if layer.span else None,
        "branches": [_branch_json(branch) for branch in layer.branches],
        "layers": [_layer_json(child) for child in layer.children],
    }


def _branch_json(branch: BranchFacts) -> dict[str, Any]:
    layers = [_layer_json(layer) for layer in branch.layers]
    return {"name": branch.name, "input": branch.input, "layers": layers}
