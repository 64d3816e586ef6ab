"""The activations of the language, by name.

In: a name and a value under construction. Out: the ops that compute it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .initializers import ZEROS
from .weight import Weight

if TYPE_CHECKING:
    from ...ir.value import Value
    from ..building.construction import Construction

ACTIVATIONS = (
    "linear",
    "relu",
    "relu6",
    "sigmoid",
    "tanh",
    "softmax",
    "softplus",
    "softsign",
    "elu",
    "selu",
    "silu",
    "gelu",
    "gelu_tanh",
    "leaky_relu",
    "prelu",
    "hard_sigmoid",
    "mish",
    "exponential",
)

_ALIASES = {
    "swish": "silu",
    "none": "linear",
    "identity": "linear",
    "leakyrelu": "leaky_relu",
    "hardsigmoid": "hard_sigmoid",
    "exp": "exponential",
    "gelu_approximate": "gelu_tanh",
}

_UNARY = {
    "relu": "relu",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "softplus": "softplus",
    "softsign": "softsign",
    "selu": "selu",
    "hard_sigmoid": "hard_sigmoid",
    "mish": "mish",
    "exponential": "exp",
}
"""Activations that are one op."""

_NODES = {"linear": 0, "relu6": 2, "silu": 2, "gelu": 5, "gelu_tanh": 9, "prelu": 4}
"""How many ops those are that are not one."""

LEAKY_RELU_SLOPE = 0.2
"""Keras 3's `leaky_relu` function; the layer LeakyReLU has 0.3."""


def activation_named(name: str) -> str | None:
    """The canonical name of an activation, without regard to case; None if there is none."""
    lower = name.lower()
    lower = _ALIASES.get(lower, lower)
    return lower if lower in ACTIVATIONS else None


def activation_nodes(name: str | None) -> int:
    """How many ops an activation writes; one for None, which stands for what is not known yet."""
    return 1 if name is None else _NODES.get(name, 1)


def activation_weights(name: str, width: int, scope: str = "") -> tuple[Weight, ...]:
    """The weights that an activation brings: prelu has one slope for each feature."""
    if name != "prelu":
        return ()
    prefix = f"{scope}/" if scope else ""
    return (Weight(f"{prefix}prelu/alpha", (width,), "alpha", ZEROS),)


def activate(make: Construction, name: str, x: Value, scope: str = "") -> Value:
    """Applies an activation; softmax works on the last axis."""
    if name == "linear":
        return x
    if name in _UNARY:
        return make(_UNARY[name], x)
    match name:
        case "softmax":
            return make("softmax", x, axis=-1)
        case "elu":
            return make("elu", x, alpha=1.0)
        case "relu6":
            return make("minimum", make("relu", x), make.number(6.0, "six"))
        case "silu":
            return make("mul", x, make("sigmoid", x))
        case "leaky_relu":
            return make("leaky_relu", x, slope=LEAKY_RELU_SLOPE)
        case "gelu":
            return gelu(make, x)
        case "gelu_tanh":
            return gelu_tanh(make, x)
        case "prelu":
            prefix = f"{scope}/" if scope else ""
            return prelu(make, x, make.weight(f"{prefix}prelu/alpha"))
    raise ValueError(f"there is no activation {name!r}")


def gelu(make: Construction, x: Value) -> Value:
    """x · Φ(x) = 0.5·x·(1 + erf(x/√2)); Hendrycks and Gimpel, Gaussian Error Linear Units."""
    half = make("mul", x, make.number(0.5, "half"))
    inner = make("erf", make("mul", x, make.number(1 / math.sqrt(2), "sqrt_half")))
    return make("mul", half, make("add", inner, make.number(1.0, "one")))


def gelu_tanh(make: Construction, x: Value) -> Value:
    """The approximation 0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))) of the same paper."""
    cube = make("mul", make("mul", x, x), x)
    sum = make("add", x, make("mul", cube, make.number(0.044715, "cubic")))
    inner = make("tanh", make("mul", sum, make.number(math.sqrt(2 / math.pi), "sqrt_2_over_pi")))
    half = make("mul", x, make.number(0.5, "half"))
    return make("mul", half, make("add", inner, make.number(1.0, "one")))


def prelu(make: Construction, x: Value, alpha: Value) -> Value:
    """max(x, 0) + alpha · min(x, 0), alpha broadcast from the last axes."""
    zero = make.number(0.0, "zero")
    below = make("mul", make("minimum", x, zero), alpha)
    return make("add", make("relu", x), below)
