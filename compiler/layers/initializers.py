"""The initializers that a program may name, as Keras does.

In: an evaluated argument such as `"glorot_uniform"` or `RandomNormal(stddev=0.02)`. Out:
`Initializer`, with the name and the arguments that the IR's seeded sources take.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...ir.span import Span
from ..checking.expressions import CallValue, Evaluated, Word
from ..messages.suggestions import did_you_mean


@dataclass(frozen=True, slots=True)
class Initializer:
    """An initializer of `ir/initializers.py` with its arguments, in that file's order."""

    name: str
    arguments: tuple[tuple[str, float], ...] = ()


GLOROT_UNIFORM = Initializer("glorot_uniform")
ZEROS = Initializer("zeros")
ONES = Initializer("ones")
ORTHOGONAL = Initializer("orthogonal", (("gain", 1.0),))
UNIT_FORGET = Initializer("unit_forget")
EMBEDDINGS = Initializer("random_uniform", (("minval", -0.05), ("maxval", 0.05)))
"""What Keras draws embedding tables from."""

INITIALIZERS: dict[str, tuple[tuple[str, float], ...]] = {
    "zeros": (),
    "ones": (),
    "constant": (("value", 0.0),),
    "glorot_uniform": (),
    "glorot_normal": (),
    "he_uniform": (),
    "he_normal": (),
    "lecun_uniform": (),
    "lecun_normal": (),
    "random_uniform": (("minval", -0.05), ("maxval", 0.05)),
    "random_normal": (("mean", 0.0), ("stddev", 0.05)),
    "truncated_normal": (("mean", 0.0), ("stddev", 0.05)),
    "orthogonal": (("gain", 1.0),),
}
"""Name to parameters with Keras 3's defaults."""

_ALIASES = {"uniform": "random_uniform", "normal": "random_normal"}

Refusal = tuple[str, Span, str | None]


def read_initializer(value: Evaluated) -> Initializer | Refusal:
    """The initializer that is meant, or the message, place and help that say why there is none."""
    written = value.value
    call = written if isinstance(written, CallValue) else None
    if isinstance(written, Word):
        text = written.text
    elif isinstance(written, str):
        text = written
    elif call is not None:
        text = call.name
    else:
        return "an initializer is a name or a call", value.span, 'for example "glorot_uniform"'
    name = _snake_case(text)
    name = _ALIASES.get(name, name)
    if name not in INITIALIZERS:
        help = did_you_mean(name, INITIALIZERS) or "it is one of " + ", ".join(INITIALIZERS)
        return f"there is no initializer `{text}`", value.span, help
    arguments = dict(INITIALIZERS[name])
    names = list(arguments)
    for index, (given, argument) in enumerate(call.arguments if call else ()):
        if given == "seed":
            continue
        parameter = given if given is not None else names[index] if index < len(names) else None
        if parameter not in arguments:
            return f"`{text}` has no such argument", argument.span, f"it has {', '.join(names)}"
        number = argument.value
        if isinstance(number, bool) or not isinstance(number, int | float):
            return f"`{parameter}` wants a number", argument.span, None
        arguments[parameter] = float(number)
    return Initializer(name, tuple(arguments.items()))


def _snake_case(name: str) -> str:
    """`GlorotUniform` and `glorot_uniform` as the latter."""
    letters = []
    for index, letter in enumerate(name):
        if letter.isupper() and index and not name[index - 1].isupper() and name[index - 1] != "_":
            letters.append("_")
        letters.append(letter.lower())
    return "".join(letters)
