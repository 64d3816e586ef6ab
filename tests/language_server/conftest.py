"""A real client: the server runs as an editor starts it, and is spoken to over its pipes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from lsprotocol import types
from pygls.lsp.client import LanguageClient

URI = "file:///model.neural"


@dataclass
class Editor:
    """An editor with one document."""

    client: Any
    told: asyncio.Queue[types.PublishDiagnosticsParams] = field(default_factory=asyncio.Queue)
    version: int = 0
    text: str = ""

    async def open(self, text: str) -> list[types.Diagnostic]:
        self.text, self.version = text, 1
        self.client.text_document_did_open(
            types.DidOpenTextDocumentParams(types.TextDocumentItem(URI, "neural", 1, text))
        )
        return await self.diagnostics()

    def change(self, text: str) -> None:
        """Replaces the smallest part that differs, as editors do."""
        old, self.text = self.text, text
        start = next(
            (i for i, (a, b) in enumerate(zip(old, text, strict=False)) if a != b),
            min(len(old), len(text)),
        )
        end = 0
        while end < min(len(old), len(text)) - start and old[-1 - end] == text[-1 - end]:
            end += 1
        self.version += 1
        change = types.TextDocumentContentChangePartial(
            range=types.Range(place(old, start), place(old, len(old) - end)),
            text=text[start : len(text) - end],
        )
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(self.version, URI), [change]
            )
        )

    async def diagnostics(self, version: int | None = None) -> list[types.Diagnostic]:
        """What is published for a version, the present one if none is said."""
        wanted = self.version if version is None else version
        while True:
            found = await asyncio.wait_for(self.told.get(), 20)
            if found.version == wanted:
                return list(found.diagnostics)

    def at(self, mark: str, offset: int = 0) -> dict[str, Any]:
        """The place of a piece of the text, as requests want it."""
        return {
            "text_document": types.TextDocumentIdentifier(URI),
            "position": place(self.text, self.text.index(mark) + offset),
        }

    def piece(self, range: types.Range) -> str:
        """The text of a range."""
        lines = self.text.split("\n")
        first, last = range.start, range.end
        assert first.line == last.line
        units = lines[first.line].encode("utf-16-le")
        return units[2 * first.character : 2 * last.character].decode("utf-16-le")

    async def completions(self, mark: str, offset: int = 0) -> dict[str, str]:
        found = await self.client.text_document_completion_async(
            types.CompletionParams(**self.at(mark, offset))
        )
        return {item.label: item.text_edit.new_text for item in found.items}

    async def hover(self, mark: str, offset: int = 0) -> str:
        found = await self.client.text_document_hover_async(
            types.HoverParams(**self.at(mark, offset))
        )
        return found.contents.value if found is not None else ""


def place(text: str, offset: int) -> types.Position:
    """The place of an offset, in UTF-16."""
    line = text.count("\n", 0, offset)
    start = text.rfind("\n", 0, offset) + 1
    return types.Position(line, len(text[start:offset].encode("utf-16-le")) // 2)


Session = Callable[[Callable[[Editor], Awaitable[None]]], int]


@pytest.fixture
def session() -> Session:
    """Runs a story with an editor and a server; the server's exit status."""

    async def run(story: Callable[[Editor], Awaitable[None]], snippets: bool) -> int:
        client = LanguageClient("test", "1")
        editor = Editor(client)

        @client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def published(params: types.PublishDiagnosticsParams) -> None:
            editor.told.put_nowait(params)

        start = "from neuralc.compiler.cli.neural import main; main()"
        await client.start_io(sys.executable, "-c", start, "lsp")
        capabilities = types.ClientCapabilities(
            text_document=types.TextDocumentClientCapabilities(
                completion=types.CompletionClientCapabilities(
                    completion_item=types.ClientCompletionItemOptions(snippet_support=snippets)
                )
            )
        )
        await client.initialize_async(types.InitializeParams(capabilities))
        client.initialized(types.InitializedParams())
        await story(editor)
        await client.shutdown_async(None)
        client.exit(None)
        server = client._server
        assert server is not None
        status = await asyncio.wait_for(server.wait(), 10)
        await client.stop()
        return int(status)

    return lambda story, snippets=True: asyncio.run(run(story, snippets))
