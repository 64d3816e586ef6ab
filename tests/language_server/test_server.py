"""The server over its pipes: diagnostics while typing, hover, completion, navigation, mends."""

from __future__ import annotations

import time
from typing import Any

from lsprotocol import types

URI = "file:///model.neural"


def place(text: str, offset: int) -> types.Position:
    return types.Position(text.count("\n", 0, offset), offset - text.rfind("\n", 0, offset) - 1)


PROGRAM = """define Block(width, rate=0.1) {
  Dense($width, activation="relu")
  Dropout(rate)
}
network Model {
  input: (16, 64)
  layers:
    /* 😀é */ TransformerEncoder(num_heads=4)
    Block(32) * 2
    Block(width=8)
    GlobalAveragePooling1D()
    Output(10)
  loss: "sparse_categorical_crossentropy"
  train { epochs: 3 }
}
"""


def test_diagnostics_follow_what_is_typed(session: Any) -> None:
    async def story(editor: Any) -> None:
        assert [d.code for d in await editor.open(PROGRAM)] == ["N0201", "W0211"]
        editor.change(PROGRAM.replace("num_heads=4", "num_heads=7"))
        (told,) = await editor.diagnostics()
        assert told.code == "E0213"
        assert told.severity is types.DiagnosticSeverity.Error
        assert editor.piece(told.range) == "7"  # behind an emoji: columns are UTF-16
        assert "help: " in told.message
        assert editor.piece(told.related_information[0].location.range) == "(16, 64)"
        # Many changes in a row: the last one is what is told.
        for end in ("num_heads=", "num_heads=4", "num_heads=4, ", "num_heads=4, activatoin=relu"):
            editor.change(PROGRAM.replace("num_heads=4", end))
        (told,) = [d for d in await editor.diagnostics() if d.code == "E0204"]
        assert editor.piece(told.range) == "activatoin"
        editor.change(PROGRAM)
        assert [d.code for d in await editor.diagnostics()] == ["N0201", "W0211"]

    assert session(story) == 0


def test_a_mend_is_offered_and_mends(session: Any) -> None:
    async def story(editor: Any) -> None:
        text = "network N { input: (8,) layers: Dense(4, activatoin=relu) }"
        (told,) = await editor.open(text)
        (action,) = await editor.client.text_document_code_action_async(
            types.CodeActionParams(
                types.TextDocumentIdentifier(URI), told.range, types.CodeActionContext([told])
            )
        )
        (edit,) = action.edit.changes[URI]
        editor.change(text.replace(editor.piece(edit.range), edit.new_text))
        assert await editor.diagnostics() == []

    session(story)


def test_hover_tells_shapes_parameters_and_work(session: Any) -> None:
    async def story(editor: Any) -> None:
        await editor.open(PROGRAM)
        told = await editor.hover("TransformerEncoder", 3)
        assert "`(16, 64)` → `(16, 64)`" in told
        assert "49,984 parameters" in told
        assert "FLOP" in told
        inner = await editor.hover("Dense", 1)
        assert "`(16, 64)` → `(16, 32)` · 2,080 parameters" in inner
        assert "`(16, 32)` → `(16, 8)` · 264 parameters" in inner
        assert "3 uses, 3,400 parameters in all" in inner
        assert "macro" in await editor.hover("Block(32)", 1)
        assert "parameter of the macro" in await editor.hover("$width", 2)
        assert "activation" in await editor.hover("activation=", 2)
        assert "loss" in await editor.hover("loss:", 1)
        assert await editor.hover("😀") == ""

    session(story)


def test_hover_works_while_the_program_is_broken(session: Any) -> None:
    async def story(editor: Any) -> None:
        await editor.open(PROGRAM)
        editor.change(PROGRAM.replace("Output(10)", "Output(10"))
        assert "E0105" in [d.code for d in await editor.diagnostics()]
        assert "49,984 parameters" in await editor.hover("TransformerEncoder", 3)
        editor.change(PROGRAM.replace("Output(10)", "Output(0)"))
        assert [d.code for d in await editor.diagnostics()] == ["E0207"]
        assert "49,984 parameters" in await editor.hover("TransformerEncoder", 3)

    session(story)


def test_completion(session: Any) -> None:
    async def story(editor: Any) -> None:
        await editor.open("")
        await check(editor, "Den|", {"Dense": "Dense(${1:units})"})
        await check(editor, "define Mine(a) { Dense($a) }\nMi|", {"Mine": "Mine($0)"})
        await check(editor, "define Mine(abc) { Dense($|) }", {"$abc": "$abc"})
        await check(editor, "network N { |", {"layers": "layers: $0"}, without=["Dense"])
        await check(editor, "network N { layers: De|", {"Dense": "Dense(${1:units})"})
        await check(editor, "Dense(8, |)", {"activation": "activation=$0"}, without=["kernel"])
        await check(editor, "Dense(8, use_bias=|)", {"true": "true", "false": "false"})
        await check(editor, "Dense(8, use_bias=true, |)", {}, without=["use_bias"])
        await check(editor, "Dense(8, activation=|)", {"relu": '"relu"'})
        await check(editor, 'Dense(8, activation="re|")', {"relu": "relu"})
        await check(editor, "Dense(8, |", {"relu": '"relu"'})
        await check(editor, 'Conv2D(8, 3, padding="|', {"same": "same", "valid": "valid"})
        await check(editor, "network N { optimizer: Ad|", {"Adam": "Adam($0)"})
        await check(editor, "network N { optimizer: Adam(|", {"learning_rate": "learning_rate=$0"})
        await check(editor, "network N { loss: |", {"huber": '"huber"'})
        await check(editor, "network N { train { ep|", {"epochs": "epochs: $0"})
        await check(editor, "Dense(HPO(|", {"log_range": "log_range($0)"})
        await check(editor, "# Den|", {}, without=["Dense"])
        await check(editor, "A { De|", {"Dense": "Dense(${1:units})"})

    async def check(
        editor: Any, text: str, expected: dict[str, str], without: tuple[str, ...] | list[str] = ()
    ) -> None:
        editor.change(text.replace("|", ""))
        found = await editor.client.text_document_completion_async(
            types.CompletionParams(
                types.TextDocumentIdentifier(URI),
                place(editor.text, text.index("|")),
            )
        )
        offered = {item.label: item.text_edit.new_text for item in found.items}
        assert expected.items() <= offered.items(), text
        assert not set(without) & set(offered), text

    session(story)


def test_editors_without_snippets_get_plain_text(session: Any) -> None:
    async def story(editor: Any) -> None:
        await editor.open("Den")
        assert (await editor.completions("Den", 3))["Dense"] == "Dense(units)"

    session(story, snippets=False)


def test_signature_help(session: Any) -> None:
    async def story(editor: Any) -> None:
        await editor.open("Dense(8, )")
        found = await editor.client.text_document_signature_help_async(
            types.SignatureHelpParams(**editor.at(")"))
        )
        (signature,) = found.signatures
        assert signature.label.startswith("Dense(units: a whole number")
        assert signature.parameters[found.active_parameter].label.startswith("activation")

    session(story)


def test_definition_references_and_renaming_of_macros(session: Any) -> None:
    async def story(editor: Any) -> None:
        await editor.open(PROGRAM)
        found = await editor.client.text_document_definition_async(
            types.DefinitionParams(**editor.at("Block(32)", 2))
        )
        assert found.range.start == types.Position(0, 7)
        places = await editor.client.text_document_references_async(
            types.ReferenceParams(types.ReferenceContext(True), **editor.at("Block(32)", 2))
        )
        assert [each.range.start.line for each in places] == [0, 8, 9]
        found = await editor.client.text_document_definition_async(
            types.DefinitionParams(**editor.at("$width", 2))
        )
        assert editor.piece(found.range) == "width"
        edit = await editor.client.text_document_rename_async(
            types.RenameParams(new_name="size", **editor.at("$width", 2))
        )
        assert [each.new_text for each in edit.changes[URI]] == ["size", "$size", "size"]

    session(story)


def test_outline_folding_and_formatting(session: Any) -> None:
    async def story(editor: Any) -> None:
        await editor.open(PROGRAM)
        symbols = await editor.client.text_document_document_symbol_async(
            types.DocumentSymbolParams(types.TextDocumentIdentifier(URI))
        )
        assert [(each.name, each.kind) for each in symbols] == [
            ("Block", types.SymbolKind.Function),
            ("Model", types.SymbolKind.Class),
        ]
        assert "GlobalAveragePooling1D" in [each.name for each in symbols[1].children]
        ranges = await editor.client.text_document_folding_range_async(
            types.FoldingRangeParams(types.TextDocumentIdentifier(URI))
        )
        assert (0, 3) in [(each.start_line, each.end_line) for each in ranges]
        ugly = "Dense( 8 )"
        editor.change(ugly)
        options = types.FormattingOptions(2, True)
        (edit,) = await editor.client.text_document_formatting_async(
            types.DocumentFormattingParams(types.TextDocumentIdentifier(URI), options)
        )
        assert edit.new_text == "Dense(8)\n"
        # Only what differs is touched, with the document's own line ends.
        editor.change("// 😀\r\nDense(8)\r\nDense( 9 )\r\nDense(10)\r\n")
        (edit,) = await editor.client.text_document_formatting_async(
            types.DocumentFormattingParams(types.TextDocumentIdentifier(URI), options)
        )
        assert edit.new_text == "Dense(9)\r\n"
        assert (edit.range.start, edit.range.end) == (types.Position(2, 0), types.Position(3, 0))
        editor.change("Dense( 8")
        assert not await editor.client.text_document_formatting_async(
            types.DocumentFormattingParams(types.TextDocumentIdentifier(URI), options)
        )

    session(story)


def test_a_long_program_is_told_of_in_time(session: Any) -> None:
    async def story(editor: Any) -> None:
        layers = "    Dense(8, activation='relu')  # a layer\n" * 2000
        text = f"network N {{\n  input: (8,)\n  layers:\n{layers}}}\n"
        await editor.open(text)
        start = time.monotonic()
        editor.change(text.replace("(8,)", "(9,)"))
        await editor.diagnostics()
        assert time.monotonic() - start < 3  # 0.7 s of it on a quiet machine

    session(story)


def test_a_closed_document_has_no_diagnostics(session: Any) -> None:
    async def story(editor: Any) -> None:
        await editor.open("Dence(3)")
        editor.client.text_document_did_close(
            types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(URI))
        )
        found = await editor.told.get()
        assert not found.diagnostics

    session(story)


def test_a_missing_package_is_named(monkeypatch: Any, capsys: Any) -> None:
    import sys

    from neuralc.compiler.cli import guard, neural

    for name in [each for each in sys.modules if each.startswith("neuralc.compiler.language_s")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pygls.lsp.server", None)
    assert guard.run(neural.command, ["lsp"], "neural") == 3
    err = capsys.readouterr().err
    assert "E0522" in err
    assert 'pip install "neuralc[lsp]"' in err
