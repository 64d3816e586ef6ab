"""What is known of one version of a document.

In: its text, and what was known of the version before. Out: `Analysis`: diagnostics, the syntax
tree as far as it can be read, and the figures of layers, those of the last version that was right
where this one is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ...ir.diagnostic import CompileError, Diagnostic, Severity
from ..checking.check_options import CheckOptions
from ..checking.checker import check
from ..checking.model import Model
from ..driver import read_program
from ..layers.spec import layer_named
from ..summarizing.facts import LayerFacts
from ..syntax import ast
from ..syntax.parser import SyntaxErrors, parse
from ..syntax.source import Source
from .figures import Figures, place_of


@dataclass
class Analysis:
    """One version of a document. `figures` are those of the networks that are right, `right` of
    each network by its name those of the last version in which it was."""

    source: Source
    program: ast.Program | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    figures: Figures = field(default_factory=Figures)
    right: Mapping[str, Figures] = field(default_factory=dict)

    def facts_of(self, layer: ast.Layer) -> tuple[list[LayerFacts], Figures]:
        """The figures of a layer, of each of its uses, and the version that they are of: this one,
        or the last one that was right."""
        # Positions that are added by themselves stand at the layer that they are added for.
        spec = layer_named(layer.name.text)
        kind = spec.name if spec is not None else None
        found = [f for f in self.figures.by_place.get(place_of(layer), ()) if f.kind == kind]
        if found:
            return found, self.figures
        path = next((slot.owner for slot in self.figures.slots if slot.node is layer), ())
        for older in self.right.values():
            found = [f for f in older.by_path.get(path, ()) if f.kind == kind]
            if older is not self.figures and found:
                return found, older
        return [], self.figures

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
    """Reads and checks a document. Open choices take their defaults. A fault of the compiler is a
    diagnostic too: an editor must not lose its server by it."""
    options = CheckOptions(open_choices=True)
    program: ast.Program | None = None
    models: tuple[Model, ...] = ()
    is_whole = False
    try:
        program = parse(source)
        is_whole = True
        result = check(program, options)
        diagnostics, models = result.diagnostics, result.models
    except SyntaxErrors as error:
        program = error.rest
        diagnostics = _all_errors(source, options, error)
    except CompileError as error:
        diagnostics = error.diagnostics
    except Exception as error:
        diagnostics = (_fault(error),)
    figures = Figures(program, models)
    right = dict(last.right) if last is not None else {}
    if is_whole and program is not None and program.networks:
        names = {network.name.text for network in program.networks}
        right = {name: older for name, older in right.items() if name in names}
    right |= {model.name: figures for model in models}
    return Analysis(source, program, tuple(diagnostics), figures, right)


def _fault(error: Exception) -> Diagnostic:
    return Diagnostic(
        "E0901",
        Severity.ERROR,
        f"the compiler failed: {type(error).__name__}: {str(error)[:500]}",
        notes=("this is a fault of neuralc, not of the program",),
    )


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
