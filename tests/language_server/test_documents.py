"""Documents: lines as the protocol has them, files that are not open, the end of a session."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from lsprotocol import types

URI = "file:///model.neural"


def test_lines_end_only_where_the_protocol_says(session: Any) -> None:
    async def story(editor: Any) -> None:
        text = "# a\u2028b\x0cc\x85d\nDense(8)\r\nDense(3)\n"
        await editor.open(text)
        editor.change(text.replace("Dense(3)", "Dence(3)"))
        (told,) = await editor.diagnostics()
        assert told.range.start == types.Position(2, 0)
        assert told.code_description.href.endswith("/E0201.md")

    session(story)


def test_a_file_that_is_not_there_is_empty(session: Any) -> None:
    async def story(editor: Any) -> None:
        nowhere = types.TextDocumentIdentifier("file:///nowhere/at/all.neural")
        found = await editor.client.text_document_hover_async(
            types.HoverParams(nowhere, types.Position(3, 4))
        )
        assert found is None
        symbols = await editor.client.text_document_document_symbol_async(
            types.DocumentSymbolParams(nowhere)
        )
        assert not symbols

    session(story)


def test_a_refused_renaming_says_why(session: Any) -> None:
    async def story(editor: Any) -> None:
        shown = []
        editor.client.feature(types.WINDOW_SHOW_MESSAGE)(lambda given: shown.append(given.message))
        await editor.open("define Block(a) { Dense($a) }\nBlock(3)\n")
        assert not await editor.client.text_document_rename_async(
            types.RenameParams(new_name="Dense", **editor.at("Block(3", 1))
        )
        assert shown == ["not renamed: `Dense` is taken"]

    session(story)


def test_only_the_best_mend_is_preferred_and_only_mends_are_offered(session: Any) -> None:
    async def story(editor: Any) -> None:
        (told,) = await editor.open("Dence(3)")

        async def actions(only: list[str] | None) -> list[types.CodeAction]:
            context = types.CodeActionContext([told], only)
            return list(
                await editor.client.text_document_code_action_async(
                    types.CodeActionParams(types.TextDocumentIdentifier(URI), told.range, context)
                )
                or ()
            )

        mends = await actions(None)
        assert [mend.is_preferred for mend in mends] == [True] + [False] * (len(mends) - 1)
        assert len(await actions(["quickfix"])) == len(mends)
        assert await actions(["source.organizeImports"]) == []

    session(story)


@pytest.mark.parametrize("farewell", [[], ["exit"], ["shutdown", "exit"]])
def test_the_exit_status_says_whether_the_editor_took_its_leave(farewell: list[str]) -> None:
    asked: list[dict[str, Any]] = [
        {"id": 1, "method": "initialize", "params": {"capabilities": {}}},
        {"method": "initialized", "params": {}},
    ]
    asked += [{"method": each, **({"id": 2} if each == "shutdown" else {})} for each in farewell]
    bodies = [json.dumps({"jsonrpc": "2.0", **each}).encode() for each in asked]
    sent = b"".join(b"Content-Length: %d\r\n\r\n%s" % (len(body), body) for body in bodies)
    start = "from neuralc.compiler.cli.neural import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", start, "lsp"], input=sent, capture_output=True, timeout=20
    )
    assert done.returncode == (0 if "shutdown" in farewell else 1)
    assert b"Traceback" not in done.stderr
