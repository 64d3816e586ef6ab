"""Between our own values and those of the protocol.

In: diagnostics, spans, offers, symbols. Out: what the protocol sends. Lines count from 0 there, and
columns in units that the editor chose, UTF-16 as a rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lsprotocol import types

from ...ir.diagnostic import Diagnostic, Severity
from ...ir.span import Span
from ..messages.pages import FOLDER
from ..syntax.source import Source
from .catalogue import Offer, Signature, parameter_text
from .edits import Edit
from .navigation import Symbol

_SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.NOTE: types.DiagnosticSeverity.Information,
}
_COMPLETIONS = {
    "layer": types.CompletionItemKind.Class,
    "macro": types.CompletionItemKind.Function,
    "argument": types.CompletionItemKind.Property,
    "value": types.CompletionItemKind.EnumMember,
    "section": types.CompletionItemKind.Keyword,
    "keyword": types.CompletionItemKind.Keyword,
    "variable": types.CompletionItemKind.Variable,
}
_SYMBOLS = {
    "network": types.SymbolKind.Class,
    "macro": types.SymbolKind.Function,
    "layer": types.SymbolKind.Object,
    "branch": types.SymbolKind.Namespace,
    "section": types.SymbolKind.Property,
    "input": types.SymbolKind.Variable,
}


class Positions:
    """Places of one text, as the editor counts them."""

    def __init__(self, source: Source, codec: Any) -> None:
        self.source = source
        self.codec = codec
        self.lines = source.text.split("\n")

    def offset(self, position: types.Position) -> int:
        """The offset of a place; one behind the end of a line, or of the text, is the end."""
        if position.line >= len(self.lines):
            return len(self.source.text)
        inner = self.codec.position_from_client_units(
            [f"{line}\n" for line in self.lines[position.line : position.line + 1]],
            types.Position(0, position.character),
        )
        column: int = min(inner.character, len(self.lines[position.line]))
        return sum(len(line) + 1 for line in self.lines[: position.line]) + column

    def position(self, line: int, column: int) -> types.Position:
        """The place of a line and a column that count from 1."""
        index = min(line, len(self.lines)) - 1
        text = self.lines[index][: column - 1] if line <= len(self.lines) else ""
        units: int = self.codec.client_num_units(text)
        return types.Position(index, units)

    def range(self, span: Span | None) -> types.Range:
        """The range of a span; the text's beginning where there is none."""
        if span is None:
            return types.Range(types.Position(0, 0), types.Position(0, 0))
        return types.Range(
            self.position(span.line, span.column), self.position(span.end_line, span.end_column)
        )


def diagnostic(told: Diagnostic, uri: str, positions: Positions) -> types.Diagnostic:
    """A diagnostic with its labels as related places; help and notes follow the message."""
    lines = [told.message, *told.notes, *([f"help: {told.help}"] if told.help else [])]
    related = [
        types.DiagnosticRelatedInformation(
            types.Location(uri, positions.range(label.span)), label.message
        )
        for label in told.labels
    ]
    return types.Diagnostic(
        positions.range(told.span),
        "\n".join(lines),
        severity=_SEVERITIES.get(told.severity, types.DiagnosticSeverity.Hint),
        code=told.code,
        code_description=_explained(told.code),
        source="neural",
        related_information=related or None,
    )


def _explained(code: str) -> types.CodeDescription | None:
    """A link to the page that explains a code, where this installation carries it."""
    page = FOLDER / f"{code}.md"
    return types.CodeDescription(page.as_uri()) if page.is_file() else None


def text_edits(edits: Sequence[Edit], positions: Positions) -> list[types.TextEdit]:
    return [types.TextEdit(positions.range(span), text) for span, text in edits]


def completion(
    offer: Offer, index: int, place: types.Range, snippets: bool
) -> types.CompletionItem:
    """An offer; without snippets what is inserted ends where the first place to fill begins."""
    text = offer.snippet or offer.label
    if not snippets:
        text = _without_places(text)
    return types.CompletionItem(
        offer.label,
        kind=_COMPLETIONS[offer.kind],
        detail=offer.detail or None,
        documentation=types.MarkupContent(types.MarkupKind.Markdown, offer.doc)
        if offer.doc
        else None,
        insert_text_format=types.InsertTextFormat.Snippet
        if snippets and offer.snippet
        else types.InsertTextFormat.PlainText,
        text_edit=types.TextEdit(place, text),
        sort_text=f"{index:04}",
        filter_text=offer.label,
    )


def _without_places(snippet: str) -> str:
    import re

    return re.sub(r"\$(\d+|\{\d+:([^}]*)\})", lambda match: match[2] or "", snippet)


def symbol(told: Symbol, positions: Positions) -> types.DocumentSymbol:
    return types.DocumentSymbol(
        told.name,
        _SYMBOLS[told.kind],
        positions.range(told.span),
        positions.range(told.name_span),
        detail=told.detail or None,
        children=[symbol(child, positions) for child in told.children],
    )


def signature_help(known: Signature, active: int | None) -> types.SignatureHelp:
    shown = [parameter_text(each) for each in known.parameters]
    return types.SignatureHelp(
        [
            types.SignatureInformation(
                f"{known.name}({', '.join(shown)})",
                documentation=known.doc,
                parameters=[
                    types.ParameterInformation(text, documentation=each.doc or None)
                    for text, each in zip(shown, known.parameters, strict=True)
                ],
                active_parameter=active,
            )
        ],
        active_signature=0,
        active_parameter=active,
    )
