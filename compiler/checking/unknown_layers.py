"""What is said of a layer that there is not.

In: the layer as written and the names that there are. Out: E0201 with the layer that was probably
meant, or E0202 for one of the language's layers that cannot be compiled yet.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...ir.diagnostic import Fix
from ..layers.pending import PENDING, pending_named
from ..layers.spec import layer_names
from ..messages.habits import LAYERS, NEEDLESS_LAYERS
from ..messages.suggestions import closest, did_you_mean
from ..syntax import ast
from .reporter import Reporter


def unknown_layer(layer: ast.Layer, macros: Iterable[str], report: Reporter) -> None:
    """Reports a name that is neither a layer's nor one of `macros`."""
    name = layer.name.text
    if not name:  # what stood here was not understood, and has been told
        return
    pending = pending_named(name)
    if pending is not None:
        report.error(
            "E0202",
            f"`{pending}` cannot be compiled yet",
            layer.name.span,
            help="`neural layers` lists those that can",
        )
        return
    known = (*macros, *layer_names(), *PENDING)
    near = LAYERS.get(name.lower()) or closest(name, known)
    help = did_you_mean(name, known)
    fix = None
    if near is not None and near in known:
        help = f"did you mean `{near}`?"
        fix = Fix(f"write `{near}`", layer.name.span, near)
    help = NEEDLESS_LAYERS.get(name.lower(), help)
    report.error(
        "E0201",
        f"there is no layer `{name}`",
        layer.name.span,
        help=help or "`neural layers` lists those that there are",
        fix=fix,
    )
