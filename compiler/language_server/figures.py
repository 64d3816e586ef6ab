"""The figures of the layers of one version of a document.

In: a program and its networks that are right. Out: `Figures`: shapes, parameters and work of a
layer, found by its place in this version, or by its path in a later one that is broken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ...ir.diagnostic import CompileError
from ..checking.model import Model
from ..choosing.slots import Slot, slots_of
from ..summarizing.facts import LayerFacts, NetworkFacts, network_facts
from ..syntax import ast

Path = tuple[str, ...]
LARGEST_GRAPH = 20_000
"""Ops of a graph that is built for the sake of a hover."""


@dataclass
class Figures:
    """What is known of a version's layers; each graph is built when it is asked for."""

    program: ast.Program | None = None
    models: tuple[Model, ...] = ()

    @cached_property
    def slots(self) -> list[Slot]:
        return slots_of(self.program) if self.program is not None else []

    @cached_property
    def networks(self) -> list[NetworkFacts]:
        """The figures of the networks that are right, and not too large to build."""
        from ..building.builder import build

        found = []
        for model in self.models:
            calls = sum(1 for _ in model.all_calls())
            if calls * 10 > LARGEST_GRAPH:
                continue
            try:
                found.append(network_facts(model, build(model)))
            except CompileError:
                continue  # a limit of the graph; its layers have no figures
        return found

    @cached_property
    def sizes(self) -> Mapping[str, int]:
        """The sizes of open axes that work and memory are told for."""
        return {name: size for network in self.networks for name, size in network.sizes.items()}

    @cached_property
    def by_place(self) -> Mapping[tuple[int, int], list[LayerFacts]]:
        places: dict[tuple[int, int], list[LayerFacts]] = {}
        for network in self.networks:
            for layer in network.layers():
                if layer.span is not None:
                    place = layer.span.line, layer.span.column
                    places.setdefault(place, []).append(layer)
        return places

    @cached_property
    def by_path(self) -> Mapping[Path, list[LayerFacts]]:
        return {
            slot.owner: self.by_place.get(place_of(slot.node), [])
            for slot in self.slots
            if isinstance(slot.node, ast.Layer)
        }


def place_of(node: object) -> tuple[int, int]:
    """Line and column of a layer's name."""
    span = node.name.span if isinstance(node, ast.Layer) else None
    return (span.line, span.column) if span is not None else (0, 0)
