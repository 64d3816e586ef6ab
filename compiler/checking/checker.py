"""Checking: from what is written to what it means.

In: a `Program` and `CheckOptions`. Out: `CheckResult`, one `Model` for each network that is right,
and everything that is to be said. Imports neither numpy nor networkx.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ...ir.diagnostic import CompileError, Diagnostic, Label, Severity
from ...ir.span import Span
from ..choosing.choosing import Chosen, choose
from ..layers.spec import layer_named
from ..messages.suggestions import did_you_mean
from ..syntax import ast
from .chain import Chain
from .check_options import MASK_DTYPES, CheckOptions
from .macros import Expander
from .mask_inputs import MaskInputs
from .model import Model
from .nesting import room_for_nesting
from .network import NetworkChecker, Written
from .reporter import Reporter
from .scopes import Scopes
from .sections import SectionReader

__all__ = ["CheckOptions", "CheckResult", "check"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The networks that can be built, and all diagnostics in the order of their places. `choices`
    are the values that open choices got, by their names."""

    models: tuple[Model, ...]
    diagnostics: tuple[Diagnostic, ...]
    span: Span | None = None
    choices: Mapping[str, Any] = field(default_factory=dict)

    @property
    def the_model(self) -> Model:
        """The only network. Raises `CompileError` where there are errors, several or none."""
        errors = tuple(d for d in self.diagnostics if d.severity is Severity.ERROR)
        if errors:
            raise CompileError(self.diagnostics)
        if len(self.models) == 1:
            return self.models[0]
        if not self.models:
            message = "there is no network to compile"
            help = (
                "put the layers into `network NAME { input: … layers: … }`, or give the shape that "
                "they take: `--input 100,512`"
            )
            labels: tuple[Label, ...] = ()
        else:
            message = "there are several networks, and one is compiled at a time"
            names = ", ".join(model.name for model in self.models)
            help = f"choose with `--network NAME`: {names}"
            labels = tuple(Label(m.span, "this one?") for m in self.models if m.span is not None)
        span = self.models[0].span if self.models else self.span
        error = Diagnostic("E0225", Severity.ERROR, message, span, labels[1:], help=help)
        raise CompileError((*self.diagnostics, error))


def check(program: ast.Program, options: CheckOptions | None = None) -> CheckResult:
    """Checks every network and every bare snippet of a program; never raises for its mistakes.

    Raises `CompileError` (status USAGE) for a value set from outside that the program has no place
    for.
    """
    options = options or CheckOptions()
    with room_for_nesting():
        chosen = choose(
            program,
            options.set,
            network=options.network,
            defaults=options.hpo_default,
            needed=not options.open_choices,
        )
        return _check(chosen, options)


def _check(chosen: Chosen, options: CheckOptions) -> CheckResult:
    program = chosen.program
    report = Reporter(lint=options.lint)
    report.take(chosen.diagnostics)
    macros = _macros(program, report)
    research = _research(program)
    models: list[Model] = []
    for network in _chosen(program, options, report):
        written = _written(network, report)
        if written is not None:
            model = NetworkChecker(macros, options, report).check(written)
            if model is not None:
                models.append(replace(model, metadata={**model.metadata, **research}))
    for fragment in program.fragments if options.network is None else ():
        if options.input is not None and fragment.items:
            written = _chain_of(fragment, options.input)
            model = NetworkChecker(macros, options, report).check(written)
            if model is not None:
                models.append(model)
        else:
            _check_fragment(fragment, macros, options, report)
    for macro in macros.values():
        Expander(macros, report).check_names(macro)
    told = sorted(report.diagnostics, key=_place)
    if report.errors:
        wrong = {each.span for each in told if each.severity is Severity.ERROR}
        told = [
            each
            for each in told
            if each.severity is Severity.ERROR
            or (each.code not in _ADVICE and (each.span is None or each.span not in wrong))
        ]
    told = chosen.explained(told)
    return CheckResult(tuple(models), tuple(told), program.span, chosen.values)


_ADVICE = frozenset(("N0201", "W0211", "W0212", "W0213"))
"""Codes of what is said of a network that is right; beside errors it only distracts."""

_OF_THE_WHOLE = frozenset(
    ("E0221", "E0223", "E0224", "E0225", "E0230", "E0231", "E0232", "E0233", "E0235", "E0237")
)
"""Codes of errors that may come from a part that is missing."""


def errors_of_the_rest(program: ast.Program, options: CheckOptions) -> list[Diagnostic]:
    """The errors in the readable parts of a program with syntax errors, without those that may be
    consequences of what could not be read."""
    return [
        diagnostic
        for diagnostic in check(program, options).diagnostics
        if diagnostic.severity is Severity.ERROR
        and diagnostic.code not in _OF_THE_WHOLE
        and (diagnostic.span is None or diagnostic.span.file)
    ]


def _place(diagnostic: Diagnostic) -> tuple[int, int]:
    """Messages are read from the top of the program to its end; those without a place come last."""
    span = diagnostic.span
    return (sys.maxsize, 0) if span is None else (span.line, span.column)


def _macros(program: ast.Program, report: Reporter) -> dict[str, ast.Macro]:
    macros: dict[str, ast.Macro] = {}
    for macro in program.macros:
        name = macro.name.text
        if name in macros:
            report.error(
                "E0228",
                f"two macros are called `{name}`",
                macro.name.span,
                labels=(Label(macros[name].name.span, "the first"),),
                help="give one of them another name",
            )
            continue
        macros[name] = macro
        if layer_named(name) is not None:
            report.warning(
                "W0202",
                f"the macro `{name}` stands in front of the built-in layer of this name",
                macro.name.span,
                help="within the macro the name means the built-in layer",
            )
    return macros


def _chosen(
    program: ast.Program, options: CheckOptions, report: Reporter
) -> tuple[ast.Network, ...]:
    seen: dict[str, ast.Network] = {}
    for network in program.networks:
        name = network.name.text
        if name in seen:
            report.error(
                "E0228",
                f"two networks are called `{name}`",
                network.name.span,
                labels=(Label(seen[name].name.span, "the first"),),
                help="give one of them another name",
            )
        seen.setdefault(name, network)
    if options.network is None:
        return program.networks
    if options.network in seen:
        return (seen[options.network],)
    names = ", ".join(seen)
    report.error(
        "E0223",
        f"there is no network `{options.network}`",
        program.networks[0].name.span if program.networks else program.span,
        help=did_you_mean(options.network, seen)
        or (f"the program has {names}" if names else "the program has none"),
    )
    return ()


def _research(program: ast.Program) -> dict[str, str]:
    """The blocks of research as metadata: their texts by their names."""
    blocks = [d for d in program.declarations if isinstance(d, ast.Research)]
    if not blocks:
        return {}
    import json

    texts = {block.name.text if block.name else "": block.text for block in blocks}
    return {"research": json.dumps(texts, ensure_ascii=False)}


def _written(network: ast.Network, report: Reporter) -> Written | None:
    name = network.name
    if not network.layers:
        report.error(
            "E0224",
            f"the network `{name.text}` has no layers",
            network.layers_span if network.layers is not None else name.span,
            help="add `layers: Dense(10)`",
        )
        return None
    if not network.inputs:
        report.error(
            "E0224",
            f"the network `{name.text}` has no input",
            name.span,
            help="add the shape of one row, for example `input: (784,)`",
        )
        return None
    return Written(name.text, network.inputs, network.layers, network.sections, name.span)


def _chain_of(fragment: ast.Fragment, shape: tuple[int | None, ...]) -> Written:
    """Bare layers as a network, with an input of the given shape."""
    span = fragment.span
    dims = tuple(
        ast.NoneLiteral(span) if size is None else ast.Number(size, span) for size in shape
    )
    written = ast.Input(None, dims, span)
    return Written("fragment", (written,), fragment.items, fragment.sections, span)


def _check_fragment(
    fragment: ast.Fragment,
    macros: dict[str, ast.Macro],
    options: CheckOptions,
    report: Reporter,
) -> None:
    """Each bare layer by itself; no shape flows from one to the next."""
    reader = SectionReader(report)
    reader.read(fragment.sections)
    uses = Expander(macros, report).expand(fragment.items)
    masks = MaskInputs(MASK_DTYPES[options.mask_dtype], report)
    loss = reader.loss.name if reader.loss else None
    Chain(options, report, Scopes(), masks, loss).check_alone(uses)
