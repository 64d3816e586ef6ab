"""Dimensions of shapes: integers, or polynomials over named symbols.

In: nothing. Out: `Dim` (an `int` or a `SymbolicDim`), symbols, and their arithmetic, kept in one
canonical form so that `B*S` equals `S*B` and `S + 1 - 1` equals `S`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Symbol:
    """A size that is known only when the model runs.

    `origin` says where it comes from ("the batch", "axis 1 of input 'x'"); `maximum` is None
    where the program sets no bound. Two symbols of one graph never share a name.

    A symbol with `within` is no axis of an input: the data decides its size, which is that
    dimension at most ("the rows that hold a token", within B*S). The op that counts it names it.
    """

    name: str
    minimum: int = 1
    maximum: int | None = None
    origin: str = ""
    within: Dim | None = None

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Quotient:
    """`dividend // divisor`, rounded down, where it does not divide out."""

    dividend: SymbolicDim
    divisor: int

    def __str__(self) -> str:
        return f"(({self.dividend})//{self.divisor})"


Atom = Symbol | Quotient
Monomial = tuple[Atom, ...]
"""A product of atoms, sorted by their text; the empty product is the constant 1."""


@dataclass(frozen=True, slots=True)
class SymbolicDim:
    """A polynomial: monomials with their integer coefficients, sorted, none of them zero."""

    terms: tuple[tuple[Monomial, int], ...]

    def __add__(self, other: Dim) -> Dim:
        terms = dict(self.terms)
        for monomial, coefficient in _terms(other):
            terms[monomial] = terms.get(monomial, 0) + coefficient
        return _canonical(terms)

    __radd__ = __add__

    def __neg__(self) -> Dim:
        return _canonical({monomial: -coefficient for monomial, coefficient in self.terms})

    def __sub__(self, other: Dim) -> Dim:
        return self + (-other)

    def __rsub__(self, other: Dim) -> Dim:
        return (-self) + other

    def __mul__(self, other: Dim) -> Dim:
        terms: dict[Monomial, int] = {}
        for left, a in self.terms:
            for right, b in _terms(other):
                monomial = tuple(sorted(left + right, key=str))
                terms[monomial] = terms.get(monomial, 0) + a * b
        return _canonical(terms)

    __rmul__ = __mul__

    def __floordiv__(self, divisor: int) -> Dim:
        if divisor <= 0:
            raise ValueError(f"a dimension is divided by a positive number, not by {divisor}")
        if all(coefficient % divisor == 0 for _, coefficient in self.terms):
            return _canonical({m: coefficient // divisor for m, coefficient in self.terms})
        return SymbolicDim((((Quotient(self, divisor),), 1),))

    def symbols(self) -> Iterator[Symbol]:
        """The symbols that occur in it, each as often as it is written."""
        for monomial, _ in self.terms:
            for atom in monomial:
                if isinstance(atom, Symbol):
                    yield atom
                else:
                    yield from atom.dividend.symbols()

    def __str__(self) -> str:
        parts: list[str] = []
        for monomial, coefficient in self.terms:
            factors = [str(atom) for atom in monomial]
            if abs(coefficient) != 1 or not factors:
                factors.insert(0, str(abs(coefficient)))
            sign = "-" if coefficient < 0 else "+" if parts else ""
            parts.append(sign + "*".join(factors))
        return "".join(parts)


Dim = int | SymbolicDim
Shape = tuple[Dim, ...]


def symbol(
    name: str,
    minimum: int = 1,
    maximum: int | None = None,
    origin: str = "",
    within: Dim | None = None,
) -> SymbolicDim:
    """A dimension that is one new symbol."""
    return SymbolicDim((((Symbol(name, minimum, maximum, origin, within),), 1),))


def product(dims: tuple[Dim, ...] | list[Dim]) -> Dim:
    """The number of elements of a shape."""
    result: Dim = 1
    for dim in dims:
        result = result * dim
    return result


def evaluate(dim: Dim, sizes: Mapping[str, int]) -> int:
    """The integer that a dimension is when each symbol has the size given under its name.

    A symbol that the data decides and that has no size is taken as large as it can be. Raises
    `KeyError` for any other symbol without a size.
    """
    if isinstance(dim, int):
        return dim
    total = 0
    for monomial, coefficient in dim.terms:
        value = coefficient
        for atom in monomial:
            if isinstance(atom, Symbol):
                if atom.within is not None and atom.name not in sizes:
                    value *= evaluate(atom.within, sizes)
                else:
                    value *= sizes[atom.name]
            else:
                value *= evaluate(atom.dividend, sizes) // atom.divisor
        total += value
    return total


def largest(dim: Dim, unbounded: Mapping[str, int] | None = None) -> int | None:
    """The dimension's size with every symbol at its maximum; `unbounded` sizes those without one.

    None where a symbol has no maximum and `unbounded` does not name it. Right for polynomials that
    grow with each symbol, which is what shapes are.
    """
    if isinstance(dim, int):
        return dim
    sizes: dict[str, int] = {}
    for symbol in dim.symbols():
        size = symbol.maximum
        if size is None:
            size = (unbounded or {}).get(symbol.name)
        if size is None and symbol.within is not None:
            size = largest(symbol.within, unbounded)
        if size is None:
            return None
        sizes[symbol.name] = size
    return evaluate(dim, sizes)


def symbols_of(shape: Shape) -> tuple[Symbol, ...]:
    """The symbols in a shape, each once, in order of appearance."""
    found: dict[str, Symbol] = {}
    for dim in shape:
        if isinstance(dim, SymbolicDim):
            for each in dim.symbols():
                found.setdefault(each.name, each)
    return tuple(found.values())


def parse_dim(text: str, symbols: Mapping[str, Symbol]) -> Dim:
    """Reads back what `str` of a dimension printed. Raises `ValueError` for anything else."""
    tokens = re.findall(r"\d+|[A-Za-z_]\w*|//|[-+*()]", text)
    if "".join(tokens) != text.replace(" ", ""):
        raise ValueError(f"not a dimension: {text!r}")
    position = 0

    def peek() -> str:
        return tokens[position] if position < len(tokens) else ""

    def take() -> str:
        nonlocal position
        position += 1
        return tokens[position - 1] if position <= len(tokens) else ""

    def factor() -> Dim:
        token = take()
        if token == "-":
            return -factor()
        if token == "(":
            value = total()
            if take() != ")":
                raise ValueError(f"unbalanced dimension: {text!r}")
            return value
        if token.isdigit():
            return int(token)
        if not re.fullmatch(r"[A-Za-z_]\w*", token):
            raise ValueError(f"not a dimension: {text!r}")
        if token not in symbols:
            raise ValueError(f"unknown symbol {token!r} in dimension {text!r}")
        return SymbolicDim((((symbols[token],), 1),))

    def term() -> Dim:
        value = factor()
        while peek() in ("*", "//"):
            operator, right = take(), factor()
            if operator == "*":
                value = value * right
            elif isinstance(right, int):
                value = value // right
            else:
                raise ValueError(f"a dimension is divided by a number only: {text!r}")
        return value

    def total() -> Dim:
        value = term()
        while peek() in ("+", "-"):
            value = value + term() if take() == "+" else value - term()
        return value

    result = total()
    if position != len(tokens):
        raise ValueError(f"not a dimension: {text!r}")
    return result


def _terms(dim: Dim) -> tuple[tuple[Monomial, int], ...]:
    return dim.terms if isinstance(dim, SymbolicDim) else (((), dim),)


def _canonical(terms: Mapping[Monomial, int]) -> Dim:
    kept = {monomial: coefficient for monomial, coefficient in terms.items() if coefficient}
    if not kept:
        return 0
    if set(kept) == {()}:
        return kept[()]
    order = sorted(kept, key=lambda monomial: (-len(monomial), [str(atom) for atom in monomial]))
    return SymbolicDim(tuple((monomial, kept[monomial]) for monomial in order))
