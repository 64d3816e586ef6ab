"""An example program for each layer, found by trying.

In: a layer's spec. Out: the smallest network in which it passes the check without a warning.
"""

from __future__ import annotations

from functools import cache

from ...ir.diagnostic import CompileError, Severity
from ..checking.check_options import CheckOptions
from ..checking.checker import check
from ..layers.spec import Block, LayerSpec, Parameter, Wants
from ..syntax.parser import parse
from ..syntax.source import Source

SHAPES = ("(16,)", "(12, 16)", "(12, 64)", "(28, 28, 3)", "(8, 28, 28, 3)", "(128,)")
_VALUES = {
    "units": "32", "filters": "16", "kernel_size": "3", "num_heads": "4", "input_dim": "1000",
    "output_dim": "64", "n": "4", "rate": "0.2", "stddev": "0.1", "key_dim": "16", "groups": "4",
}  # fmt: skip
_CHOICES = {
    "target_shape": ("(4, 4)", "(-1, 8)"),
    "dims": ("(2, 1)",),
    "axes": ("1", "-1"),
    "function": ('"x * 2 + 1"',),
    "expression": ('"x * 2 + 1"',),
    "activation": ('"relu"',),
    "name": ('"relu"',),
    "position": ("0",),
}


@cache
def example(spec: LayerSpec) -> str:
    """The program. Raises `ValueError` for a layer that no attempt fits."""
    for warned in (False, True):
        for shape in SHAPES:
            for layers in _attempts(spec):
                text = _program(shape, layers)
                if _passes(text, warned):
                    return text
    raise ValueError(f"no example was found for {spec.name}")


def _attempts(spec: LayerSpec) -> list[str]:
    calls = [""]
    for parameter in (p for p in spec.parameters if p.required):
        calls = [
            f"{call}, {value}" if call else value for call in calls for value in _values(parameter)
        ]
    found = []
    for call in calls:
        if spec.merge is not None and spec.block is Block.NEVER:
            branches = "left: { Dense(8) }\n    right: { Dense(8) }\n    "
            found.append(f"{branches}{spec.name}({call})")
        elif spec.block is Block.BOTH_WAYS:
            found.append(f"{spec.name}(LSTM(32))")
        elif spec.block is Block.WRAPPED:
            found.append(f"{spec.name}(Dense(32))")
        elif spec.block is Block.BRANCHES:
            found.append(f"{spec.name} {{\n      Dense(8)\n      Dense(16)\n    }}")
        elif spec.block is Block.REQUIRED:
            found += [f"{spec.name} {{ Dense({width}) }}" for width in (16, 64)]
        else:
            front = ("", "PositionalEncoding()\n    ")
            found += [f"{each}{spec.name}({call})" for each in front]
    return found


def _values(parameter: Parameter) -> tuple[str, ...]:
    if parameter.name in _CHOICES:
        return _CHOICES[parameter.name]
    if parameter.name in _VALUES:
        return (_VALUES[parameter.name],)
    if parameter.choices:
        return tuple(f'"{choice}"' for choice in parameter.choices if isinstance(choice, str))
    return {
        Wants.INTEGER: ("2",),
        Wants.NUMBER: ("0.5",),
        Wants.SIZES: ("2",),
        Wants.INTEGERS: ("(2, 2)",),
        Wants.TEXT: ('"x"',),
        Wants.ACTIVATION: ('"relu"',),
    }.get(parameter.wants, ("1",))


def _program(shape: str, layers: str) -> str:
    return f"network Example {{\n  input: {shape}\n  layers:\n    {layers}\n}}\n"


def _passes(text: str, warned: bool) -> bool:
    try:
        told = check(parse(Source("example", text)), CheckOptions()).diagnostics
    except CompileError:
        return False
    worst = {each.severity for each in told}
    return Severity.ERROR not in worst and (warned or Severity.WARNING not in worst)
