"""Open choices and `--set`: names, what is chosen, and what cannot be."""

from __future__ import annotations

import json
from typing import Any

import neuralc
import pytest
from neuralc.compiler.checking.check_options import CheckOptions
from neuralc.compiler.checking.checker import check
from neuralc.compiler.checking.model import Model
from neuralc.compiler.checking.reporter import Reporter
from neuralc.compiler.choosing.choosing import open_choices
from neuralc.compiler.syntax.parser import parse
from neuralc.compiler.syntax.source import Source
from neuralc.ir.diagnostic import CompileError, ExitStatus
from neuralc.runtime.model_file import read_metadata

PROGRAM = """
define Block(width=HPO(choice(64, 128))) {
  Dense($width, activation=HPO(categorical("relu", "gelu", default="gelu")))
  Dropout(HPO(range(0.1, 0.5, step=0.1)))
}
network Model {
  input: (28, 28, 1)
  layers:
    Conv2D(HPO(choice(8, 16)), kernel_size=(HPO(choice(3, 5)), HPO(choice(3, 7))))
    Conv2D(4, 3) * HPO(int_range(1, 3))
    Flatten()
    Block() * 2
    ResidualConnection { Dense(64, name="inner") }
    left: { Dense(HPO(int_range(low=2, high=4)) * 16, name="wide") }
    right: { Dense(8) }
    Concatenate()
    Output(10)
  optimizer: Adam(learning_rate=HPO(log_range(1e-4, 1e-2)))
  train { batch_size: HPO(choice(16, 32)) }
}
"""
NAMES = {
    "conv2d[0].filters", "conv2d[0].kernel_size[0]", "conv2d[0].kernel_size[1]", "conv2d.repeat",
    "wide.units", "optimizer.learning_rate", "train.batch_size",
    "Block.width", "dense.activation", "dropout.rate",
}  # fmt: skip


def model_of(source: str, *, defaults: bool = True, **given: str) -> Model:
    options = CheckOptions(set=given, hpo_default=defaults)
    return check(parse(Source("model.neural", source)), options).the_model


def arguments(model: Model, name: str) -> list[dict[str, Any]]:
    return [dict(c.arguments) for c in model.all_calls() if c.spec.name == name]


def refused(source: str, **given: str) -> tuple[str, str, str]:
    with pytest.raises(CompileError) as caught:
        model_of(source, **given)
    assert caught.value.status is ExitStatus.USAGE
    diagnostic = caught.value.diagnostics[0]
    return diagnostic.code, diagnostic.message, diagnostic.help or ""


def network(layers: str) -> str:
    return f"network N {{ input: (8,) layers: {layers} }}"


def test_every_choice_has_a_name_that_means_it() -> None:
    program = parse(Source("model.neural", PROGRAM))
    found = open_choices(program, None, Reporter())
    assert {each.name for each in found} == NAMES
    assert [each.name for each in found if not each.shapes] == [
        "optimizer.learning_rate",
        "train.batch_size",
    ]


def test_defaults_are_the_first_value_the_lower_end_or_what_is_said() -> None:
    model = model_of(PROGRAM)
    assert [a["filters"] for a in arguments(model, "Conv2D")] == [8, 4]
    assert arguments(model, "Conv2D")[0]["kernel_size"] == (3, 3)
    dense = arguments(model, "Dense")
    assert [a["units"] for a in dense] == [64, 64, 64, 32, 8]
    assert dense[0]["activation"] == "gelu"
    assert arguments(model, "Dropout")[0]["rate"] == 0.1
    assert json.loads(model.metadata["optimizer"])["arguments"] == {"learning_rate": 1e-4}


def test_a_choice_in_a_section_may_stay_open() -> None:
    source = network("Dense(2)").replace(
        " }", " optimizer: Adam(learning_rate=HPO(choice(1, 2))) }"
    )
    assert model_of(source, defaults=False).metadata["optimizer"]


def test_values_are_chosen_by_name() -> None:
    given = {
        "conv2d[0].filters": "16",
        "Model/conv2d.repeat": "2",
        "conv2d[0].kernel_size[1]": "7",
        "Block.width": "128",
        "wide.units": "4",
        "dropout.rate": "0.3",
        "optimizer.learning_rate": "1e-3",
    }
    model = model_of(PROGRAM.replace("Dense(64, name", "Dense(128, name"), **given)
    assert [a["filters"] for a in arguments(model, "Conv2D")] == [16, 4, 4]
    assert arguments(model, "Conv2D")[0]["kernel_size"] == (3, 7)
    assert [a["units"] for a in arguments(model, "Dense")] == [128, 128, 128, 64, 8]
    assert arguments(model, "Dropout")[0]["rate"] == 0.3
    assert json.loads(model.metadata["optimizer"])["arguments"] == {"learning_rate": 1e-3}


@pytest.mark.parametrize(
    ("layers", "path", "value", "expected"),
    [
        ("Dense(8) Dense(4)", "dense[1].units", "16", [8, 16]),
        ("Dense(8) Dense(4)", "N/dense[0].units", "16", [16, 4]),
        ("Dense(8) Dense(4, name='b')", "b.units", "16", [8, 16]),
        ("Dense(8) ResidualConnection { Dense(8) }", "residual/dense.units", "8", [8, 8]),
        ("Dense(8, 'relu')", "dense.units", "2 * 8", [16]),
        ("Dense(8) * 2", "dense.repeat", "3", [8, 8, 8]),
        ("Dense(8)", "DENSE.repeat", "3", [8, 8, 8]),
        ("a: { Dense(3) } b: { Dense(4) } Concatenate()", "b/dense.units", "5", [3, 5]),
    ],
)
def test_any_argument_can_be_set(layers: str, path: str, value: str, expected: list[int]) -> None:
    model = model_of(network(layers), **{path: value})
    assert [a["units"] for a in arguments(model, "Dense")] == expected


def test_an_argument_that_is_not_written_can_be_set() -> None:
    model = model_of(network("Dense(8) Dense(4)"), **{"dense[1].activation": "relu"})
    assert [a["activation"] for a in arguments(model, "Dense")] == ["linear", "relu"]
    model = model_of(network("Dense(8)"), **{"dense.use_bias": "false", "dense.name": '"head"'})
    assert arguments(model, "Dense")[0]["use_bias"] is False
    assert model.output == "head"


def test_a_layer_within_a_layer_and_a_macros_use_have_paths() -> None:
    source = "network N { input: (4, 8) layers: TimeDistributed(Dense(3)) }"
    (dense,) = arguments(model_of(source, **{"time_distributed/dense.units": "5"}), "Dense")
    assert dense["units"] == 5
    macro = "define B(n=2) { Dense($n) } network N { input: (8,) layers: B() B(4) }"
    units = [a["units"] for a in arguments(model_of(macro, **{"N/b[1].n": "6"}), "Dense")]
    assert units == [2, 6]
    units = [a["units"] for a in arguments(model_of(macro, **{"B.n": "6"}), "Dense")]
    assert units == [6, 4]


def test_what_was_set_is_checked_as_what_is_written() -> None:
    with pytest.raises(CompileError) as caught:
        model_of(network("Dense(8)"), **{"dense.units": "0"})
    (error,) = caught.value.diagnostics
    assert error.code == "E0207"
    assert error.notes == ("the value was set from outside: --set dense.units=0",)
    assert error.span is not None
    assert error.span.column == network("Dense(8)").index("8)") + 1


@pytest.mark.parametrize(
    ("layers", "path", "value", "code", "said"),
    [
        ("Dense(8)", "dense.unitz", "4", "E0243", "did you mean `dense.units`?"),
        ("Dense(8)", "dence.units", "4", "E0243", "did you mean `dense.units`"),
        ("Dense(8) Dense(8)", "dense.units", "4", "E0243", "N/dense[0].units, N/dense[1].units"),
        ("Dense(8, relu) Dense(8)", "dense.activation", "elu", "E0243", "there are several"),
        ("Dense(8)", "flatten.units", "4", "E0243", "no such place"),
        ("Dense(8)", "dense.units", "(4", "E0244", "cannot be read"),
        ("Dense(8)", "dense.units", "4) Dense(8", "E0244", "not one value"),
        ("Dense(8)", "dense.units", "4, 'relu'", "E0244", "not one value"),
        ("Dense(8)", "dense.units", "HPO(choice(1, 2))", "E0244", "open choice"),
        ("Dense(HPO(choice(4, 8)))", "dense.units", "5", "E0245", "one of 4, 8"),
        ("Dense(HPO(int_range(4, 8)))", "dense.units", "4.5", "E0245", "whole numbers 4 to 8"),
        ("Dense(HPO(int_range(4, 8, 2)))", "dense.units", "5", "E0245", "in steps of 2"),
        ("Dense(8, HPO(choice(relu, tanh)))", "dense.activation", "gelu", "E0245", "relu, tanh"),
        ("Dense((HPO(choice(1, 2)) + HPO(choice(3, 4))))", "dense.units", "4", "E0243", "units[0]"),
    ],
)
def test_what_cannot_be_set_is_refused(
    layers: str, path: str, value: str, code: str, said: str
) -> None:
    found, message, help = refused(network(layers), **{path: value})
    assert found == code
    assert said in message + help


@pytest.mark.parametrize(
    ("hpo", "said"),
    [
        ("choice()", "nothing to choose from"),
        ("range(3)", "from one number to another"),
        ("range(3, 'x')", "from one number to another"),
        ("range(8, 4)", "ends before it begins"),
        ("range(1, 8, step=0)", "a step is a number above 0"),
        ("log_range(0, 1)", "begins above 0"),
        ("choice(1, 2, default=3)", "not among what is offered"),
        ("int_range(1, 4, default=9)", "not among what is offered"),
        ("range(1, 4, stp=1)", "no argument `stp`"),
        ("choice(HPO(choice(1, 2)), 3)", "cannot hold another"),
    ],
)
def test_an_open_choice_is_checked(hpo: str, said: str) -> None:
    with pytest.raises(CompileError) as caught:
        model_of(network(f"Dense(HPO({hpo}))"))
    assert said in caught.value.diagnostics[0].message


def test_all_open_choices_are_listed_at_once_and_other_errors_too() -> None:
    source = network("Dense(HPO(choice(4, 8))) Dropout(HPO(range(0.1, 0.5))) Dense(0)")
    with pytest.raises(CompileError) as caught:
        model_of(source, defaults=False)
    assert [d.code for d in caught.value.diagnostics] == ["E0220", "E0220", "E0207"]
    assert "--set dense[0].units=4" in (caught.value.diagnostics[0].help or "")


def test_the_python_function_and_the_metadata() -> None:
    source = network("Dense(HPO(choice(4, 8))) Dense(3) Dropout(HPO(range(0.1, 0.5)))")
    model = neuralc.compile(source, set={"dense[0].units": 8, "dense[1].use_bias": False},
                            hpo_default=True, lint=False)  # fmt: skip
    metadata = read_metadata(model.to_bytes())
    assert json.loads(metadata["neuralc.choices"]) == {"dense[0].units": 8, "dropout.rate": 0.1}
    options = json.loads(metadata["neuralc.options"])
    assert options["set"] == {"dense[0].units": "8", "dense[1].use_bias": "false"}
