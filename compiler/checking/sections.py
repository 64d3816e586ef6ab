"""The sections that do not shape a network: loss, optimizer, metrics, training.

In: sections of the AST. Out: JSON texts for the model's metadata, and the losses by their proper
names. An unknown name is a warning; for inference it is all kept and changes nothing, but for the
activation that an Output takes from the loss. A value that cannot be meant is an error.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from ...ir.diagnostic import CompileError, Fix
from ..layers.spec import Parameter
from ..messages.suggestions import closest
from ..syntax import ast
from ..training.losses import LOSSES
from ..training.metrics import METRICS
from ..training.optimizers import OPTIMIZERS
from ..training.schedules import SCHEDULES
from ..training.settings import EARLY_STOPPING, SETTINGS
from ..training.spec import CallSpec, spellings
from ..training.spec import plain as plain_name
from .expressions import describe, evaluate
from .heads import Loss
from .macros import checked_device
from .reporter import Reporter
from .section_arguments import Pair, Subject, bind_section, entries_of, pairs_of
from .section_values import plain

_PROPER = {"training": "train", "execute": "execution"}
"""Sections with two names."""

_EXAMPLES = {
    "loss": 'loss: "categorical_crossentropy"',
    "optimizer": "optimizer: Adam(learning_rate=0.001)",
    "schedule": "lr_schedule: ExponentialDecay(0.1, 1000, 0.96)",
    "metric": 'metrics: ["accuracy"]',
}


class SectionReader:
    """Reads the sections of one network or snippet."""

    def __init__(self, report: Reporter) -> None:
        self.report = report
        self.metadata: dict[str, str] = {}
        self.loss: Loss | None = None
        """The loss, where there is one for the whole network."""
        self.losses: dict[str, ast.Name] = {}
        """Where each output has a loss of its own: the outputs' names."""

    def read(self, sections: Iterable[ast.Section]) -> None:
        """Checks sections, and keeps each as JSON under its name."""
        for section in sections:
            name = _PROPER.get(section.keyword.text, section.keyword.text)
            content = self._content(section, name)
            if content is not None:
                self.metadata[name] = json.dumps(content, ensure_ascii=False, sort_keys=False)

    def _content(self, section: ast.Section, name: str) -> Any:
        value = section.value
        if name in ("optimizer", "loss"):
            value = self._unquoted(value, name)
        match name:
            case "loss":
                return self._loss(value)
            case "optimizer":
                return self._call(value, OPTIMIZERS, "optimizer", section.settings)
            case "lr_schedule":
                return self._call(value, SCHEDULES, "schedule")
            case "metrics":
                return self._metrics(value)
            case _ if name in SETTINGS and isinstance(value, ast.Settings):
                return self._settings(section, value, name)
        evaluated = evaluate(value, {}, self.report)
        return plain(evaluated) if evaluated is not None else None

    # ---- each kind ----------------------------------------------------------------------------

    def _unquoted(self, value: ast.Expression, name: str) -> ast.Expression:
        """`"Adam(learning_rate=1e-4)"` in quotes: parsed again, as old programs need it."""
        from ..choosing.rewriting import at
        from ..syntax.parser import parse
        from ..syntax.source import Source

        if not isinstance(value, ast.String) or "(" not in value.value:
            return value
        try:
            program = parse(Source(value.span.file, f"{name}: {value.value}"))
        except CompileError as error:
            first = error.diagnostics[0]
            self.report.error(
                "E0229", f"the {name} in quotes cannot be read: {first.message}", value.span
            )
            return value
        (section,) = (s for fragment in program.fragments for s in fragment.sections)
        self.report.warning(
            "W0205",
            f"{name}s with arguments in quotes are deprecated",
            value.span,
            help=f"write it without quotes: {name}: {value.value}",
            fix=Fix("write it without quotes", value.span, value.value),
        )
        inner: ast.Expression = at(section.value, value.span)
        return inner

    def _loss(self, value: ast.Expression) -> Any:
        """One loss, or in `{ … }` one for each output."""
        if isinstance(value, ast.Settings):
            self.losses = {entry.key.text: entry.key for entry in value.entries}
            return {e.key.text: self._call(e.value, LOSSES, "loss") for e in value.entries}
        told = self._call(value, LOSSES, "loss")
        name = told.get("name") if isinstance(told, dict) else None
        if isinstance(name, str) and plain_name(name) in LOSSES:
            logits = told.get("arguments", {}).get("from_logits") is True
            self.loss = Loss(name, value.span, logits)
        return told

    def _metrics(self, value: ast.Expression) -> Any:
        """One metric or a list of them, or in `{ … }` those of each output."""
        if isinstance(value, ast.Settings):
            return {entry.key.text: self._metrics(entry.value) for entry in value.entries}
        items = value.items if isinstance(value, ast.Sequence) else (value,)
        told = [self._call(item, METRICS, "metric") for item in items]
        return [each for each in told if each is not None]

    def _call(
        self,
        value: ast.Expression,
        table: Mapping[str, CallSpec],
        kind: str,
        settings: ast.Settings | None = None,
    ) -> Any:
        """A name with arguments or without, as an object with `name` and `arguments`."""
        name, written = _named(value)
        if name is None:
            evaluated = evaluate(value, {}, self.report)
            if isinstance(value, ast.Hpo) and evaluated is not None:
                return plain(evaluated)
            if evaluated is not None:
                self.report.error(
                    "E0229",
                    f"{'an' if kind == 'optimizer' else 'a'} {kind} is a name or a call, "
                    f"not {describe(evaluated.value)}",
                    value.span,
                    help=f"for example {_EXAMPLES[kind]}",
                )
            return None
        if settings is not None:
            written = [*written, *entries_of(settings)]
        spec = table.get(plain_name(name.text))
        if spec is None:
            self._unknown(name, table, kind)
            kept = ((n, evaluate(v, {}, self.report)) for n, v in written)
            arguments = {
                n.text if n is not None else str(index): plain(v)
                for index, (n, v) in enumerate(kept)
                if v is not None
            }
            return {"name": name.text, "arguments": arguments}
        subject = Subject(spec.name, name.span, f"the {kind} {spec.name}")
        arguments = bind_section(subject, written, spec.parameters, self.report, self._nested)
        if spec.name == "PiecewiseConstantDecay":
            self._pieces(name, arguments)
        return {"name": spec.name, "arguments": arguments}

    def _nested(self, parameter: Parameter, value: ast.Expression) -> tuple[bool, Any]:
        """A schedule in the place of a learning rate."""
        if parameter.name != "learning_rate" or not isinstance(value, ast.Call):
            return False, None
        return True, self._call(value, SCHEDULES, "schedule")

    def _pieces(self, name: ast.Name, arguments: Mapping[str, Any]) -> None:
        bounds, values = arguments.get("boundaries"), arguments.get("values")
        if not isinstance(bounds, list) or not isinstance(values, list):
            return
        if len(values) != len(bounds) + 1:
            self.report.error(
                "E0252",
                f"{len(bounds)} boundaries divide {len(bounds) + 1} pieces, "
                f"and there are {len(values)} values",
                name.span,
                help="give one value more than boundaries",
            )
        numbers = [each for each in bounds if isinstance(each, int | float)]
        if any(after <= before for before, after in pairwise(numbers)):
            self.report.error("E0252", "boundaries increase from one to the next", name.span)

    def _unknown(self, name: ast.Name, table: Mapping[str, CallSpec], kind: str) -> None:
        near = closest(name.text, spellings(table))
        self.report.warning(
            "W0206",
            f"the {kind} `{name.text}` is not known",
            name.span,
            help=f"did you mean `{near}`?" if near is not None else None,
        )

    def _settings(self, section: ast.Section, value: ast.Settings, name: str) -> dict[str, Any]:
        keyword = section.keyword
        device = [e for e in value.entries if e.key.text == "@"]
        entries: list[Pair] = [
            (replace(key, text="device") if key is not None and key.text == "@" else key, each)
            for key, each in entries_of(value)
        ]
        for key, each in entries:
            if key is not None and key.text == "device" and isinstance(each, ast.String):
                checked_device(each.value, each.span, self.report)
        subject = Subject(keyword.text, device[0].span if device else keyword.span,
                          f"`{keyword.text}`", settings=True)  # fmt: skip
        return bind_section(subject, entries, SETTINGS[name], self.report, self._stopping)

    def _stopping(self, parameter: Parameter, value: ast.Expression) -> tuple[bool, Any]:
        if parameter.name != "early_stopping":
            return False, None
        if isinstance(value, ast.Settings):
            pairs: Sequence[Pair] = entries_of(value)
        elif isinstance(value, ast.Call):
            pairs = pairs_of(value.arguments)
        else:
            return False, None
        subject = Subject("early_stopping", value.span, "`early_stopping`", settings=True)
        return True, bind_section(subject, pairs, EARLY_STOPPING, self.report)


def _named(value: ast.Expression) -> tuple[ast.Name | None, list[Pair]]:
    """The name and the arguments of a call, a word or a text; None for anything else."""
    match value:
        case ast.Call(name=name, arguments=arguments):
            return name, pairs_of(arguments)
        case ast.Reference(name=text, dollar=False, span=span):
            return ast.Name(text, span), []
        case ast.String(value=text, span=span):
            return ast.Name(text, span), []
        case _:
            return None, []
