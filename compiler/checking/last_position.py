"""`--logits last`: of a result for each position only the last one's.

In: the layers of the stream that gives the result. Out: the use of `SelectPosition` behind them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..layers.spec import layer_named
from .arguments import Arguments
from .scopes import Scopes
from .uses import Use

OPTION = "--logits last"


def last_position(uses: Sequence[Use], scopes: Scopes) -> tuple[Use, ...]:
    """The use that takes the last position of what the layers give, its axis kept; none where
    there are no layers. It stands at the last layer and goes by the option's name."""
    if not uses:
        return ()
    spec = layer_named("SelectPosition")
    assert spec is not None
    last = uses[-1]
    place = last.layer.name.span
    values = {parameter.name: parameter.default for parameter in spec.all_parameters}
    arguments = Arguments(OPTION, place, {**values, "index": -1, "keepdims": True})
    layer = replace(last.layer, name=replace(last.layer.name, text=OPTION))
    return (Use(layer, spec, arguments, scopes.automatic("", spec), None, last.calls),)
