"""The sections that do not shape a network: loss, optimizer, metrics, training.

In: sections of the AST. Out: JSON texts for the model's metadata, and the loss by its proper name.
What nobody knows is a warning; for inference it is all kept and changes nothing, but for the
activation that an Output takes from the loss.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ...ir.diagnostic import CompileError
from ..messages.suggestions import did_you_mean
from ..syntax import ast
from .expressions import CallValue, Evaluated, OpenChoice, Word, describe, evaluate
from .macros import checked_device
from .reporter import Reporter
from .training_names import (
    COMMON_OPTIMIZER,
    LOSS_ALIASES,
    LOSSES,
    OPTIMIZERS,
    SCHEDULES,
    SETTINGS,
    loss_named,
)

_PROPER = {"training": "train", "execute": "execution"}
"""Sections with two names."""


@dataclass(frozen=True, slots=True)
class Loss:
    """The loss by its proper name, as written, and whether it is told that logits come in."""

    name: str
    section: ast.Section
    from_logits: bool


class SectionReader:
    """Reads the sections of one network or snippet."""

    def __init__(self, report: Reporter) -> None:
        self.report = report
        self.metadata: dict[str, str] = {}
        self.loss: Loss | None = None

    def read(self, sections: Iterable[ast.Section]) -> None:
        """Checks sections, and keeps each as JSON under its name."""
        for section in sections:
            name = _PROPER.get(section.keyword.text, section.keyword.text)
            value = self._value(section, name)
            if value is None:
                continue
            if name == "loss":
                self._loss(section, value)
            elif name == "optimizer":
                self._optimizer(value)
            elif name == "lr_schedule":
                self._schedule(value)
            elif name in SETTINGS:
                self._settings(section, name)
            content = _plain(value)
            if section.settings is not None:
                more = evaluate(section.settings, {}, self.report)
                if more is not None:
                    named = content if isinstance(content, dict) else {"name": content}
                    settings = _plain(more)
                    arguments = {**named.get("arguments", {}), **settings}
                    content = {"name": named["name"], "arguments": arguments}
                    self._optimizer_arguments(str(content["name"]), more)
            self.metadata[name] = json.dumps(content, ensure_ascii=False, sort_keys=False)

    # ---- each kind ----------------------------------------------------------------------------

    def _value(self, section: ast.Section, name: str) -> Evaluated | None:
        value = evaluate(section.value, {}, self.report)
        if value is None:
            return None
        text = value.value
        if name in ("optimizer", "loss") and isinstance(text, str) and "(" in text:
            return self._quoted_call(value, name)
        return value

    def _quoted_call(self, value: Evaluated, name: str) -> Evaluated:
        """`"Adam(learning_rate=1e-4)"` in quotes: parsed again, as old programs need it."""
        from ..syntax.parser import parse
        from ..syntax.source import Source

        text: str = value.value
        try:
            program = parse(Source(value.span.file, f"{name}: {text}"))
        except CompileError as error:
            first = error.diagnostics[0]
            self.report.error(
                "E0229", f"the {name} in quotes cannot be read: {first.message}", value.span
            )
            return value
        (section,) = (s for fragment in program.fragments for s in fragment.sections)
        inner = evaluate(section.value, {}, self.report)
        self.report.warning(
            "W0205",
            f"{name}s with arguments in quotes are deprecated",
            value.span,
            help=f"write it without quotes: {name}: {text}",
        )
        return _placed(inner, value) if inner is not None else value

    def _loss(self, section: ast.Section, value: Evaluated) -> None:
        written = value.value
        logits = False
        if isinstance(written, CallValue):
            text = written.name
            logits = any(n == "from_logits" and v.value is True for n, v in written.arguments)
        elif isinstance(written, str):
            text = written
        elif isinstance(written, Word):
            text = written.text
        elif isinstance(written, OpenChoice):
            return
        else:
            self.report.error(
                "E0229",
                f"a loss is a name, not {describe(written)}",
                value.span,
                help='for example loss: "categorical_crossentropy"',
            )
            return
        name = loss_named(text)
        if name is None:
            near = did_you_mean(text, (*LOSSES, *LOSS_ALIASES))
            self.report.warning("W0206", f"the loss `{text}` is not known", value.span, help=near)
            return
        self.loss = Loss(name, section, logits)

    def _optimizer(self, value: Evaluated) -> None:
        name = _name_of(value.value)
        if name is None:
            if not isinstance(value.value, OpenChoice):
                self.report.error(
                    "E0229",
                    f"an optimizer is a name or a call, not {describe(value.value)}",
                    value.span,
                    help="for example optimizer: Adam(learning_rate=0.001)",
                )
            return
        if _proper(name, OPTIMIZERS) is None:
            near = did_you_mean(name, OPTIMIZERS)
            self.report.warning(
                "W0206", f"the optimizer `{name}` is not known", value.span, help=near
            )
            return
        self._optimizer_arguments(name, value)

    def _optimizer_arguments(self, name: str, value: Evaluated) -> None:
        proper = _proper(name, OPTIMIZERS)
        if proper is None or not isinstance(value.value, CallValue):
            return
        known = (*COMMON_OPTIMIZER, *OPTIMIZERS[proper])
        for key, argument in value.value.arguments:
            if key is not None and key not in known:
                self.report.warning(
                    "W0203",
                    f"the optimizer {proper} has no argument `{key}`",
                    argument.span,
                    help=did_you_mean(key, known),
                )
            if key in (None, "learning_rate", "lr") and isinstance(argument.value, CallValue):
                self._schedule(argument)

    def _schedule(self, value: Evaluated) -> None:
        name = _name_of(value.value)
        if name is None or _proper(name, SCHEDULES) is None:
            self.report.warning(
                "W0206",
                f"the schedule {f'`{name}`' if name else describe(value.value)} is not known",
                value.span,
                help=did_you_mean(name, SCHEDULES) if name else None,
            )

    def _settings(self, section: ast.Section, name: str) -> None:
        if not isinstance(section.value, ast.Settings):
            return
        known = SETTINGS[name]
        for entry in section.value.entries:
            key = entry.key.text
            if key not in known:
                self.report.warning(
                    "W0203",
                    f"`{section.keyword.text}` has no setting `{key}`",
                    entry.key.span,
                    help=did_you_mean(key, known),
                )
            if key in ("device", "@") and isinstance(entry.value, ast.String):
                checked_device(entry.value.value, entry.value.span, self.report)


def check_head(loss: Loss, activation: str, units: int, report: Reporter) -> None:
    """Warns where the last layer's activation does not fit the loss."""
    span = loss.section.value.span
    if loss.from_logits:
        if activation in ("softmax", "sigmoid"):
            report.warning(
                "W0204",
                f"from_logits=true, and the last layer already applies {activation}",
                span,
            )
        return
    if loss.name in ("categorical_crossentropy", "sparse_categorical_crossentropy"):
        if units == 1:
            report.warning(
                "W0204",
                f"{loss.name} over one class is always zero",
                span,
                help='for two classes use Output(2), or "binary_crossentropy" with a sigmoid',
            )
        elif activation != "softmax":
            report.warning(
                "W0204",
                f"{loss.name} wants probabilities, and the last layer's activation is {activation}",
                span,
                help='give the last layer activation="softmax"',
            )
    elif loss.name == "binary_crossentropy" and activation != "sigmoid":
        report.warning(
            "W0204",
            f"{loss.name} wants a sigmoid, and the last layer's activation is {activation}",
            span,
            help='give the last layer activation="sigmoid"',
        )
    elif loss.name.startswith("mean_") and activation == "softmax":
        report.warning(
            "W0204",
            f"{loss.name} compares values, and the last layer gives probabilities (softmax)",
            span,
            help="leave the activation out, or use a cross-entropy",
        )


def _proper(name: str, known: Iterable[str]) -> str | None:
    return next((each for each in known if each.lower() == name.lower()), None)


def _name_of(value: Any) -> str | None:
    if isinstance(value, CallValue):
        return value.name or None
    if isinstance(value, Word):
        return value.text
    return value if isinstance(value, str) else None


def _placed(value: Evaluated, at: Evaluated) -> Evaluated:
    """A value that was read from a string: everything in it stands where the string stands."""
    content = value.value
    if isinstance(content, CallValue):
        arguments = tuple((name, _placed(v, at)) for name, v in content.arguments)
        content = CallValue(content.name, arguments)
    return Evaluated(content, at.span, tuple(_placed(item, at) for item in value.items))


def _plain(value: Evaluated) -> Any:
    """A value as JSON-ready data; calls are objects with `name` and `arguments`."""
    content = value.value
    if isinstance(content, tuple):
        return [_plain(item) for item in value.items]
    if isinstance(content, Word):
        return content.text
    if isinstance(content, OpenChoice):
        return {"open": content.kind}
    if not isinstance(content, CallValue):
        return content
    if not content.name:
        return _arguments(content.arguments)
    return {"name": content.name, "arguments": _arguments(content.arguments)}


def _arguments(arguments: Sequence[tuple[str | None, Evaluated]]) -> dict[str, Any]:
    return {
        name if name is not None else str(index): _plain(value)
        for index, (name, value) in enumerate(arguments)
    }
