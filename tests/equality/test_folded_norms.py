"""Batch norms within weights: as exact as beside them, with statistics that are not 0 and 1."""

from __future__ import annotations

import pytest
from exactness import Check, Variant
from random_programs import Program

DRAWN = (
    "gamma_initializer=RandomUniform(0.5, 1.5), beta_initializer=RandomUniform(-0.5, 0.5), "
    "moving_mean_initializer=RandomUniform(-0.5, 0.5), "
    "moving_variance_initializer=RandomUniform(0.5, 2.0)"
)
NORM = f"BatchNormalization({DRAWN})"
BIAS = "bias_initializer=RandomUniform(-0.5, 0.5)"
PROGRAMS = {
    "convolutions": (
        "(7, 6, 4)",
        f"Conv2D(6, 3, groups=2, {BIAS}) {NORM} ReLU() Conv2D(4, 2, use_bias=false) {NORM}",
        2,
    ),
    "before convolutions": (
        "(6, 6, 4)",
        f'{NORM} Conv2D(6, 2, strides=2, groups=2) ReLU() {NORM} Conv2D(4, 2, padding="same")',
        1,
    ),
    "products": ("(5, 8)", f"Dense(6, use_bias=false) {NORM} ReLU() {NORM} Dense(4, {BIAS})", 2),
    "a sequence of open length": ("(9, 4)", f"Conv1D(6, 3, {BIAS}) {NORM} Dense(3)", 1),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_folded_norms_are_as_exact(name: str) -> None:
    shape, layers, folded = PROGRAMS[name]
    open_axis = {"dynamic": ("seq",)} if "open" in name else {}
    written = Program(
        f"network N {{ input: {shape} layers: {layers} }}",
        {"seed": 3, **open_axis},
        9 if open_axis else 0,
    )
    check = Check(written, (Variant(2, "cpu", True), Variant(2, "portable")))
    model = check.compile(Variant(2), 3)
    assert model is not None
    told = [each for each in model.report.remarks if "is in the weights of" in each.message]
    assert len(told) == folded
    assert check.run(cases_per_seed=3, seeds=1) == []
