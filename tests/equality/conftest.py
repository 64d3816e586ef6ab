"""Shared by the equality tests: the guide's networks at a small size, and sample inputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from neuralc.ir.dim import evaluate
from neuralc.ir.dtype import DType
from neuralc.ir.graph import Graph

NETWORKS = Path(__file__).parent / "networks"
PADDING = ("none", "right", "left", "gapped", "all")
"""Ways to pad a batch: no row; at an end; with holes; one row wholly, beside others."""

Inputs = dict[str, np.ndarray]


def padding_mask(how: str, batch: int, length: int, random: np.random.Generator) -> np.ndarray:
    """An `attention_mask` [batch, length] of int64, 1 where a position counts."""
    mask = np.ones((batch, length), np.int64)
    for row in range(batch):
        kept = int(random.integers(1, length + 1))
        if how == "right":
            mask[row, kept:] = 0
        elif how == "left":
            mask[row, : length - kept] = 0
        elif how == "gapped":
            mask[row] = random.integers(0, 2, length)
    if how == "all":
        mask[-1] = 0
    return mask


def sample(graph: Graph, batch: int, seed: int, padding: str = "none", **sizes: int) -> Inputs:
    """Random inputs for a graph: ids below the smallest table, normal floats, the masks asked for.

    `sizes` give the graph's symbols a size; the others, apart from the batch, get their maximum.
    """
    random = np.random.default_rng(seed)
    symbols = {name: each.maximum or 5 for name, each in graph.symbols().items()}
    symbols |= {"B": batch} | sizes
    inputs: Inputs = {}
    for value in graph.inputs:
        shape = tuple(evaluate(dim, symbols) for dim in value.type.shape)
        if value.name.endswith("attention_mask"):
            inputs[value.name] = padding_mask(padding, shape[0], shape[1], random)
        elif value.type.dtype is DType.I64:
            inputs[value.name] = random.integers(0, 80, shape)
        else:
            inputs[value.name] = random.standard_normal(shape).astype(np.float32)
    return inputs


@pytest.fixture(scope="session")
def sampler() -> Callable[..., Inputs]:
    return sample


@pytest.fixture(scope="session")
def network_source() -> Callable[[str], str]:
    return lambda name: (NETWORKS / f"{name}.neural").read_text()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "network" in metafunc.fixturenames:
        metafunc.parametrize("network", sorted(path.stem for path in NETWORKS.glob("*.neural")))
