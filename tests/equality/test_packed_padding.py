"""The guide's networks with padding left out: as exact as with it, and nobody reads it.

The networks are too small for the compiler to leave padding out by itself, so it is asked to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import neuralc
import numpy as np
import onnxruntime as ort
import pytest
from exactness import Check, Variant
from neuralc.ir.interpreter import interpret
from random_programs import Program

PACKED = {
    "attention_with_positional_encoding": 1,
    "bidirectional_attention": 1,
    "causal_attention": 0,
    "encoder_decoder_with_cross_attention": 1,
    "multi_head_example": 0,
    "nlp_attention": 1,
    "self_attention_example": 1,
    "time_series_attention": 1,
    "vision_attention": 1,
    "visualizable_attention": 1,
}
"""How many masks have padding to leave out: none where the output shows every position."""
OF_POSITIONS = [name for name, masks in PACKED.items() if masks and name != "vision_attention"]
"""Those whose inputs the mask tells apart; a pixel belongs to no position."""
LENGTHS = {"S": 7, "T": 5}

Inputs = dict[str, np.ndarray]
Run = Callable[[Inputs], list[np.ndarray]]


def test_every_network_stays_as_exact(network: str, network_source: Callable[[str], str]) -> None:
    number = list(PACKED).index(network)
    dtype = ("int64", "bool", "float32")[number % 3]
    options: dict[str, Any] = {"padding_mask": True, "padding": "packed", "mask_dtype": dtype}
    if network != "vision_attention" and number % 4:
        options["dynamic"] = ("seq",)
    written = Program(network_source(network), options, 8 if "dynamic" in options else 0)
    variants = (Variant(2, "cpu", True), Variant(2, "portable"))
    assert Check(written, variants).run(cases_per_seed=5, seeds=1) == []


def compiled(source: str, **options: object) -> tuple[neuralc.CompiledModel, Run]:
    model = neuralc.compile(
        source, padding_mask=True, dynamic="seq", padding="packed", lint=False, **options
    )
    session = ort.InferenceSession(model.to_bytes(), providers=["CPUExecutionProvider"])
    return model, lambda inputs: session.run(None, inputs)


def test_what_shows_padding_keeps_it_and_nothing_else_does(
    network: str, network_source: Callable[[str], str]
) -> None:
    model, _ = compiled(network_source(network))
    counted = [node for node in model.target_graph.nodes() if node.op == "nonzero"]
    assert len(counted) == PACKED[network]
    remarks = [each.message for each in model.report.remarks]
    assert any("padding" in each for each in remarks)


@pytest.mark.parametrize("packed", OF_POSITIONS)
def test_what_stands_at_padding_positions_reaches_nothing(
    packed: str, network_source: Callable[[str], str], sampler: Callable[..., Inputs]
) -> None:
    """Not even what is infinite or not a number, and no id that the table does not have."""
    model, run = compiled(network_source(packed))
    for padding in ("right", "left", "gapped", "all"):
        inputs = sampler(model.source_graph, 3, 1, padding, **LENGTHS)
        masked = inputs["attention_mask"] == 0
        # Every row keeps its first position.
        masked[:, 0] = False
        before = run(inputs)
        name = "input_ids" if "input_ids" in inputs else "input"
        for other in (np.nan, np.inf, 1e30) if name == "input" else (10**9, -(10**9)):
            changed = inputs[name].copy()
            changed[masked] = other
            for old, new in zip(before, run(inputs | {name: changed}), strict=True):
                assert np.array_equal(old, new)
                assert np.isfinite(new).all()


@pytest.mark.parametrize("target", ["cpu", "portable"])
def test_a_member_that_is_not_a_number_reaches_no_other(
    target: str, network_source: Callable[[str], str], sampler: Callable[..., Inputs]
) -> None:
    """A padding position must read some row: one of its own member, whose zero weight it meets."""
    model, run = compiled(network_source("bidirectional_attention"), target=target)
    inputs = sampler(model.source_graph, 3, 0, "none", **LENGTHS)
    inputs["attention_mask"][0, 4:] = 0
    inputs["attention_mask"][2, :4] = 0
    (before,) = run(inputs)
    inputs["input"][1] = np.nan
    (after,) = run(inputs)
    assert np.isnan(after[1]).all()
    assert np.array_equal(before[[0, 2]], after[[0, 2]])


def test_a_batch_of_padding_alone_gives_what_the_program_means(
    network_source: Callable[[str], str], sampler: Callable[..., Inputs]
) -> None:
    for network in ("nlp_attention", "encoder_decoder_with_cross_attention"):
        model, run = compiled(network_source(network))
        for batch in (1, 3):
            inputs = sampler(model.source_graph, batch, 0, "none", **LENGTHS)
            inputs["attention_mask"][:] = 0
            expected = interpret(model.source_graph, inputs)
            for found, wanted in zip(run(inputs), expected.values(), strict=True):
                np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("index", [0, -1])
@pytest.mark.parametrize("block", ["TransformerEncoder", "TransformerDecoder"])
def test_one_position_that_stands_for_all_is_computed_as_ever(block: str, index: int) -> None:
    source = f"""network N {{
      input: (9,)
      layers:
        Embedding(input_dim=50, output_dim=16)
        {block}(num_heads=2, d_model=16, dff=24, use_attention_mask=true) * 2
        SelectPosition({index})
        Dense(5)
    }}"""
    options = {"padding_mask": True, "padding": "packed", "dynamic": ("seq",)}
    written = Program(source, options, 9)
    assert Check(written, (Variant(2, "cpu", True),)).run(cases_per_seed=10, seeds=1) == []
    model = neuralc.compile(source, lint=False, **options)
    products = [node for node in model.target_graph.nodes() if node.op == "linear"]
    padded = [node for node in products if str(node.result.type.shape[0]) not in ("P", "B")]
    assert padded == []
