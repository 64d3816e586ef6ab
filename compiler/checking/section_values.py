"""Values of sections as JSON-ready data.

In: evaluated values. Out: numbers, texts, lists and objects; a call is an object with `name` and
`arguments`, an open choice one with `open`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .expressions import CallValue, Evaluated, OpenChoice, Word


def plain(value: Evaluated) -> Any:
    """A value as data."""
    content = value.value
    if isinstance(content, tuple):
        return [plain(item) for item in value.items]
    if isinstance(content, Word):
        return content.text
    if isinstance(content, OpenChoice):
        return _open(content)
    if not isinstance(content, CallValue):
        return content
    if not content.name:
        return _arguments(content.arguments)
    return {"name": content.name, "arguments": _arguments(content.arguments)}


def _open(choice: OpenChoice) -> dict[str, Any]:
    from ..choosing.choices import UNKNOWN, read_choice, shown
    from ..choosing.choices import plain as constant
    from .reporter import Reporter

    read = read_choice(choice.node, Reporter())
    if read is None:
        return {"open": choice.kind}
    if read.options:
        values = [constant(each) for each in read.options]
        told = [shown(value) if value is UNKNOWN else value for value in values]
        return {"open": choice.kind, "values": told}
    ends = {"low": read.low, "high": read.high, "step": read.step}
    return {"open": choice.kind} | {key: end for key, end in ends.items() if end is not None}


def _arguments(arguments: Sequence[tuple[str | None, Evaluated]]) -> dict[str, Any]:
    return {
        name if name is not None else str(index): plain(value)
        for index, (name, value) in enumerate(arguments)
    }
