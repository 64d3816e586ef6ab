"""Every construct of the language, with what it means: production by production of the grammar.

A case is a program, or what stands within one, and the units of its Dense layers in the order of
the network, which tell what was expanded to what.
"""

from __future__ import annotations

import json

import pytest
from neuralc.compiler.building.builder import build
from neuralc.compiler.checking.check_options import CheckOptions
from neuralc.compiler.checking.checker import check
from neuralc.compiler.checking.model import Model
from neuralc.compiler.syntax.parser import parse
from neuralc.compiler.syntax.source import Source
from neuralc.ir.diagnostic import Severity


def model(text: str, **options: object) -> Model:
    """The only model of a program that is right."""
    result = check(parse(Source("t", text)), CheckOptions(**options))  # type: ignore[arg-type]
    assert [d for d in result.diagnostics if d.severity is Severity.ERROR] == []
    found = result.the_model
    build(found)
    return found


def units(text: str, **options: object) -> list[int]:
    return [
        c.arguments["units"] for c in model(text, **options).all_calls() if "units" in c.arguments
    ]


def network(layers: str, shape: str = "(8,)", more: str = "") -> str:
    return f"network N {{ input: {shape} layers: {layers} {more} }}"


@pytest.mark.parametrize(
    ("define", "layers", "expected"),
    [
        ("define B { Dense(3) }", "B()", [3]),
        ("define B() { Dense(3) }", "B", [3]),
        ("macro B(n) { Dense($n) }", "B(3)", [3]),
        ("define B(n) { Dense(n) }", "B(n=3)", [3]),
        ("define B(n) { Dense(n) }", "B(n: 3)", [3]),
        ("define B($n) { Dense($n) }", "B(3)", [3]),
        ("define B(n=4,) { Dense($n) }", "B() B(5,)", [4, 5]),
        ("define B(n, m=$n * 2) { Dense($n) Dense(m) }", "B(3)", [3, 6]),
        (
            "define B(n) { Dense($n * 2 + 1) Dense(($n + 1) * 2) Dense($n - 1) Dense(12 / $n) }",
            "B(3)",
            [7, 8, 2, 4],
        ),
        ("define B(n) { Dense(-$n + 10) }", "B(3)", None),
        ("define B(n) { Dense($n) * $n }", "B(2)", [2, 2]),
        ("define B(n) { Dense($n) * (n + 1) }", "B(2)", [2, 2, 2]),
        ("define B { Dense(3) }", "B() * 2", [3, 3]),
        ("define B { Dense(3) Dense(4) }", "b * 2", [3, 4, 3, 4]),
        ("define A { Dense(3) } define B { A() * 2 Dense(4) }", "B()", [3, 3, 4]),
        ("define B { A() } define A { Dense(3) }", "B()", [3]),
        ("define B(act) { Dense(3, activation=$act) Dense(4, act) }", "B(relu)", [3, 4]),
        ("define B(act='relu') { Dense(3, act) }", 'B("tanh")', [3]),
        ("define B { left: { Dense(3) } right: { Dense(3) } }", "B() Add()", [3, 3]),
        ("define B { ResidualConnection { Dense(8) } }", "B() * 2", [8, 8]),
        ("define B { Dense(3) }", "ResidualConnection { B() Dense(8) }", [3, 8]),
        ("define B(block) { Dense(block.units) }", "B({ units: 3 })", None),
    ],
)
def test_macros(define: str, layers: str, expected: list[int] | None) -> None:
    text = f"{define}\n{network(layers)}"
    if expected is None:
        diagnostics = _told(text)
        assert [d for d in diagnostics if d.severity is Severity.ERROR]
    else:
        assert units(text) == expected
        assert units(f"{network(layers)}\n{define}") == expected


def _told(text: str) -> list:  # type: ignore[type-arg]
    from neuralc.ir.diagnostic import CompileError

    try:
        return list(check(parse(Source("t", text))).diagnostics)
    except CompileError as error:
        return list(error.diagnostics)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ("Dense(3)", [3]),
        ("[Dense(3), Dense(4)]", [3, 4]),
        ("[Dense(3) Dense(4);]", [3, 4]),
        ("Dense(3), Dense(4); Dense(5)", [3, 4, 5]),
        ("Dense(3)\n* 2", [3, 3]),
        ("Dense(3) * 2 Dense(4)", [3, 3, 4]),
        ('Dense(3) * 2 @"cpu"', [3, 3]),
        ('Dense(3) @"cuda:1" * 2', [3, 3]),
        ("ResidualConnection { Dense(8) } * 2", [8, 8]),
        ('ResidualConnection @"gpu" { Dense(8) } * 2', [8, 8]),
        ("ResidualConnection * 2 { Dense(8) }", [8, 8]),
        ("ResidualConnection() { Dense(8) * 3 }", [8, 8, 8]),
        ("ResidualConnection { ResidualConnection { Dense(8) } Dense(8) }", [8, 8]),
        ("DENSE(3) dense(4) dEnSe(5)", [3, 4, 5]),
        ("Dense(units=3, activation='relu', )", [3]),
        ("Dense(units: 3, activation: relu)", [3]),
        ("Dense(3, relu, false)", [3]),
        ("a: { Dense(3) }, b: { Dense(4) }; Concatenate()", [3, 4]),
        ("a: {} b: { Dense(8) } Add() Dense(2)", [8, 2]),
        ("Parallel { Dense(3) x: { Dense(4) Dense(5) } Dense(6) * 2 }", [3, 4, 5, 6, 6]),
        ("Bidirectional(Dense(3))", None),
    ],
)
def test_layers(layers: str, expected: list[int] | None) -> None:
    text = network(layers)
    if expected is None:
        assert [d.code for d in _told(text)] == ["E0241"]
    else:
        assert units(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("3", 3),
        ("3.0", 3),
        ("1e1", 10),
        ("(3)", 3),
        ("2 + 3", 5),
        ("2 * 3 + 1", 7),
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("8 / 2", 4),
        ("9 - 2 - 3", 4),
        ("24 / 2 / 3", 4),
        ("- -3", None),
        ("10 + -3", 7),
        (".5 * 8", 4),
        ("0x10", None),
        ("1_000", None),
        ("HPO(choice(3, 4))", 3),
        ("HPO(categorical(5))", 5),
        ("HPO(int_range(6, 8))", 6),
        ("HPO(range(7, 9, step=1))", 7),
        ("HPO(log_range(8, 64))", 8),
        ("HPO(choice(3, 4, default=4))", 4),
        ("2 * HPO(choice(3, 4))", 6),
    ],
)
def test_values(value: str, expected: int | None) -> None:
    text = network(f"Dense({value})")
    if expected is None:
        assert [d for d in _told(text) if d.severity is Severity.ERROR]
    else:
        assert units(text, hpo_default=True) == [expected]


@pytest.mark.parametrize("word", ["true", "True", "TRUE", "false", "False", "none", "None", "NONE"])
def test_words_of_any_case(word: str) -> None:
    argument = "kernel_initializer" if word.lower() == "none" else "use_bias"
    (call,) = model(network(f"Dense(3, {argument}={word})")).all_calls()
    expected = {"true": True, "false": False, "none": None}[word.lower()]
    assert call.arguments[argument] == expected


@pytest.mark.parametrize("text", ['"relu"', "'relu'", "relu", '"re\\u006cu"', "RELU"])
def test_texts(text: str) -> None:
    if "\\" in text:
        assert _told(network(f"Dense(3, activation={text})"))
    else:
        (call,) = model(network(f"Dense(3, activation={text})")).all_calls()
        assert call.arguments["activation"] == "relu"


def test_escapes_in_texts() -> None:
    from neuralc.compiler.syntax import ast

    (fragment,) = parse(Source("t", r"""A("a\"b\n\t\\", 'c\'d')""")).fragments
    (item,) = fragment.items
    assert isinstance(item, ast.Layer)
    texts = [a.value.value for a in item.arguments or () if isinstance(a.value, ast.String)]
    assert texts == ['a"b\n\t\\', "c'd"]


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ("8", {"input": "(B, 8)"}),
        ("(8)", {"input": "(B, 8)"}),
        ("(8,)", {"input": "(B, 8)"}),
        ("[8]", {"input": "(B, 8)"}),
        ("shape(8)", {"input": "(B, 8)"}),
        ("(4, 8)", {"input": "(B, 4, 8)"}),
        ("[4, 8]", {"input": "(B, 4, 8)"}),
        ("(4, 8),", {"input": "(B, 4, 8)"}),
        ("(None, 8)", {"input": "(B, 8)"}),
        ("(seq, 8)", {"input": "(B, seq, 8)"}),
        ("x: (4, 8)", {"x": "(B, 4, 8)"}),
        ("{ x: (4, 8) }", {"x": "(B, 4, 8)"}),
    ],
)
def test_inputs(inputs: str, expected: dict[str, str]) -> None:
    for word in ("input", "inputs"):
        found = model(f"network N {{ {word}: {inputs} layers: Dense(3) }}")
        shapes = {e.name: f"({', '.join(map(str, e.type.shape))})" for e in found.inputs}
        assert shapes == expected


@pytest.mark.parametrize(
    "inputs",
    ["(4,), (8,)", "[(4), (8)]", "{ a: (4,), b: (8,) }", "{ a: (4) b: shape(8) }", "a: (4) b: (8)",
     "[(4,), (8,),]"],
)  # fmt: skip
def test_several_inputs(inputs: str) -> None:
    names = ("a", "b") if "a:" in inputs else ("input_1", "input_2")
    first, second = names
    layers = f"{first}: {{ Dense(3) }} {second}: {{ Dense(4) }} Concatenate()"
    for text in (layers,):
        result = check(parse(Source("t", f"network N {{ input: {inputs} layers: {text} }}")))
        errors = [d for d in result.diagnostics if d.severity is Severity.ERROR]
        if errors:  # inputs without names have names of their own: the message says which
            assert "a:" not in inputs
            continue
        assert [each.name for each in result.the_model.inputs] == list(names)


SECTIONS = {
    "loss": ("loss: mse", 'loss: "mse",', "loss: MeanSquaredError();"),
    "optimizer": ("optimizer: Adam", "optimizer: Adam(1e-3) { clipnorm: 1 };", "optimizer: 'sgd'"),
    "lr_schedule": ("lr_schedule: CosineDecay(0.1, 100)", "lr_schedule: StepDecay(0.1);"),
    "metrics": ("metrics: [mae]", 'metrics: ["mae", "mse"],', "metrics: mae"),
    "train": ("train { epochs: 3 }", "training: { epochs = 3; batch_size: 2, };", "train: {}"),
    "execution": ('execution { device: "cpu" }', 'execute: { @"cuda:0" },'),
    "hpo": ("hpo { num_trials: 3 }", "hpo: { num_trials = 3 };"),
}


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in SECTIONS.items() for text in texts]
)
def test_sections_in_any_place(name: str, text: str) -> None:
    for order in (
        f"{text} input: (8,) layers: Dense(3)",
        f"input: (8,) {text} layers: Dense(3)",
        f"input: (8,) layers: Dense(3) {text}",
        f"layers: Dense(3) {text} input: (8,)",
    ):
        found = model(f"network N {{ {order} }}")
        assert name in found.metadata
        json.loads(found.metadata[name])


def test_comments_of_three_kinds_anywhere() -> None:
    text = """# one
    // two
    network /* three */ N { # four
      input: ( /* five */ 8 , ) // six
      layers: Dense( # seven
        3 /* eight
        */ , activation /* nine */ = "re" /* ten */ )
    } # eleven"""
    assert [d.code for d in _told(text)] == ["E0208"]
    assert units(text.replace('"re"', '"relu"')) == [3]
    assert units(network('Dense(3, name="a#b//c")').replace('"a#b//c"', '"abc"')) == [3]


def test_several_networks_research_and_fragments_in_one_file() -> None:
    text = """research { free text "with } braces" { a: b } }
    network A { input: (8,) layers: Dense(3) }
    define B { Dense(4) }
    research Notes { more }
    network C { input: (8,) layers: B() * 2 }"""
    assert units(text, network="A") == [3]
    found = model(text, network="C")
    assert [c.arguments["units"] for c in found.all_calls()] == [4, 4]
    assert set(json.loads(found.metadata["research"])) == {"", "Notes"}


def test_fragments() -> None:
    text = "Dense(3) * 2; Dropout(0.1), ResidualConnection { Dense(3) }"
    assert units(text, input=(8,)) == [3, 3, 3]
    assert units("loss: mse Dense(3) optimizer: Adam", input=(8,)) == [3]
    assert not _told("Conv2D(8, 3) Dense(3) LSTM(4)")  # each by itself: no shape flows
    assert [d.code for d in _told("Conv2D(8, 3) Dense(0) LSTM(4)")] == ["E0207"]


def test_a_macro_in_front_of_a_layer_of_its_name() -> None:
    text = f"define Dense(n) {{ Dense($n) Dense($n + 1) }}\n{network('Dense(3)')}"
    assert [d.code for d in _told(text)] == ["W0202"]
    assert units(text) == [3, 4]


def test_devices() -> None:
    text = network('Dense(3) @"cuda:0" ResidualConnection { Dense(3) @"cpu" } @"GPU"')
    found = model(text)
    assert json.loads(found.metadata["devices"]) == {
        "dense[0]": "cuda:0",
        "residual[0]": "gpu",
        "residual[0]/dense[0]": "cpu",
    }
