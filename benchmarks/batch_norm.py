"""Shows what batch norms cost beside convolutions and products, and so what folding them saves.

    python benchmarks/batch_norm.py

In: nothing. Out: a line of JSON for each network: milliseconds of CPU time a run at -O2 without the
pass `fold_batch_norm`, and how many times as fast it is with it, the median over turns with its
95 % interval. One thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kernels import compare
from neuralc.passes.fold_batch_norm import FoldBatchNorm
from pass_gain import compilation_of, measure

NETWORKS: dict[str, tuple[tuple[int, ...], str]] = {
    "4 convolutions 3x3 of 64 channels, 56x56": (
        (56, 56, 64),
        'Conv2D(64, 3, padding="same") BatchNormalization() ReLU()\n' * 4,
    ),
    "4 convolutions 1x1 of 256 channels, 14x14": (
        (14, 14, 256),
        "Conv2D(256, 1) BatchNormalization() ReLU()\n" * 4,
    ),
    "4 products 768 wide, 128 rows": (
        (128, 768),
        "Dense(768) BatchNormalization() ReLU()\n" * 4,
    ),
    "4 products 768 wide, 1 row": ((768,), "Dense(768) BatchNormalization() ReLU()\n" * 4),
}


def figures(turns: int) -> Iterator[dict[str, Any]]:
    for name, (shape, layers) in NETWORKS.items():
        compilation = compilation_of(shape, layers)
        found = measure(compilation, compilation.source_graph, FoldBatchNorm(), turns)
        yield {"network": name, **found}


if __name__ == "__main__":
    compare(__doc__, 25, figures)
