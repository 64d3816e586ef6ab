"""Changes of a text: formatting line by line, renaming that keeps the program right.

In: an analysis, what is asked for. Out: spans with the text that takes their place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from ...ir.span import Span
from ..layers.spec import layer_named
from ..syntax import ast
from ..syntax.source import Source
from . import navigation
from .analysis import Analysis, analyse

Edit = tuple[Span, str]
_LINE = re.compile(r"[^\n]*\n|[^\n]+")


class Refused(Exception):
    """What is asked for would break the program; says why."""


def line_edits(source: Source, text: str) -> list[Edit]:
    """Turns a source into a text, touching only lines that differ: cursors and folds stay."""
    old, new = _LINE.findall(source.text), _LINE.findall(text)
    end = "\r\n" if source.original.partition("\n")[0].endswith("\r") else "\n"
    starts = [0]
    for line in old:
        starts.append(starts[-1] + len(line))
    return [
        (source.span(starts[first], starts[last]), "".join(new[begin:until]).replace("\n", end))
        for kind, first, last, begin, until in SequenceMatcher(None, old, new).get_opcodes()
        if kind != "equal"
    ]


def renaming(analysis: Analysis, offset: int, new_name: str) -> list[Edit]:
    """Gives the macro or the parameter at an offset a new name, wherever it is used.

    Raises `Refused` where there is neither, where the name is no name, or where it is taken.
    """
    source = analysis.source
    spans = navigation.references(analysis, offset)
    if not spans:
        raise Refused("only macros and their parameters can be renamed")
    name = new_name.removeprefix("$")
    macros = _macros(analysis)
    if _is_taken(macros, spans[0], name):
        raise Refused(f"`{name}` is taken")
    edits = []
    for span in spans:
        start, _ = source.offsets(span)
        dollar = "$" if source.text[start] == "$" else ""
        edits.append((span, dollar + name))
    renamed = analyse(Source(source.name, applied(source, edits)))
    if _said(renamed) != _said(analysis) or len(_macros(renamed)) != len(macros):
        raise Refused(f"with `{name}` the program would be another, or wrong")
    return edits


def applied(source: Source, edits: list[Edit]) -> str:
    """A text with edits that do not overlap."""
    text = source.text
    for span, new in sorted(edits, key=lambda edit: source.offsets(edit[0]), reverse=True):
        start, end = source.offsets(span)
        text = text[:start] + new + text[end:]
    return text


def _macros(analysis: Analysis) -> tuple[ast.Macro, ...]:
    return analysis.program.macros if analysis.program is not None else ()


def _said(analysis: Analysis) -> list[str]:
    return [told.code for told in analysis.diagnostics]


def _is_taken(macros: Sequence[ast.Macro], declared: Span, name: str) -> bool:
    """Whether a macro of that name would hide a layer or a macro, or a parameter another or a word
    that the body uses bare, such as `relu`."""
    for macro in macros:
        if macro.name.span == declared:
            others = {other.name.text.lower() for other in macros if other is not macro}
            return name.lower() in others or layer_named(name) is not None
        parameters = {p.name.span: p.name.text for p in macro.parameters}
        if declared in parameters and parameters[declared] != name:
            used = any(True for _ in navigation.references_in(macro, name))
            return used or name in parameters.values()
    return False
