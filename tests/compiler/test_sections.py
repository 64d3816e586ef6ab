"""Sections about training: names, types, ranges, and the metadata that is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import neuralc
import pytest
from neuralc.compiler.checking.checker import check
from neuralc.compiler.syntax.parser import parse
from neuralc.compiler.syntax.source import Source
from neuralc.compiler.training.losses import LOSSES
from neuralc.compiler.training.metrics import METRICS
from neuralc.compiler.training.optimizers import OPTIMIZERS
from neuralc.compiler.training.schedules import SCHEDULES
from neuralc.ir.diagnostic import Severity
from neuralc.runtime.model_file import read_metadata

SCHEMA = json.loads(
    (Path(neuralc.__file__).parent / "docs" / "metadata.schema.json").read_text("utf-8")
)
NETWORKS = Path(__file__).parent.parent / "equality" / "networks"


def network(sections: str, layers: str = "Dense(3)") -> str:
    return f"network N {{ input: (4,) layers: {layers} {sections} }}"


def told(sections: str) -> list[tuple[str, str, str]]:
    """Code, the text pointed at, and the help of what is said."""
    source = network(sections)
    result = check(parse(Source("t", source)))
    return [
        (d.code, source[d.span.column - 1 : d.span.end_column - 1] if d.span else "", d.help or "")
        for d in result.diagnostics
    ]


def kept(sections: str) -> dict[str, Any]:
    result = check(parse(Source("t", network(sections))))
    assert not [d for d in result.diagnostics if d.severity is Severity.ERROR]
    return {key: json.loads(text) for key, text in result.models[0].metadata.items()}


@pytest.mark.parametrize(
    ("sections", "code", "place", "help"),
    [
        ("optimizer: Adam(learning_rate=-1)", "E0207", "-1", ""),
        ("optimizer: Adam(0)", "E0207", "0", ""),
        ("optimizer: Adam(learning_rate='big')", "E0206", "'big'", ""),
        ("optimizer: Adam(beta_1=1.0)", "E0207", "1.0", ""),
        ("optimizer: Adam(betas=(0.9, 0.999, 0.9))", "E0206", "(0.9, 0.999, 0.9)", ""),
        ("optimizer: Adam(betas=(0.9, 1.5))", "E0207", "1.5", ""),
        ("optimizer: SGD(0.1, momentum=2)", "E0207", "2", ""),
        ("optimizer: SGD(0.1, nesterov=1)", "E0206", "1", "write true"),
        ("optimizer: SGD(0.1, lr=0.2)", "E0209", "lr", ""),
        ("optimizer: Adam(momentum=0.9)", "W0203", "momentum", ""),
        ("optimizer: Adam(learning_rat=0.9)", "W0203", "learning_rat", "`learning_rate`"),
        ("optimizer: Adum(0.1)", "W0206", "Adum", "`Adam`"),
        ("optimizer: 3", "E0229", "3", "for example"),
        ("optimizer: Adam(ExponentialDecay(0.1))", "E0205", "ExponentialDecay", "decay_rate"),
        ("optimizer: Adam(ExponentialDecai(0.1))", "W0206", "ExponentialDecai", "`Exponential"),
        ("lr_schedule: StepDecay(0.1, step_size=0)", "E0207", "0", ""),
        ("lr_schedule: PiecewiseConstantDecay([9, 5], [1, 2, 3])", "E0252",
         "PiecewiseConstantDecay", ""),
        ("lr_schedule: PiecewiseConstantDecay([5], [1, 2, 3])", "E0252",
         "PiecewiseConstantDecay", "one value more"),
        ("loss: [1]", "E0229", "[1]", "for example"),
        ("loss: BinaryCrossentropy(label_smoothing=1.5)", "E0207", "1.5", ""),
        ("loss: huber(delta=0)", "E0207", "0", ""),
        ("loss: mean_squared_eror", "W0206", "mean_squared_eror", "`mean_squared_error`"),
        ("loss: { score: mse }", "W0224", "score", "`output`"),
        ("metrics: [acuracy]", "W0206", "acuracy", "`accuracy`"),
        ("metrics: [3]", "E0229", "3", "for example"),
        ("metrics: [TopKCategoricalAccuracy(k=0)]", "E0207", "0", ""),
        ("train { epochs: 0 }", "E0207", "0", ""),
        ("train { epochs: 2.5 }", "E0206", "2.5", ""),
        ("train { epoch: 2 }", "W0203", "epoch", "`epochs`"),
        ("train { validation_split: 1.0 }", "E0207", "1.0", ""),
        ("train { batch_size: 8, batch_size: 9 }", "E0209", "batch_size", ""),
        ("train { early_stopping: { pacience: 3 } }", "W0203", "pacience", "`patience`"),
        ("train { search_method: baysian }", "E0208", "baysian", "`bayesian`"),
        ('execution { device: "abacus" }', "E0227", '"abacus"', "cpu"),
        ('execution { @ "abacus" }', "E0227", '"abacus"', "cpu"),
        ("execution { gradient_checkpointing: 3 }", "E0206", "3", ""),
        ("hpo { direction: upwards }", "E0208", "upwards", "minimize"),
    ],
)  # fmt: skip
def test_a_mistake_is_pointed_at(sections: str, code: str, place: str, help: str) -> None:
    ((found, at, said),) = told(sections)
    assert (found, at) == (code, place)
    assert help in said


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ('loss: "MSE"', {"loss": {"name": "mean_squared_error", "arguments": {}}}),
        ("loss: SparseCategoricalCrossEntropy(from_logits=True)",
         {"loss": {"name": "sparse_categorical_crossentropy",
                   "arguments": {"from_logits": True}}}),
        ("loss: unheard(3, x=4)", {"loss": {"name": "unheard", "arguments": {"0": 3, "x": 4}}}),
        ("loss: { output: mse }",
         {"loss": {"output": {"name": "mean_squared_error", "arguments": {}}}}),
        ("optimizer: sgd", {"optimizer": {"name": "SGD", "arguments": {}}}),
        ("optimizer: SGD(0.1, 0.9)",
         {"optimizer": {"name": "SGD", "arguments": {"learning_rate": 0.1, "momentum": 0.9}}}),
        ("optimizer: Adam { lr: 0.1, beta_1: 0.8 }",
         {"optimizer": {"name": "Adam", "arguments": {"learning_rate": 0.1, "beta_1": 0.8}}}),
        ('optimizer: "AdamW(learning_rate=1e-4, weight_decay=0.01)"',
         {"optimizer": {"name": "AdamW",
                        "arguments": {"learning_rate": 1e-4, "weight_decay": 0.01}}}),
        ("optimizer: Adam(CosineDecay(0.1, 1000))",
         {"optimizer": {"name": "Adam", "arguments": {"learning_rate": {
             "name": "CosineDecay",
             "arguments": {"initial_learning_rate": 0.1, "decay_steps": 1000}}}}}),
        ("optimizer: Adam(learning_rate=HPO(log_range(1e-4, 1e-2)))",
         {"optimizer": {"name": "Adam", "arguments": {"learning_rate": {
             "open": "log_range", "low": 1e-4, "high": 1e-2}}}}),
        ("loss: HPO(choice(mse, mae))",
         {"loss": {"open": "choice", "values": ["mse", "mae"]}}),
        ('metrics: ["accuracy", Precision(top_k=3)]',
         {"metrics": [{"name": "accuracy", "arguments": {}},
                      {"name": "precision", "arguments": {"top_k": 3}}]}),
        ("metrics: mae", {"metrics": [{"name": "mean_absolute_error", "arguments": {}}]}),
        ("training { epochs: 3; early_stopping: { patience: 2 } }",
         {"train": {"epochs": 3, "early_stopping": {"patience": 2}}}),
        ("execute: { @ 'cuda:1' mixed_precision: true }",
         {"execution": {"device": "cuda:1", "mixed_precision": True}}),
    ],
)  # fmt: skip
def test_what_is_kept(sections: str, expected: dict[str, Any]) -> None:
    assert kept(sections) == expected


@pytest.mark.parametrize("table", [LOSSES, METRICS, OPTIMIZERS, SCHEDULES])
def test_parameters_have_defaults_of_their_own_type(table: Any) -> None:
    """What is not given would pass its own check."""
    for spec in set(table.values()):
        for parameter in spec.parameters:
            if parameter.required or parameter.default is None:
                continue
            default = parameter.default
            if parameter.minimum is not None:
                assert default >= parameter.minimum, (spec.name, parameter.name)
            if parameter.above is not None:
                assert default > parameter.above, (spec.name, parameter.name)
            if parameter.below is not None:
                assert default < parameter.below, (spec.name, parameter.name)
            assert parameter.doc


def test_devices_of_layers_are_kept() -> None:
    source = network("", "Dense(3) @ 'cuda:0' ResidualConnection { Dense(3) } @ 'cpu' Dense(2)")
    (model,) = check(parse(Source("t", source))).models
    assert json.loads(model.metadata["devices"]) == {
        "dense[0]": "cuda:0",
        "residual[0]": "cpu",
        "residual[0]/dense[0]": "cpu",
    }


def as_object(content: bytes) -> dict[str, Any]:
    entries = read_metadata(content)
    version = entries.pop("neuralc.version")
    return {"neuralc.version": version} | {k: json.loads(v) for k, v in entries.items()}


@pytest.mark.parametrize("path", sorted(NETWORKS.glob("*.neural")), ids=lambda path: path.stem)
def test_the_metadata_of_every_network_obeys_the_schema(path: Path) -> None:
    model = neuralc.compile(path, opt_level=0, lint=False)
    jsonschema.validate(as_object(model.to_bytes()), SCHEMA)


def test_the_metadata_of_rich_sections_obeys_the_schema() -> None:
    source = """
    research Idea { a text }
    network N {
      input: (4,)
      layers: Dense(HPO(choice(3, 5)), name="scores") @ "cuda:0"
      loss: { scores: Huber(delta=2) }
      optimizer: Adam(ExponentialDecay(0.1, 100, 0.9)) { clipnorm: 1.0 }
      lr_schedule: HPO(choice(StepDecay(0.1), CosineDecay(0.1, 10)))
      metrics: { scores: ["mae", R2Score()] }
      train { epochs: 3, early_stopping: true, data: { path: "x" } }
      execution { device: "auto" }
      hpo { num_trials: 3 }
    }"""
    model = neuralc.compile(source, hpo_default=True, lint=False, verify=True)
    found = as_object(model.to_bytes())
    jsonschema.validate(found, SCHEMA)
    assert {"research", "devices", "hpo", "neuralc.choices", "neuralc.verification"} <= set(found)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(found | {"loss": "mse"}, SCHEMA)
