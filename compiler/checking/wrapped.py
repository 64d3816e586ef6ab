"""Wrappers: `Bidirectional(LSTM(8))` as `Bidirectional { LSTM(8) }`.

In: a use of a wrapper as written. Out: the same with the wrapped layer as its block.
"""

from __future__ import annotations

from dataclasses import replace

from ..syntax import ast
from .reporter import Reporter
from .uses import BranchUse, Use


def unwrapped(layer: ast.Layer) -> ast.Layer:
    """The layer with what its first argument, or the argument `layer`, calls as its block."""
    if layer.block is not None:
        return layer
    for place, argument in enumerate(layer.arguments or ()):
        named = argument.name is not None and argument.name.text == "layer"
        if (named or (place == 0 and argument.name is None)) and isinstance(
            argument.value, ast.Call
        ):
            call = argument.value
            inner = ast.Layer(call.name, call.arguments, None, None, None, None, call.span)
            rest = tuple(each for each in layer.arguments or () if each is not argument)
            return replace(layer, arguments=rest, block=(inner,), block_span=call.span)
    return layer


def both_ways(
    layer: ast.Layer, forward: tuple[Use, ...], backward: tuple[Use, ...], report: Reporter
) -> tuple[BranchUse, ...]:
    """The branches of a layer that runs forwards and, with weights of its own, backwards."""
    known = [use for use in forward if use.spec is not None]
    if len(forward) != 1 or (known and "go_backwards" not in known[0].arguments.values):
        if len(known) == len(forward):
            report.error(
                "E0241",
                f"`{layer.name.text}` runs one recurrent layer both ways",
                layer.block_span or layer.name.span,
                help=f"write `{layer.name.text}(LSTM(64))`, with LSTM, GRU or SimpleRNN",
            )
        return ()
    branches = []
    for name, (use,) in (("forward", forward), ("backward", backward)):
        arguments = use.arguments.copy()
        # As Keras has it: what is joined has zeros where nothing counts.
        arguments.values["zero_output_for_mask"] = True
        if name == "backward":
            arguments.values["go_backwards"] = not arguments.values.get("go_backwards", False)
        branches.append(BranchUse(name, layer.name.span, (replace(use, arguments=arguments),)))
    return tuple(branches)
