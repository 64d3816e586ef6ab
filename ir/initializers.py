"""The initializers of weights, by Keras 3's names and definitions.

In: a `Seeded` source. Out: its elements in row-major order, in blocks, rounded once to its element
type. Kernels are in Keras' layout: [in, out], or [window…, in, out] for convolutions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .dtype import DType
from .orthogonal import orthogonal_matrix
from .parameter import Seeded
from .random_bits import RandomBits, normal_quantile
from .rounding import rounded

Array = np.ndarray[Any, Any]
Arguments = Mapping[str, float]

_WORK = 1 << 15
"""Elements that are drawn at once: what the second-level cache holds in float64."""

_TRUNCATION = 0.87962566103423978
"""The standard deviation of a standard normal distribution cut off at ±2."""
_WITHIN_TWO = 0.9544997361036416
"""The share of a normal distribution within two standard deviations: erf(sqrt 2)."""


@dataclass(frozen=True, slots=True)
class Fill:
    """Every element is `value`."""

    value: float


@dataclass(frozen=True, slots=True)
class Uniform:
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Normal:
    """With `truncated`, what lies beyond two standard deviations is never drawn."""

    mean: float
    stddev: float
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Matrix:
    """A matrix that is made as a whole: (shape, its bits) -> float64 array."""

    make: Callable[[tuple[int, ...], RandomBits], Array]


Distribution = Fill | Uniform | Normal | Matrix


@dataclass(frozen=True, slots=True)
class Initializer:
    """`arguments` with their defaults, and what they mean for a shape."""

    arguments: Arguments
    distribution: Callable[[Arguments, tuple[int, ...]], Distribution]


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """(fan_in, fan_out): how many inputs an output depends on, and the reverse, as Keras counts."""
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    window = math.prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window


def _scaled(scale: float, mode: str, distribution: str, shape: tuple[int, ...]) -> Distribution:
    """Variance `scale` divided by the fan that `mode` names: Keras' VarianceScaling."""
    fan_in, fan_out = fans(shape)
    fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
    variance = scale / max(1.0, fan)
    if distribution == "uniform":
        limit = math.sqrt(3.0 * variance)
        return Uniform(-limit, limit)
    return Normal(0.0, math.sqrt(variance) / _TRUNCATION, truncated=True)


def _variance_scaling(scale: float, mode: str, distribution: str) -> Initializer:
    return Initializer({}, lambda arguments, shape: _scaled(scale, mode, distribution, shape))


def _identity(gain: float) -> Callable[[tuple[int, ...], RandomBits], Array]:
    return lambda shape, bits: gain * np.eye(shape[0], shape[1])


def _unit_forget(shape: tuple[int, ...], bits: RandomBits) -> Array:
    """Biases of an LSTM's gates input, forget, cell, output: ones for the forget gate."""
    units = shape[0] // 4
    return np.repeat([0.0, 1.0, 0.0, 0.0], units)


INITIALIZERS: Mapping[str, Initializer] = {
    "zeros": Initializer({}, lambda arguments, shape: Fill(0.0)),
    "ones": Initializer({}, lambda arguments, shape: Fill(1.0)),
    "constant": Initializer({"value": 0.0}, lambda arguments, shape: Fill(arguments["value"])),
    "random_uniform": Initializer(
        {"minval": -0.05, "maxval": 0.05},
        lambda arguments, shape: Uniform(arguments["minval"], arguments["maxval"]),
    ),
    "random_normal": Initializer(
        {"mean": 0.0, "stddev": 0.05},
        lambda arguments, shape: Normal(arguments["mean"], arguments["stddev"]),
    ),
    "truncated_normal": Initializer(
        {"mean": 0.0, "stddev": 0.05},
        lambda arguments, shape: Normal(arguments["mean"], arguments["stddev"], truncated=True),
    ),
    "glorot_uniform": _variance_scaling(1.0, "fan_avg", "uniform"),
    "glorot_normal": _variance_scaling(1.0, "fan_avg", "truncated_normal"),
    "he_uniform": _variance_scaling(2.0, "fan_in", "uniform"),
    "he_normal": _variance_scaling(2.0, "fan_in", "truncated_normal"),
    "lecun_uniform": _variance_scaling(1.0, "fan_in", "uniform"),
    "lecun_normal": _variance_scaling(1.0, "fan_in", "truncated_normal"),
    "orthogonal": Initializer(
        {"gain": 1.0},
        lambda arguments, shape: Matrix(
            lambda shape, bits: arguments["gain"] * orthogonal_matrix(shape, bits)
        ),
    ),
    "unit_forget": Initializer({}, lambda arguments, shape: Matrix(_unit_forget)),
    "identity": Initializer(
        {"gain": 1.0}, lambda arguments, shape: Matrix(_identity(arguments["gain"]))
    ),
}
"""Every initializer by its Keras name."""


def distribution(source: Seeded) -> Distribution:
    """What the source's elements are drawn from.

    Raises `ValueError` for an unknown initializer or argument, and for a matrix of another rank.
    """
    if source.initializer not in INITIALIZERS:
        raise ValueError(f"there is no initializer {source.initializer!r}")
    initializer = INITIALIZERS[source.initializer]
    given = dict(source.arguments)
    unknown = [name for name in given if name not in initializer.arguments]
    if unknown:
        raise ValueError(f"initializer {source.initializer!r} has no argument {unknown[0]!r}")
    shape = source.type.static_shape
    found = initializer.distribution({**initializer.arguments, **given}, shape)
    ranks = {"orthogonal": len(shape) >= 2, "unit_forget": len(shape) == 1}
    rank_fits = ranks.get(source.initializer, len(shape) == 2)
    if isinstance(found, Matrix) and not rank_fits:
        raise ValueError(f"initializer {source.initializer!r} makes matrices, not {source.type}")
    return found


def seeded_blocks(source: Seeded, size: int) -> Iterator[Array]:
    """The elements in blocks of `size`, the last one shorter; the blocks do not depend on it."""
    drawn = distribution(source)
    dtype = source.type.dtype
    total = math.prod(source.type.static_shape)
    if isinstance(drawn, Matrix):
        bits = RandomBits(source.seed, source.path)
        whole = rounded(drawn.make(source.type.static_shape, bits), dtype).reshape(-1)
        for start in range(0, total, size):
            yield whole[start : start + size]
        return
    if isinstance(drawn, Fill):
        for start in range(0, total, size):
            yield np.full(min(size, total - start), rounded(np.asarray(drawn.value), dtype))
        return
    chunks = _chunks(drawn, RandomBits(source.seed, source.path), dtype, total)
    rest: Array = np.empty(0, dtype.numpy)
    for start in range(0, total, size):
        block = np.empty(min(size, total - start), dtype.numpy)
        filled = 0
        while filled < len(block):
            if not len(rest):
                rest = next(chunks)
            taken = rest[: len(block) - filled]
            block[filled : filled + len(taken)] = taken
            filled, rest = filled + len(taken), rest[len(taken) :]
        yield block


def _chunks(drawn: Uniform | Normal, bits: RandomBits, dtype: DType, total: int) -> Iterator[Array]:
    """The elements in order, `_WORK` at a time."""
    for start in range(0, total, _WORK):
        numbers = bits.centred(min(_WORK, total - start))
        if isinstance(drawn, Uniform):
            centre = (drawn.low + drawn.high) / 2.0
            numbers *= drawn.high - drawn.low
        else:
            centre = drawn.mean
            if drawn.truncated:
                numbers *= _WITHIN_TWO
            numbers = normal_quantile(numbers)
            numbers *= drawn.stddev
        if centre:
            numbers += centre
        yield rounded(numbers, dtype)
