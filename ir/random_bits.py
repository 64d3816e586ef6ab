"""Random bits, and uniform and normal numbers made of them by our own arithmetic.

In: a seed and a parameter's path. Out: the same numbers on every machine and with every version of
every library: the bits are Philox's, whose raw stream numpy guarantees, and what follows uses only
operations that IEEE 754 defines exactly (+ - · / and square roots).
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class RandomBits:
    """The stream of 32-bit words that belongs to (seed, path).

    Philox4x64-10 (Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3, 2011) from counter
    zero; its 128-bit key is the start of SHA-256 of "seed/path".
    """

    def __init__(self, seed: int, path: str) -> None:
        digest = hashlib.sha256(f"{seed}/{path}".encode("utf-8", "surrogatepass")).digest()
        self._generator = np.random.Philox(key=int.from_bytes(digest[:16], "little"))

    def centred(self, count: int) -> Array:
        """The next `count` numbers of a uniform distribution on (-1/2, 1/2), float64.

        Each is (k + 1/2) / 2^32 of a word k taken as a signed integer: symmetric about zero and
        never an end. An odd count leaves the half of a word of 64 bits unused.
        """
        words = self._generator.random_raw((count + 1) // 2).astype("<u8", copy=False)
        result = words.view("<i4")[:count].astype(np.float64)
        result += 0.5
        result *= 2.0**-32
        return result


# ---- the normal quantile ------------------------------------------------------------------

_CENTRE = (
    (3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
     1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
     3.3430575583588128105e4, 2.5090809287301226727e3),
    (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
     5.2264952788528545610e3),
)  # fmt: skip
_TAIL = (
    (1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
     3.64784832476320460504e0, 1.27045825242368382580e0, 2.41780725177450611770e-1,
     2.27238449892691845833e-2, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
     1.05075007164441684324e-9),
)  # fmt: skip
"""Numerators and denominators of Wichura's AS 241 (Applied Statistics 37, 1988), rising powers."""


def normal_quantile(centred: Array) -> Array:
    """The standard normal number below which a share of `centred` + 1/2 lies, in float64.

    Relative error about 1e-15 for |centred| up to 1/2 - 1e-11, which 32-bit words stay within.
    """
    square = 0.180625 - centred * centred
    result = _ratio(_CENTRE, square) * centred
    outer = np.flatnonzero(np.abs(centred) > 0.425)
    share = centred[outer]
    distance = np.sqrt(-_log(0.5 - np.abs(share))) - 1.6
    result[outer] = np.copysign(_ratio(_TAIL, distance), share)
    return result


def _ratio(polynomials: tuple[tuple[float, ...], tuple[float, ...]], x: Array) -> Array:
    """Numerator over denominator, each by Horner's rule."""
    numerator, denominator = (np.full_like(x, coefficients[-1]) for coefficients in polynomials)
    for above, below in zip(polynomials[0][-2::-1], polynomials[1][-2::-1], strict=True):
        numerator *= x
        numerator += above
        denominator *= x
        denominator += below
    numerator /= denominator
    return numerator


def _log(x: Array) -> Array:
    """The natural logarithm of positive normal numbers, without a mathematics library's.

    x = m · 2^e with m about 1, and log m = 2 artanh(s), s = (m - 1) / (m + 1), by its series.
    """
    mantissa, exponent = np.frexp(x)
    low = mantissa < math.sqrt(0.5)
    mantissa = np.where(low, mantissa * 2.0, mantissa)
    power = np.where(low, exponent - 1, exponent).astype(np.float64)
    s = (mantissa - 1.0) / (mantissa + 1.0)
    square = s * s
    series = np.full_like(s, 1.0 / 23.0)
    for odd in range(21, 0, -2):
        series = series * square + 1.0 / odd
    return np.asarray(power * 0.6931471805599453 + 2.0 * s * series)
