"""The server: documents as editors change them, and answers to what editors ask.

In: requests over standard input. Out: answers over standard output. Each document is analysed when
it has not changed for a moment; every answer is about the version that the editor has.
"""

from __future__ import annotations

import asyncio
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from ... import __version__
from ...ir.diagnostic import CompileError, Fix
from ..syntax.source import Source
from . import edits, navigation, protocol
from .analysis import Analysis, analyse
from .catalogue import active, offers, signature
from .cursor import cursor_at
from .documents import use_documents
from .hover import hover
from .protocol import Positions

PAUSE = 0.15
"""Seconds without a change after which a document is analysed."""


class NeuralServer(LanguageServer):
    """A language server with what it knows of each open document."""

    def __init__(self) -> None:
        super().__init__("neural", __version__)
        self.analyses: dict[str, tuple[int | None, Analysis]] = {}
        self.waiting: dict[str, asyncio.Task[None]] = {}
        self.was_shut_down = False

    def analysis(self, uri: str) -> Analysis:
        """What is known of a document's present version."""
        document = self.workspace.get_text_document(uri)
        known = self.analyses.get(uri)
        if known is not None and known[0] == document.version:
            return known[1]
        if document.version is None:  # not open: a file that may change at any time
            return analyse(Source(document.path or uri, document.source))
        source = Source(document.path or uri, document.source)
        last = known[1] if known is not None else None
        made = analyse(source, last)
        self.analyses[uri] = document.version, made
        return made

    def positions(self, uri: str) -> Positions:
        document = self.workspace.get_text_document(uri)
        return Positions(Source(uri, document.source), document.position_codec)

    def publish(self, uri: str) -> None:
        """Tells the editor what is to be said of a document."""
        made, positions = self.analysis(uri), self.positions(uri)
        self.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(
                uri,
                [protocol.diagnostic(each, uri, positions) for each in made.diagnostics],
                self.workspace.get_text_document(uri).version,
            )
        )

    def soon(self, uri: str) -> None:
        """Analyses a document once it has not changed for a moment."""
        self.forget(uri)

        async def wait() -> None:
            await asyncio.sleep(PAUSE)
            self.publish(uri)

        self.waiting[uri] = asyncio.ensure_future(wait())

    def forget(self, uri: str) -> None:
        task = self.waiting.pop(uri, None)
        if task is not None:
            task.cancel()


def make_server() -> NeuralServer:
    """The server with all that it answers."""
    server = NeuralServer()
    _documents(server)
    _reading(server)
    _writing(server)
    return server


def _documents(server: NeuralServer) -> None:
    @server.feature(types.INITIALIZE)
    def initialized(given: types.InitializeParams) -> None:
        use_documents(server.workspace)

    @server.feature(types.SHUTDOWN)
    def shut_down(given: None) -> None:
        server.was_shut_down = True

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(given: types.DidOpenTextDocumentParams) -> None:
        server.publish(given.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(given: types.DidChangeTextDocumentParams) -> None:
        server.soon(given.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def saved(given: types.DidSaveTextDocumentParams) -> None:
        server.forget(given.text_document.uri)
        server.publish(given.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(given: types.DidCloseTextDocumentParams) -> None:
        uri = given.text_document.uri
        server.forget(uri)
        server.analyses.pop(uri, None)
        server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))


def _reading(server: NeuralServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def hovered(given: types.HoverParams) -> types.Hover | None:
        uri = given.text_document.uri
        positions = server.positions(uri)
        told = hover(server.analysis(uri), positions.offset(given.position))
        if told is None:
            return None
        text, span = told
        content = types.MarkupContent(types.MarkupKind.Markdown, text)
        return types.Hover(content, positions.range(span))

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    def defined(given: types.DefinitionParams) -> types.Location | None:
        uri = given.text_document.uri
        positions = server.positions(uri)
        span = navigation.definition(server.analysis(uri), positions.offset(given.position))
        return types.Location(uri, positions.range(span)) if span is not None else None

    @server.feature(types.TEXT_DOCUMENT_REFERENCES)
    def referred(given: types.ReferenceParams) -> list[types.Location]:
        uri = given.text_document.uri
        positions = server.positions(uri)
        spans = navigation.references(server.analysis(uri), positions.offset(given.position))
        if not given.context.include_declaration:
            spans = spans[1:]
        return [types.Location(uri, positions.range(span)) for span in spans]

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def outlined(given: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        uri = given.text_document.uri
        positions = server.positions(uri)
        symbols = navigation.outline(server.analysis(uri))
        return [protocol.symbol(each, positions) for each in symbols]

    @server.feature(types.TEXT_DOCUMENT_FOLDING_RANGE)
    def folded(given: types.FoldingRangeParams) -> list[types.FoldingRange]:
        lines = navigation.foldings(server.analysis(given.text_document.uri))
        return [types.FoldingRange(first - 1, last - 1) for first, last in lines]


def _writing(server: NeuralServer) -> None:
    @server.feature(
        types.TEXT_DOCUMENT_COMPLETION,
        types.CompletionOptions(trigger_characters=["(", ",", "=", ":", '"', "'", "$", "{"]),
    )
    def completed(given: types.CompletionParams) -> types.CompletionList:
        uri = given.text_document.uri
        positions = server.positions(uri)
        text = positions.source.text
        cursor = cursor_at(text, positions.offset(given.position))
        analysis = server.analysis(uri)
        span = positions.source.span(cursor.start, cursor.start)
        start = positions.position(span.line, span.column)
        place = types.Range(start, given.position)
        items = [
            protocol.completion(offer, index, place, _snippets(server))
            for index, offer in enumerate(offers(cursor, _macros(analysis)))
        ]
        return types.CompletionList(False, items)

    @server.feature(
        types.TEXT_DOCUMENT_SIGNATURE_HELP,
        types.SignatureHelpOptions(trigger_characters=["(", ","]),
    )
    def signed(given: types.SignatureHelpParams) -> types.SignatureHelp | None:
        uri = given.text_document.uri
        positions = server.positions(uri)
        cursor = cursor_at(positions.source.text, positions.offset(given.position))
        frame = next((each for each in reversed(cursor.frames) if each.kind == "call"), None)
        known = signature(frame, _macros(server.analysis(uri))) if frame is not None else None
        if known is None or frame is None:
            return None
        now = active(frame, known.parameters)
        return protocol.signature_help(known, known.parameters.index(now) if now else None)

    @server.feature(types.TEXT_DOCUMENT_FORMATTING)
    def formatted_(given: types.DocumentFormattingParams) -> list[types.TextEdit] | None:
        from ..formatting.formatter import formatted

        positions = server.positions(given.text_document.uri)
        try:
            text = formatted(positions.source)
        except CompileError:
            return None  # its errors are shown already
        return protocol.text_edits(edits.line_edits(positions.source, text), positions)

    @server.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
    def renaming(given: types.PrepareRenameParams) -> types.Range | None:
        uri = given.text_document.uri
        positions = server.positions(uri)
        analysis, offset = server.analysis(uri), positions.offset(given.position)
        found = navigation.word_at(analysis, offset)
        if found is None or not navigation.references(analysis, offset):
            return None
        return positions.range(found[1])

    @server.feature(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))
    def renamed(given: types.RenameParams) -> types.WorkspaceEdit | None:
        uri = given.text_document.uri
        positions = server.positions(uri)
        try:
            made = edits.renaming(
                server.analysis(uri), positions.offset(given.position), given.new_name
            )
        except edits.Refused as refused:
            shown = types.ShowMessageParams(types.MessageType.Warning, f"not renamed: {refused}")
            server.window_show_message(shown)
            return None
        return types.WorkspaceEdit(changes={uri: protocol.text_edits(made, positions)})

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix]),
    )
    def mended(given: types.CodeActionParams) -> list[types.CodeAction]:
        uri = given.text_document.uri
        positions = server.positions(uri)
        actions: list[types.CodeAction] = []
        only = given.context.only
        if only is not None and types.CodeActionKind.QuickFix not in only:
            return actions
        for told in server.analysis(uri).diagnostics:
            shown = protocol.diagnostic(told, uri, positions)
            if not _overlap(shown.range, given.range):
                continue
            for index, fix in enumerate(told.fixes):
                actions.append(_action(fix, uri, positions, shown, is_best=index == 0))
        return actions


def _action(
    fix: Fix, uri: str, positions: Positions, shown: types.Diagnostic, *, is_best: bool
) -> types.CodeAction:
    edit = types.TextEdit(positions.range(fix.span), fix.replacement)
    return types.CodeAction(
        fix.title,
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[shown],
        edit=types.WorkspaceEdit(changes={uri: [edit]}),
        is_preferred=is_best,
    )


def _overlap(left: types.Range, right: types.Range) -> bool:
    def key(position: types.Position) -> tuple[int, int]:
        return position.line, position.character

    return key(left.start) <= key(right.end) and key(right.start) <= key(left.end)


def _macros(analysis: Analysis) -> dict[str, Any]:
    """The macros by their names; while the program is broken also those of the last right one."""
    programs = [*(older.program for older in analysis.right.values()), analysis.program]
    return {m.name.text: m for program in programs if program is not None for m in program.macros}


def _snippets(server: NeuralServer) -> bool:
    """Whether the editor fills in snippets."""
    document = server.client_capabilities.text_document
    completion = document.completion if document is not None else None
    item = completion.completion_item if completion is not None else None
    return bool(item is not None and item.snippet_support)
