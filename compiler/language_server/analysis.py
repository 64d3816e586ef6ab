"""What is known of one version of a document.

In: its text, and what was known of the version before. Out: `Analysis`: diagnostics, the syntax
tree as far as it can be read, and the figures of layers, those of the last version that was right
where this one is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ...ir.diagnostic import CompileError, Diagnostic
from ..checking.check_options import CheckOptions
from ..checking.checker import check
from ..checking.model import Model
from ..choosing.slots import Slot, slots_of
from ..driver import read_program
from ..layers.spec import layer_named
from ..summarizing.facts import LayerFacts, NetworkFacts, network_facts
from ..syntax import ast
from ..syntax.parser import SyntaxErrors, parse
from ..syntax.source import Source

Path = tuple[str, ...]
LARGEST_GRAPH = 20_000
"""Ops of a graph that is built for the sake of a hover."""


@dataclass
class Analysis:
    """One version of a document. `models` are the networks that are right."""

    source: Source
    program: ast.Program | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    models: tuple[Model, ...] = ()
    before: Analysis | None = None
    """The last version that had models, where this one has none."""

    @cached_property
    def slots(self) -> list[Slot]:
        return slots_of(self.program) if self.program is not None else []

    @cached_property
    def networks(self) -> list[NetworkFacts]:
        """The figures of the networks that are right."""
        from ..building.builder import build

        found = []
        for model in self.models:
            calls = sum(1 for _ in model.all_calls())
            if calls * 10 <= LARGEST_GRAPH:
                found.append(network_facts(model, build(model)))
        return found

    @cached_property
    def _by_place(self) -> Mapping[tuple[int, int], list[LayerFacts]]:
        places: dict[tuple[int, int], list[LayerFacts]] = {}
        for network in self.networks:
            for layer in network.layers():
                if layer.span is not None:
                    place = layer.span.line, layer.span.column
                    places.setdefault(place, []).append(layer)
        return places

    @cached_property
    def _by_path(self) -> Mapping[Path, list[LayerFacts]]:
        return {
            slot.owner: self._by_place.get(_place(slot.node), [])
            for slot in self.slots
            if isinstance(slot.node, ast.Layer)
        }

    def facts_of(self, layer: ast.Layer) -> list[LayerFacts]:
        """The figures of a layer, of each of its uses: now, or when the program was last right."""
        found = self._by_place.get(_place(layer))
        if not found and self.before is not None:
            path = next((slot.owner for slot in self.slots if slot.node is layer), ())
            found = self.before._by_path.get(path)
        # Positions that are added by themselves stand at the layer that they are added for.
        spec = layer_named(layer.name.text)
        return [each for each in found or () if spec is not None and each.kind == spec.name]

    def layers(self) -> Iterator[ast.Layer]:
        """Every layer that is written, at any depth."""
        if self.program is None:
            return
        for declaration in self.program.declarations:
            if isinstance(declaration, ast.Network):
                yield from _layers(declaration.layers or ())
            elif isinstance(declaration, ast.Macro | ast.Fragment):
                yield from _layers(declaration.items)


def analyse(source: Source, last: Analysis | None = None) -> Analysis:
    """Reads and checks a document. Open choices take their defaults."""
    options = CheckOptions(open_choices=True)
    program: ast.Program | None = None
    models: tuple[Model, ...] = ()
    try:
        program = parse(source)
        result = check(program, options)
        diagnostics, models = result.diagnostics, result.models
    except SyntaxErrors as error:
        program = error.rest
        diagnostics = _all_errors(source, options, error)
    except CompileError as error:
        diagnostics = error.diagnostics
    good = last if last is None or last.models else last.before
    return Analysis(source, program, tuple(diagnostics), models, None if models else good)


def _all_errors(
    source: Source, options: CheckOptions, error: CompileError
) -> tuple[Diagnostic, ...]:
    """The syntax errors, and the errors of what could be read."""
    try:
        read_program(source, options)
    except CompileError as whole:
        return tuple(whole.diagnostics)
    return tuple(error.diagnostics)


def _layers(items: tuple[ast.Item, ...]) -> Iterator[ast.Layer]:
    for item in items:
        if isinstance(item, ast.Branch):
            yield from _layers(item.items)
        else:
            yield item
            yield from _layers(item.block or ())


def _place(node: object) -> tuple[int, int]:
    span = node.name.span if isinstance(node, ast.Layer) else None
    return (span.line, span.column) if span is not None else (0, 0)
