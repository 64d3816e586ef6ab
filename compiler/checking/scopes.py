"""Paths of weights: which layer is `encoder[3]`, which `head`.

In: layers as they are expanded. Out: scopes, each given out once in a network.
"""

from __future__ import annotations

from ...ir.diagnostic import Label
from ...ir.span import Span
from ..layers.spec import LayerSpec
from ..syntax import ast
from .reporter import Reporter


class Scopes:
    """Paths of weights, each given out once."""

    def __init__(self) -> None:
        self._taken: dict[str, Span | None] = {}
        self._counts: dict[str, int] = {}
        self._layers: dict[tuple[str, int], int] = {}
        self._branches: dict[str, int] = {}

    def automatic(self, parent: str, spec: LayerSpec) -> str:
        """The next free scope of a kind of layer: `dense[0]`, `dense[1]` …"""
        stem = _below(parent, spec.scope)
        while True:
            number = self._counts.get(stem, 0)
            self._counts[stem] = number + 1
            scope = stem if spec.single and number == 0 else f"{stem}[{number}]"
            if scope not in self._taken:
                self._taken[scope] = None
                return scope

    def branch(self, parent: str, name: str) -> str:
        """The scope of a branch: its name, and from the second of one name on a number."""
        stem = _below(parent, name)
        number = self._branches.get(stem, 0)
        self._branches[stem] = number + 1
        return f"{stem}[{number}]" if number else stem

    def named(
        self, parent: str, name: str, place: Span, layer: ast.Layer, many: bool, report: Reporter
    ) -> str:
        """The scope of a layer with a name; numbered where the layer stands for several."""
        stem = _below(parent, name)
        number = self._layers.get((stem, id(layer)), 0)
        self._layers[stem, id(layer)] = number + 1
        scope = f"{stem}[{number}]" if many or number else stem
        if scope in self._taken:
            first = self._taken[scope]
            report.error(
                "E0219",
                f"two layers are called `{name}`",
                place,
                labels=(Label(first, "the first"),) if first else (),
                help="give one of them another name",
            )
        self._taken[scope] = place
        return scope


def _below(parent: str, name: str) -> str:
    return f"{parent}/{name}" if parent else name
