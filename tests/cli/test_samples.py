"""Sample inputs are what a model can really get."""

from __future__ import annotations

from collections.abc import Iterator

import neuralc
import numpy as np
import pytest
from neuralc.compiler.verifying.samples import (
    MIXED,
    InputRole,
    input_roles,
    read_roles,
    sample,
    sizes_for,
)
from neuralc.compiler.verifying.verification import PooledError, cases
from neuralc.ir.diagnostic import CompileError
from neuralc.runtime.inputs import TensorSpec

IDS = """network Ids {
  input: (9)
  layers:
    Embedding(input_dim=11, output_dim=8)
    TransformerEncoder(num_heads=2, d_model=8, dff=16)
}"""
MASK = (InputRole("attention_mask", "int64", ("B", 6), "mask"),)


def test_roles_follow_from_the_graph() -> None:
    graph = neuralc.compile(IDS, padding_mask=True, mask_dtype="bool").source_graph
    roles = {role.name: role for role in input_roles(graph)}
    assert (roles["input_ids"].role, roles["input_ids"].below) == ("ids", 11)
    assert (roles["attention_mask"].role, roles["attention_mask"].dtype) == ("mask", "bool")
    assert [InputRole.from_json(role.as_json()) for role in roles.values()] == list(roles.values())
    ids = sample(tuple(roles.values()), {"B": 300}, 0)["input_ids"]
    assert (ids.min(), ids.max(), ids.dtype) == (0, 10, np.int64)


@pytest.mark.parametrize("padding", ["none", "right", "left", "gapped", "all"])
def test_masks_pad_as_they_are_asked_to(padding: str) -> None:
    rows = sample(MASK, {"B": 50}, 1, padding)["attention_mask"]
    steps = np.diff(rows, axis=1)
    holds = {
        "none": rows.all(),
        "right": (steps <= 0).all() and not rows.all() and rows[:, 0].all(),
        "left": (steps >= 0).all() and not rows.all() and rows[:, -1].all(),
        "gapped": ((steps < 0).any(1) & (steps > 0).any(1)).any(),
        "all": not rows.any(),
    }
    assert holds[padding]


def test_a_mixed_batch_has_a_row_of_each_kind() -> None:
    rows = sample(MASK, {"B": 4}, 3, MIXED)["attention_mask"]
    assert not rows[3].any()
    assert rows[:2].any(axis=1).all()


def test_sizes_come_from_the_wish_then_the_maximum() -> None:
    roles = (InputRole("x", "float32", ("B", "S", 4), "values"),)
    bounds = {"S": {"maximum": 8}}
    assert sizes_for(roles, {}, bounds) == {"B": 1, "S": 8}
    assert sizes_for(roles, {"batch": 3, "seq": 2}, bounds) == {"B": 3, "S": 2}
    with pytest.raises(CompileError, match="E0721"):
        sizes_for(roles, {}, {})
    with pytest.raises(CompileError, match="E0514"):
        sizes_for(roles, {"T": 2}, bounds)


@pytest.mark.parametrize("damaged", ["{", "[1]", '[{"name": "x"}]', "null", '{"a": 1}'])
def test_damaged_roles_are_guessed_instead(damaged: str) -> None:
    specs = (TensorSpec("x", "float32", ("B", None)), TensorSpec("mask", "int64", ("B", 3)))
    roles = read_roles({"neuralc.inputs": damaged}, specs)
    assert [role.role for role in roles] == ["values", "mask"]


def verification_shapes(**options: object) -> Iterator[tuple[int, ...]]:
    graph = neuralc.compile(IDS, **options).source_graph
    return (inputs["input_ids"].shape for inputs in cases(graph))


def test_the_cases_have_one_row_and_several_and_odd_lengths() -> None:
    assert list(verification_shapes()) == [(1, 9), (3, 9)]
    assert list(verification_shapes(dynamic="seq", padding_mask=True)) == [(1, 7), (4, 9), (4, 1)]


def test_an_error_is_infinite_where_the_result_is_not_comparable() -> None:
    for actual in ([1.0], [np.nan, 1.0], [np.inf, 1.0]):
        error = PooledError()
        error.add(np.array(actual), np.array([1.0, 1.0]))
        assert error.maximum == np.inf
    error = PooledError()
    error.add(np.array([np.nan, 3.0, -np.inf]), np.array([np.nan, 1.0, -np.inf]))
    error.add(np.array([1.0]), np.array([1.0]))
    assert (error.maximum, error.rms) == (2.0, pytest.approx(2**0.5))
