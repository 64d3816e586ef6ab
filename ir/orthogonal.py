"""Random orthogonal matrices, the same on every machine.

In: a shape and random bits. Out: a float64 array whose columns, or rows where those are fewer, are
orthonormal. No linear algebra library takes part: their results differ from version to version.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .random_bits import RandomBits, normal_quantile

Array = np.ndarray[Any, Any]


def orthogonal_matrix(shape: tuple[int, ...], bits: RandomBits) -> Array:
    """All axes but the last are one: rows. Saxe, McClelland and Ganguli (2013), as Keras does.

    Normal numbers, orthogonalized by the modified Gram-Schmidt process, which with a positive
    diagonal is the one QR decomposition there is.
    """
    rows, columns = math.prod(shape[:-1]), shape[-1]
    long, short = max(rows, columns), min(rows, columns)
    vectors = normal_quantile(bits.centred(long * short)).reshape(short, long)
    for index in range(short):
        vector = vectors[index]
        vector /= np.sqrt(_sum(vector * vector))
        later = vectors[index + 1 :]
        later -= _sum(later * vector)[:, None] * vector
    return (vectors if rows < columns else vectors.T).reshape(shape)


def _sum(terms: Array) -> Array:
    """The sum over the last axis in one fixed order: halves on halves."""
    while terms.shape[-1] > 1:
        half = terms.shape[-1] // 2
        folded = terms[..., :half] + terms[..., half : 2 * half]
        if terms.shape[-1] % 2:
            folded[..., 0] += terms[..., -1]
        terms = folded
    return np.asarray(terms[..., 0])
