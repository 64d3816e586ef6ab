"""What is said of the word under the cursor.

In: an analysis and an offset. Out: Markdown and the span that it is about, or None.
"""

from __future__ import annotations

import re
from collections import Counter

from ...ir.span import Span
from ..layers.spec import layer_named
from ..summarizing.facts import LayerFacts
from ..summarizing.table import amount, shape, size
from ..syntax import ast
from .analysis import Analysis
from .catalogue import parameter_text, section_doc, signature
from .cursor import Frame, cursor_at

_WORD = re.compile(r"\$?[^\W\d]\w*")


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
    facts = analysis.facts_of(layer)
    return "\n\n".join([*_figures(facts), f"**{spec.name}**: {spec.doc}"])


def _figures(facts: list[LayerFacts]) -> list[str]:
    """Shape, parameters and work; of a layer that is used often, those of one use and the count."""
    if not facts:
        return []
    counts = Counter((shape(f.arrives), shape(f.gives)) for f in facts)
    lines = []
    for (arrives, gives), count in list(counts.items())[:3]:
        times = f"{count} × " if count > 1 else ""
        lines.append(f"{times}`{arrives}` → `{gives}`")
    first = facts[-1]
    each = " each" if len(facts) > 1 else ""
    weights = sum(f.parameters + f.state for f in facts) // len(facts)
    scope = facts[0].scope + (f" … {facts[-1].scope}" if len(facts) > 1 else "")
    lines.append(
        f"{weights:,} parameters{each} · {amount(first.flops)}FLOP · "
        f"{size(first.activation)} of activations"
    )
    return ["  \n".join(lines), f"`{scope}`"]


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
    if frame is not None and frame.kind == "call" and behind in ("=", ":"):
        known = signature(frame, macros)
        for each in known.parameters if known is not None else ():
            if name in (each.name, *each.aliases):
                also = f"\n\nalso `{'`, `'.join(each.aliases)}`" if each.aliases else ""
                return f"`{parameter_text(each)}`\n\n{each.doc}{also}"
    if behind in (":", "{") and section_doc(name):
        return f"**{name}**: {section_doc(name)}"
    known = signature(Frame("call", name), {})
    return f"**{known.name}**: {known.doc}" if known is not None else ""


def _macros(analysis: Analysis) -> tuple[ast.Macro, ...]:
    return analysis.program.macros if analysis.program is not None else ()
