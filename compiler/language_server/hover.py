"""What is said of the word under the cursor.

In: an analysis and an offset. Out: Markdown and the span that it is about, or None.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ...ir.span import Span
from ..layers.spec import Parameter, layer_named
from ..summarizing.facts import LayerFacts
from ..summarizing.table import amount, shape, size
from ..syntax import ast
from .analysis import Analysis
from .catalogue import active, parameter_text, section_doc, settings, signature, values
from .cursor import Frame, cursor_at

_WORD = re.compile(r"\$?[^\W\d]\w*")
MOST_USES = 3
"""Kinds of use of one layer that are told one by one."""


def hover(analysis: Analysis, offset: int) -> tuple[str, Span] | None:
    """Markdown about what stands at an offset."""
    text = analysis.source.text
    word = next((m for m in _WORD.finditer(text) if m.start() <= offset <= m.end()), None)
    if word is None:
        return None
    span = analysis.source.span(word.start(), word.end())
    layer = next((each for each in analysis.layers() if each.name.span == span), None)
    told = _layer(analysis, layer) if layer is not None else _other(analysis, word, text)
    return (told, span) if told else None


def _layer(analysis: Analysis, layer: ast.Layer) -> str:
    name = layer.name.text
    macro = next((m for m in _macros(analysis) if m.name.text.lower() == name.lower()), None)
    if macro is not None:
        inner = ", ".join(p.name.text for p in macro.parameters)
        return f"**{macro.name.text}**({inner}): a macro, line {macro.name.span.line}"
    spec = layer_named(name)
    if spec is None:
        return ""
    facts, figures = analysis.facts_of(layer)
    return "\n\n".join([*_figures(facts, figures.sizes), f"**{spec.name}**: {spec.doc}"])


def _figures(facts: list[LayerFacts], sizes: Mapping[str, int]) -> list[str]:
    """Shapes, parameters and work; of a layer that is used often, those of each kind of use."""
    if not facts:
        return []
    uses: dict[tuple[str, str, int], list[LayerFacts]] = {}
    for each in facts:
        key = shape(each.arrives), shape(each.gives), each.parameters + each.state
        uses.setdefault(key, []).append(each)
    lines = []
    for (arrives, gives, weights), alike in list(uses.items())[:MOST_USES]:
        times = f"{len(alike)} × " if len(alike) > 1 else ""
        last = alike[-1]  # the first of several may prepare the mask for all
        lines.append(
            f"{times}`{arrives}` → `{gives}` · {weights:,} parameters · "
            f"{amount(last.flops)}FLOP · {size(last.activation)} of activations"
        )
    if len(uses) > MOST_USES:
        lines.append(f"… and {len(uses) - MOST_USES} more kinds of use")
    if len(facts) > 1:
        total = sum(each.parameters + each.state for each in facts)
        lines.append(f"{len(facts)} uses, {total:,} parameters in all")
    scope = facts[0].scope + (f" … {facts[-1].scope}" if len(facts) > 1 else "")
    shown = " ".join(f"{arrives} {gives}" for arrives, gives, _ in uses)
    open_axes = [
        f"{name} = {value}" for name, value in sizes.items() if re.search(rf"\b{name}\b", shown)
    ]
    at = f" at {', '.join(open_axes)}" if open_axes else ""
    return ["  \n".join(lines), f"`{scope}`{at}"]


def _other(analysis: Analysis, word: re.Match[str], text: str) -> str:
    """An argument, a parameter of a macro, a section, the name of an optimizer."""
    name = word[0]
    cursor = cursor_at(text, word.end())
    if cursor.in_comment:
        return ""
    macros = {macro.name.text: macro for macro in _macros(analysis)}
    if name.startswith("$"):
        macro = macros.get(cursor.macro)
        for parameter in macro.parameters if macro is not None else ():
            if parameter.name.text == name[1:]:
                default = " with a default" if parameter.default is not None else ""
                return f"`{name}`: parameter of the macro **{cursor.macro}**{default}"
        return ""
    frame = cursor.frame
    behind = text[word.end() :].lstrip()[:1]
    if frame is not None and frame.kind in ("call", "settings"):
        known = signature(frame, macros) if frame.kind == "call" else None
        parameters = known.parameters if known is not None else settings(frame)
        if behind in ("=", ":"):
            for each in parameters:
                if name in (each.name, *each.aliases):
                    return _argument(each)
        here = active(frame, parameters)
        if here is not None and name in values(here):
            return _argument(here)
        if cursor.quote:
            return ""  # a name, a path
    if behind in (":", "{") and section_doc(name):
        return f"**{name}**: {section_doc(name)}"
    known = signature(Frame("call", name), macros)
    return f"**{known.name}**: {known.doc}" if known is not None else ""


def _argument(parameter: Parameter) -> str:
    names = "`, `".join(parameter.aliases)
    also = f"\n\nalso `{names}`" if names else ""
    return f"`{parameter_text(parameter)}`\n\n{parameter.doc}{also}"


def _macros(analysis: Analysis) -> tuple[ast.Macro, ...]:
    return analysis.program.macros if analysis.program is not None else ()
