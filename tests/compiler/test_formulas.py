"""Lambda's formulas: what they compute, how they bind, what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from neuralc.compiler.layers.formula import FormulaError, read_formula
from on_targets import results

X = np.random.default_rng(0).uniform(0.2, 2, (2, 5)).astype(np.float32)
V = X.astype(np.float64)
FORMULAS = {
    "x": V,
    "x / 255": V / 255,
    "2 * x + 1": 2 * V + 1,
    "1 - x - 2": 1 - V - 2,
    "12 / x / 2": 12 / V / 2,
    "-x ** 2": -(V**2),
    "(-x) ** 2": V**2,
    "x ** 2 ** 0.5": V ** (2**0.5),
    "2 ** -x": 2**-V,
    "--x": V,
    "x * (x + 1) * 1e-1": V * (V + 1) * 0.1,
    "lambda t: max(t, 1) - min(t, .5)": np.maximum(V, 1) - np.minimum(V, 0.5),
    "abs(0 - x) + sqrt(x) + log(x)": V + np.sqrt(V) + np.log(V),
    "relu(x - 1) + sigmoid(x) + tanh(exp(-x))": (
        np.maximum(V - 1, 0) + 1 / (1 + np.exp(-V)) + np.tanh(np.exp(-V))
    ),
    "(1 + 2) * 3 ** 2 / sqrt(81) * x": 3 * V,
}


@pytest.mark.parametrize("formula", FORMULAS)
def test_what_it_computes(formula: str) -> None:
    found, _ = results(f'Lambda("{formula}")', X, "(5,)")
    np.testing.assert_allclose(found, FORMULAS[formula], rtol=1e-6)


@pytest.mark.parametrize(
    ("formula", "start", "end"),
    [
        ("", 0, 0),
        ("x +", 3, 3),
        ("(x", 2, 2),
        ("x $ 2", 2, 3),
        ("open(x)", 0, 4),
        ("x.__class__", 0, 11),
        ("exp", 3, 3),
        ("exp()", 4, 5),
        ("x, x", 1, 2),
        ("x, 2", 1, 2),
        ("[x]", 0, 1),
        ("x if x else 1", 2, 4),
        ("(" * 60 + "x" + ")" * 60, 50, 51),
        ("2 ** " * 60 + "x", 250, 251),
        ("x + " * 300 + "x", 0, 1201),
        ("9 ** 9 ** 9 * x", 10, 11),
        ("(-8) ** 0.5 * x", 8, 11),
        ("log(0) + x", 5, 6),
    ],
)
def test_what_is_no_formula_is_told_at_its_place(formula: str, start: int, end: int) -> None:
    with pytest.raises(FormulaError) as caught:
        read_formula(formula)
    assert (caught.value.start, caught.value.end) == (start, end)


@given(st.text('x0123456789.e+-*/() ,abslogminlambda:^"\\é\n', max_size=40))
@settings(max_examples=300, deadline=None)
def test_no_text_makes_it_fail_otherwise(text: str) -> None:
    places = (0, 0)
    try:
        assert read_formula(text).ops <= len(text)
    except FormulaError as wrong:
        places = wrong.start, wrong.end
    assert 0 <= places[0] <= places[1] <= len(text)
