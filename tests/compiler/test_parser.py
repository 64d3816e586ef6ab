"""Every construct of the language, as the AST has it."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from neuralc.compiler.syntax import ast
from neuralc.compiler.syntax.ast_text import print_ast
from neuralc.compiler.syntax.parser import parse, parse_expression
from neuralc.compiler.syntax.source import Source
from neuralc.ir.span import Span

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").rglob("*.neural"))


def program(text: str) -> ast.Program:
    return parse(Source("t.neural", text))


def network(body: str) -> ast.Network:
    (found,) = program(f"network N {{ {body} }}").networks
    return found


def items(text: str) -> tuple[ast.Item, ...]:
    return program(text).fragments[0].items


def layer(text: str) -> ast.Layer:
    (found,) = items(text)
    assert isinstance(found, ast.Layer)
    return found


def plain(node: Any) -> Any:
    """An expression as Python data."""
    match node:
        case ast.Number() | ast.String() | ast.Boolean():
            return node.value
        case ast.NoneLiteral():
            return None
        case ast.Reference():
            return ("$" if node.dollar else "&") + node.name
        case ast.Sequence():
            made = [plain(i) for i in node.items]
            return made if node.bracketed else tuple(made)
        case ast.Binary():
            return (plain(node.left), node.operator, plain(node.right))
        case ast.Call():
            return {
                node.name.text: [(a.name and a.name.text, plain(a.value)) for a in node.arguments]
            }
        case ast.Hpo():
            return {"HPO": plain(node.choice)}
        case ast.Settings():
            return {e.key.text: plain(e.value) for e in node.entries}
    raise AssertionError(node)


def text_at(text: str, span: Span) -> str:
    lines = text.split("\n")
    if span.line == span.end_line:
        return lines[span.line - 1][span.column - 1 : span.end_column - 1]
    first = lines[span.line - 1][span.column - 1 :]
    middle = lines[span.line : span.end_line - 1]
    return "\n".join([first, *middle, lines[span.end_line - 1][: span.end_column - 1]])


# ---- whole programs ------------------------------------------------------------------------


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_examples_parse(path: Path) -> None:
    found = parse(Source(path.name, path.read_text()))
    assert len(found.networks) == 1
    assert found.networks[0].inputs
    assert found.networks[0].layers


def test_guide_like_program() -> None:
    text = """
    # A comment.
    network Encoder {
      input: (128, 512)
      layers:
        Embedding(input_dim=30000, output_dim=512)

        // another
        TransformerEncoder(num_heads=8, d_model=512, dff=2048) * 6
        GlobalAveragePooling1D() /* and
           another */
        Output(10, activation="softmax")

      loss: "sparse_categorical_crossentropy"
      optimizer: Adam(learning_rate=2e-5)
    }
    """
    (net,) = program(text).networks
    assert net.name.text == "Encoder"
    assert [plain(d) for i in net.inputs or () for d in i.dims] == [128, 512]
    assert [i.name.text for i in net.layers or ()] == [
        "Embedding", "TransformerEncoder", "GlobalAveragePooling1D", "Output",
    ]  # fmt: skip
    assert {s.keyword.text: plain(s.value) for s in net.sections} == {
        "loss": "sparse_categorical_crossentropy",
        "optimizer": {"Adam": [("learning_rate", 2e-5)]},
    }


@pytest.mark.parametrize(
    "snippet",
    [
        "TransformerEncoder(num_heads=8, d_model=512, dff=2048)\n# Each head: 64\nDense(3)",
        "TransformerEncoder(\n  num_heads=8,\n  dropout_rate=0.1  # everywhere\n)",
        "optimizer: Adam(\n  learning_rate=ExponentialDecay(0.0001, 10000, 0.96)\n)",
        "train {\n  batch_size: 16  # less\n  gradient_accumulation_steps: 4\n}",
        "input: (3)\nlayers: Dense(3) Dense(4)\nloss: mse",
        "input: a: (1), b: (2)\nAdd()",
        "layers: [Dense(3), Dense(4)]",
    ],
)
def test_bare_snippets_are_one_fragment(snippet: str) -> None:
    (fragment,) = program(snippet).declarations
    assert isinstance(fragment, ast.Fragment)
    assert fragment.items or fragment.sections or fragment.inputs


def test_fragment_holds_inputs_items_and_sections() -> None:
    (fragment,) = program("input: (3)\nlayers: Dense(3)\nloss: mse\nReLU()").fragments
    assert [len(i.dims) for i in fragment.inputs or ()] == [1]
    assert [i.name.text for i in fragment.items] == ["Dense", "ReLU"]
    assert [s.keyword.text for s in fragment.sections] == ["loss"]
    assert program("Dense(1)").fragments[0].inputs is None


def test_declarations_keep_their_order() -> None:
    found = program("Dense(1) network A { } define M { } ReLU() research { } macro K { Dense }")
    assert [type(d).__name__ for d in found.declarations] == [
        "Fragment", "Network", "Macro", "Fragment", "Research", "Macro",
    ]  # fmt: skip


# ---- inputs --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "shapes"),
    [
        ("(3)", [(None, [3])]),
        ("(3,)", [(None, [3])]),
        ("3", [(None, [3])]),
        ("(28, 28, 1)", [(None, [28, 28, 1])]),
        ("[28, 28]", [(None, [28, 28])]),
        ("[(3), (4)]", [(None, [3]), (None, [4])]),
        ("[[3], [4, 5],]", [(None, [3]), (None, [4, 5])]),
        ("(3), (4)", [(None, [3]), (None, [4])]),
        ("(3), (4),", [(None, [3]), (None, [4])]),
        ("shape(3, 4)", [(None, [3, 4])]),
        ("shape (3,), shape (4,)", [(None, [3]), (None, [4])]),
        ("(None, 28)", [(None, [None, 28])]),
        ("(NONE, none)", [(None, [None, None])]),
        ("(seq, 512)", [(None, ["&seq", 512])]),
        ("{a: (3), b: (4)}", [("a", [3]), ("b", [4])]),
        ("{a: (3) b: 4,}", [("a", [3]), ("b", [4])]),
        ("a: (3) b: [4, 5]", [("a", [3]), ("b", [4, 5])]),
        ("a: (3), b: (4),", [("a", [3]), ("b", [4])]),
        ("shape: (3)", [("shape", [3])]),
        ("(-1, 0)", [(None, [-1, 0])]),
    ],
)
def test_inputs(written: str, shapes: list[Any]) -> None:
    for separator in (" ", " ; " if not written.endswith(",") else " "):
        net = network(f"input: {written}{separator}layers: Dense(1)")
        made = [(i.name and i.name.text, [plain(d) for d in i.dims]) for i in net.inputs or ()]
        assert made == shapes
        assert len(net.layers or ()) == 1


def test_comma_after_the_last_shape_ends_the_section() -> None:
    net = network("input: (3), layers: Dense(1), loss: mse, optimizer: Adam, train { a: 1 },")
    assert [s.keyword.text for s in net.sections] == ["loss", "optimizer", "train"]


# ---- sections ------------------------------------------------------------------------------


def test_sections_in_any_order_and_missing_ones() -> None:
    net = network("loss: mse; layers: Dense(1); inputs: (3); metrics: ['a', \"b\"]")
    assert net.inputs
    assert net.layers
    assert plain(net.sections[1].value) == ["a", "b"]
    empty = network("")
    assert (empty.inputs, empty.inputs_span, empty.layers, empty.layers_span) == (None,) * 4
    assert network("layers:").layers == ()


def test_setting_blocks() -> None:
    net = network(
        'train: { epochs: 3, batch_size = 16; shuffle: TRUE @"gpu" nested: {a: none} }'
        ' execute { device: "cuda:0" } hpo { trials: 2 } optimizer: Adam(lr=0.1) { clip: 1 }'
    )
    by_name = {s.keyword.text: s for s in net.sections}
    assert plain(by_name["train"].value) == {
        "epochs": 3, "batch_size": 16, "shuffle": True, "@": "gpu", "nested": {"a": None},
    }  # fmt: skip
    assert plain(by_name["execute"].value) == {"device": "cuda:0"}
    assert plain(by_name["hpo"].value) == {"trials": 2}
    assert by_name["optimizer"].settings is not None
    assert plain(by_name["optimizer"].settings) == {"clip": 1}


def test_keywords_are_names_where_only_a_name_can_stand() -> None:
    net = network(
        "layers: Dense(loss=1, input: 2, layers=train, network=shape)"
        " train { optimizer: sgd, loss: mse, layers: 3 } loss: input"
    )
    (dense,) = net.layers or ()
    assert isinstance(dense, ast.Layer)
    assert [a.name and a.name.text for a in dense.arguments or ()] == [
        "loss", "input", "layers", "network",
    ]  # fmt: skip
    assert plain(net.sections[0].value) == {"optimizer": "&sgd", "loss": "&mse", "layers": 3}
    assert program("network input { }").networks[0].name.text == "input"


def test_section_keyword_ends_the_layers() -> None:
    net = network("layers: Dense(1) loss: mse")
    assert len(net.layers or ()) == 1
    assert net.sections[0].keyword.text == "loss"
    net = network("layers: Dense(1) train { a: 1 }")
    assert net.sections[0].keyword.text == "train"


def test_quoted_values_stay_strings() -> None:
    net = network('optimizer: "Adam(learning_rate=1e-4)" lr_schedule: ExponentialDecay(1, 2, 0.5)')
    assert plain(net.sections[0].value) == "Adam(learning_rate=1e-4)"
    assert plain(net.sections[1].value) == {"ExponentialDecay": [(None, 1), (None, 2), (None, 0.5)]}


# ---- layers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "postfixes", ['* 2 @"cpu" { Dense }', '{ Dense } @"cpu"\n* 2', "@'cpu' * 2 { Dense }"]
)
def test_postfixes_in_any_order(postfixes: str) -> None:
    found = layer(f"Residual(name='r') {postfixes}")
    assert plain(found.repeat) == 2
    assert found.device is not None
    assert found.device.value == "cpu"
    assert found.block is not None
    assert [i.name.text for i in found.block] == ["Dense"]


def test_bare_names_empty_arguments_and_separators() -> None:
    first, second, third = items("Flatten, Flatten(); relu")
    assert isinstance(first, ast.Layer)
    assert isinstance(second, ast.Layer)
    assert first.arguments is None
    assert second.arguments == ()
    assert third.name.text == "relu"


def test_branches() -> None:
    net = network("layers: left: { Dense(1) inner: { ReLU } } right: { } Concatenate()")
    left, right, merge = net.layers or ()
    assert isinstance(left, ast.Branch)
    assert isinstance(right, ast.Branch)
    assert [type(i).__name__ for i in left.items] == ["Layer", "Branch"]
    assert right.items == ()
    assert merge.name.text == "Concatenate"


def test_wrapped_layers_and_positional_arguments() -> None:
    found = layer("Bidirectional(LSTM(64, return_sequences=true), merge_mode: 'sum',)")
    assert [(a.name and a.name.text, plain(a.value)) for a in found.arguments or ()] == [
        (None, {"LSTM": [(None, 64), ("return_sequences", True)]}),
        ("merge_mode", "sum"),
    ]


def test_macros() -> None:
    text = """
    define Block($units, rate=0.1,) { Dense($units * 2) Dropout(rate) }
    macro Plain { Block(3) }
    """
    block, simple = program(text).macros
    assert [(p.name.text, p.default and plain(p.default)) for p in block.parameters] == [
        ("units", None), ("rate", 0.1),
    ]  # fmt: skip
    (dense, dropout) = block.items
    assert isinstance(dense, ast.Layer)
    assert isinstance(dropout, ast.Layer)
    assert plain((dense.arguments or ())[0].value) == ("$units", "*", 2)
    assert plain((dropout.arguments or ())[0].value) == "&rate"
    assert simple.parameters == ()


def test_research_is_kept_as_text() -> None:
    first, second = program(
        'research Study { notes "a }" { x: 1 / 2 %? } # } \n } research { }'
    ).declarations
    assert isinstance(first, ast.Research)
    assert isinstance(second, ast.Research)
    assert first.name is not None
    assert first.name.text == "Study"
    assert first.text == 'notes "a }" { x: 1 / 2 %? } # }'
    assert (second.name, second.text) == (None, "")
    (third,) = program("research R { a { b } and network Dense 3 { } }").declarations
    assert isinstance(third, ast.Research)
    assert third.text == "a { b } and network Dense 3 { }"
    (prose,) = program("research R { it's what we don't know 'yet }' }").declarations
    assert isinstance(prose, ast.Research)
    assert prose.text == "it's what we don't know 'yet }'"


# ---- values --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("3", 3), ("-3", -3), ("0.5", 0.5), (".5", 0.5), ("3.", 3.0),
        ("1e-4", 1e-4), ("2E3", 2000.0),
        ("- 7", -7), ("true", True), ("TRUE", True), ("False", False), ("none", None),
        ("None", None), ("'a'", "a"), ('"a\'b"', "a'b"), (r'"a\"b\\\n\w"', 'a"b\\\n\\w'),
        ("x", "&x"), ("$x", "$x"), ("true_x", "&true_x"), ("()", ()), ("(3)", 3), ("(3,)", (3,)),
        ("(3, 4,)", (3, 4)), ("[]", []), ("[3]", [3]), ("[3, [4]]", [3, [4]]),
        ("1 + 2 * 3", (1, "+", (2, "*", 3))), ("(1 + 2) * 3", ((1, "+", 2), "*", 3)),
        ("8 / 4 / 2", ((8, "/", 4), "/", 2)), ("1 -1", (1, "-", 1)), ("1 - -1", (1, "-", -1)),
        ("f()", {"f": []}), ("f(1, a=2)", {"f": [(None, 1), ("a", 2)]}),
        ("{a: 1, b = f}", {"a": 1, "b": "&f"}),
        ("HPO(choice(1, 2))", {"HPO": {"choice": [(None, 1), (None, 2)]}}),
        ("HPO(range(1, 9, step=2))", {"HPO": {"range": [(None, 1), (None, 9), ("step", 2)]}}),
        ("6 /* x */ / 2 // end", (6, "/", 2)),
    ],
)  # fmt: skip
def test_values(written: str, value: Any) -> None:
    assert plain(parse_expression(written)) == value
    assert type(plain(parse_expression(written))) is type(value)
    assert plain((layer(f"L(a={written}\n)").arguments or ())[0].value) == value


# ---- spans ---------------------------------------------------------------------------------

SPANS = """network Net {
  input: {a: (3, None), b: [x]}
  layers:
    left: { Dense(units=64 + $n, "relu") * 2 }
    Residual(shape=(3, 3)) @"cpu" {
      ReLU
    }
  optimizer: Adam(lr=HPO(choice(1, -2))) {clip: true}
  train { epochs: 3 }
}
define M(p=1) { Dense }
research R { text }
Dense(1)
loss: mse
"""


def nodes(node: Any) -> list[Any]:
    found = [node]
    for field in fields(node):
        value = getattr(node, field.name)
        for child in value if isinstance(value, tuple) else (value,):
            if is_dataclass(child) and not isinstance(child, Span):
                found += nodes(child)
    return found


def test_spans_are_exact() -> None:
    found = {(type(n).__name__, text_at(SPANS, n.span)) for n in nodes(program(SPANS))}
    texts = {text for _, text in found}
    assert {
        ("Name", "Net"), ("Input", "a: (3, None)"), ("Input", "b: [x]"), ("Number", "3"),
        ("NoneLiteral", "None"), ("Reference", "x"), ("Binary", "64 + $n"), ("Reference", "$n"),
        ("Layer", 'Dense(units=64 + $n, "relu") * 2'), ("Argument", "units=64 + $n"),
        ("String", '"relu"'), ("Argument", '"relu"'), ("Number", "2"), ("Sequence", "(3, 3)"),
        ("Branch", 'left: { Dense(units=64 + $n, "relu") * 2 }'), ("String", '"cpu"'),
        ("Layer", 'Residual(shape=(3, 3)) @"cpu" {\n      ReLU\n    }'), ("Layer", "ReLU"),
        ("Section", "optimizer: Adam(lr=HPO(choice(1, -2))) {clip: true}"), ("Number", "-2"),
        ("Call", "Adam(lr=HPO(choice(1, -2)))"), ("Hpo", "HPO(choice(1, -2))"),
        ("Settings", "{clip: true}"), ("Entry", "clip: true"), ("Boolean", "true"),
        ("Section", "train { epochs: 3 }"), ("Macro", "define M(p=1) { Dense }"),
        ("Parameter", "p=1"), ("Research", "research R { text }"),
        ("Fragment", "Dense(1)\nloss: mse"), ("Section", "loss: mse"), ("Reference", "mse"),
    } <= found  # fmt: skip
    assert SPANS[: SPANS.index("\ndefine")] in texts
    net = program(SPANS).networks[0]
    assert text_at(SPANS, net.inputs_span or net.span) == "input: {a: (3, None), b: [x]}"
    assert text_at(SPANS, net.layers_span or net.span).startswith("layers:\n    left")
    assert text_at(SPANS, net.layers_span or net.span).endswith("ReLU\n    }")
    assert all(n.span.file == "t.neural" for n in nodes(program(SPANS)))


def test_parentheses_belong_to_the_value_they_hold() -> None:
    text = "L((1 + 2) * 3)"
    argument = (layer(text).arguments or ())[0]
    assert text_at(text, argument.value.span) == "(1 + 2) * 3"


AST_TEXT = """\
Program @1:1-1:72
  Network N @1:1-1:72
    input: Input @1:20-1:26
      dim: Number 3 @1:21-1:22
      dim: Reference s @1:24-1:25
    Layer Dense @1:35-1:57
      Argument @1:41-1:45
        value: Number -1.5 @1:41-1:45
      Argument a @1:47-1:52
        value: String 'x' @1:49-1:52
      repeat: Number 2 @1:56-1:57
    Branch b @1:58-1:70
      Layer Add arguments=() @1:63-1:68
"""


def test_ast_text() -> None:
    text = 'network N { input: (3, s) layers: Dense(-1.5, a="x") * 2 b: { Add() } }'
    assert print_ast(program(text)) == AST_TEXT
