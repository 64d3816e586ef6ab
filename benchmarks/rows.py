"""Shows what it saves to compute the last layers for the positions that are used alone.

    python benchmarks/rows.py

In: nothing. Out: a line of JSON for each network: milliseconds of CPU time a run at -O2 without the
pass `rows_on_demand`, and how many times as fast it is with it, the median over turns with its 95 %
interval. Then the same for one encoder layer of which a share of the positions is used, however
large: it is why the pass leaves more than 7 of 8 alone. Layers are 768 wide, over 128 positions.
One thread.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass

from machine import machine
from neuralc.ir.emitter import Emitter
from neuralc.ir.graph import Graph
from neuralc.passes.rows_on_demand import RowsMatch, RowsOnDemand
from pass_gain import compilation_of, measure

LENGTH = 128
SHAPE = (LENGTH, 768)
LAYER = 'num_heads=12, dff=3072, activation="gelu"'
DECODER = f"TransformerDecoder({LAYER}, cross_attention=false)"
ENCODER = f"TransformerEncoder({LAYER})"
NETWORKS = {
    "decoder, last logits of 50257": (DECODER, "Dense(50257)", {"logits": "last"}),
    "encoder, first token": (ENCODER, "SelectPosition() Dense(2)", {}),
}
SHARES = (1, 32, 64, 96, 112, 127)
"""Positions that are used, of 128."""


@dataclass(frozen=True)
class Always(RowsOnDemand):
    """The pass without its guard against too many rows."""

    def check(self, graph: Graph, match: RowsMatch) -> str | None:
        return match.reason


def first_positions(graph: Graph, count: int) -> Graph:
    """The graph with only the first positions of its output."""
    few = graph.copy()
    (name,) = few.outputs
    few.outputs[name] = Emitter(few)("slice", few.outputs[name], axis=1, start=0, stop=count)
    return few


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--layers", type=int, nargs="*", default=[1, 12])
    arguments = parser.parse_args()
    print(json.dumps(machine()))
    for layers in arguments.layers:
        for name, (block, head, options) in NETWORKS.items():
            compilation = compilation_of(SHAPE, f"{block} * {layers} {head}", **options)
            graph = compilation.source_graph
            figures = measure(compilation, graph, RowsOnDemand(), arguments.turns)
            print(json.dumps({"network": name, "layers": layers, **figures}), flush=True)
    compilation = compilation_of(SHAPE, ENCODER)
    for count in SHARES:
        graph = first_positions(compilation.source_graph, count)
        figures = measure(compilation, graph, Always(), arguments.turns)
        print(json.dumps({"positions used": count, "of": LENGTH, **figures}), flush=True)


if __name__ == "__main__":
    main()
