"""Symbolic dimensions: one canonical form, arithmetic that agrees with numbers, text that reads
back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from neuralc.ir.dim import (
    Dim,
    SymbolicDim,
    evaluate,
    largest,
    parse_dim,
    product,
    symbol,
    symbols_of,
)
from neuralc.ir.ops.rules import certainly_exceeds, is_negative, smallest

A, B = symbol("A", 1, 10), symbol("B", 2, 20)


def leaf(pair: tuple[str, int]) -> tuple[Dim, str]:
    return {"A": (A, "a"), "B": (B, "b")}.get(pair[0], (pair[1], str(pair[1])))


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> tuple[Dim, str]:
    """A dimension, and the same as a Python expression over a and b."""
    if depth == 0 or draw(st.booleans()):
        return leaf((draw(st.sampled_from("AB#")), draw(st.integers(-5, 5))))
    left, left_text = draw(expressions(depth - 1))
    operator = draw(st.sampled_from(["+", "-", "*", "//", "neg"]))
    if operator == "neg":
        return -left, f"(-{left_text})"
    if operator == "//":
        divisor = draw(st.integers(1, 4))
        return left // divisor, f"({left_text}//{divisor})"
    right, right_text = draw(expressions(depth - 1))
    value = {"+": left + right, "-": left - right, "*": left * right}[operator]
    return value, f"({left_text}{operator}{right_text})"


@given(expressions(), st.integers(1, 10), st.integers(2, 20))
def test_arithmetic_agrees_with_numbers(case: tuple[Dim, str], a: int, b: int) -> None:
    dim, text = case
    assert evaluate(dim, {"A": a, "B": b}) == eval(text, {"a": a, "b": b})


@given(expressions())
def test_the_text_reads_back(case: tuple[Dim, str]) -> None:
    names = {each.name: each for each in symbols_of((A, B))}
    assert parse_dim(str(case[0]), names) == case[0]


@given(expressions(), st.integers(1, 10), st.integers(2, 20))
def test_bounds_hold(case: tuple[Dim, str], a: int, b: int) -> None:
    dim = case[0]
    value = evaluate(dim, {"A": a, "B": b})
    low = smallest(dim)
    if low is not None and "//" not in str(dim):
        assert low <= value
    if is_negative(dim) and "//" not in str(dim):
        assert value < 0
    if certainly_exceeds(dim, 7) and "//" not in str(dim):
        assert value > 7


def test_equal_polynomials_are_equal() -> None:
    assert A * B == B * A
    assert A + 1 - 1 == A
    assert (A + B) * (A - B) == A * A - B * B
    assert A - A == 0
    assert (4 * A + 2) // 2 == 2 * A + 1
    assert product((A, 2, B)) == 2 * A * B
    assert 3 - A == -(A - 3)


def test_text_is_short() -> None:
    assert str(A * B * 2 + A - 3) == "2*A*B+A-3"
    assert str((A + 1) // 2) == "((A+1)//2)"


def test_what_is_not_a_dimension_is_refused() -> None:
    names = {each.name: each for each in symbols_of((A,))}
    for text in ("", "A+", "A B", "Z", "A//A", "(A", "A)", "A$", "A//0", "1..2"):
        with pytest.raises(ValueError):
            parse_dim(text, names)


def test_the_largest_size() -> None:
    unbounded = symbol("N")
    assert largest(A * 2 + B) == 40
    assert largest(5) == 5
    assert largest(unbounded) is None
    assert largest(unbounded + A, {"N": 3}) == 13


def test_a_size_that_is_not_given_is_an_error() -> None:
    assert isinstance(A, SymbolicDim)
    with pytest.raises(KeyError):
        evaluate(A, {})


def test_a_size_that_the_data_decides_is_at_most_its_bound() -> None:
    length = symbol("S", maximum=8)
    count = symbol("P", within=length * 3)
    assert evaluate(count + 1, {"S": 2}) == 7
    assert evaluate(count + 1, {"S": 2, "P": 4}) == 5
    assert largest(count) == 24
    assert largest(symbol("P", within=symbol("B") * 2)) is None
    with pytest.raises(KeyError):
        evaluate(count, {})
