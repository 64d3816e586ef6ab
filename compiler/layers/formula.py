"""Formulas over one variable: what `Lambda("…")` holds.

In: a text. Out: the formula as a tree, or why it is none. It is read by the grammar below and never
evaluated as Python:

    formula = ["lambda" NAME ":"] sum ;
    sum     = product {("+"|"-") product} ;
    product = sign {("*"|"/") sign} ;
    sign    = ("+"|"-") sign | power ;
    power   = atom ["**" sign] ;
    atom    = NUMBER | "x" | NAME "(" sum {"," sum} ")" | "(" sum ")" ;
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from ..messages.suggestions import did_you_mean

LONGEST = 1000
DEEPEST = 50
LARGEST = 3.4028234663852886e38
"""The largest number of float32."""

FUNCTIONS: dict[str, tuple[str, int, Callable[..., float]]] = {
    "abs": ("abs", 1, abs),
    "exp": ("exp", 1, math.exp),
    "log": ("log", 1, math.log),
    "sqrt": ("sqrt", 1, math.sqrt),
    "tanh": ("tanh", 1, math.tanh),
    "sigmoid": ("sigmoid", 1, lambda v: 1 / (1 + math.exp(-v))),
    "relu": ("relu", 1, lambda v: max(v, 0.0)),
    "min": ("minimum", 2, min),
    "max": ("maximum", 2, max),
    "minimum": ("minimum", 2, min),
    "maximum": ("maximum", 2, max),
}
"""Name → the op, how many operands, and what it does to numbers."""

_OPERATORS: dict[str, tuple[str, Callable[[float, float], float]]] = {
    "+": ("add", lambda a, b: a + b),
    "-": ("sub", lambda a, b: a - b),
    "*": ("mul", lambda a, b: a * b),
    "/": ("div", lambda a, b: a / b),
    "**": ("pow", math.pow),
}

_TOKENS = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_][\w.]*)"
    r"|(?P<sign>\*\*|[-+*/(),:]))"
)


@dataclass(frozen=True, slots=True)
class Formula:
    """An op over formulas; without operands the variable (`op` is "x") or a number."""

    op: str
    operands: tuple[Formula, ...] = ()
    number: float | None = None

    @property
    def ops(self) -> int:
        """How many ops it takes."""
        own = 0 if not self.operands else 1
        return own + sum(operand.ops for operand in self.operands)


class FormulaError(ValueError):
    """Why a text is no formula, from where to where in it, and what may mend it."""

    def __init__(self, message: str, start: int, end: int, help: str | None = None) -> None:
        super().__init__(message)
        self.start, self.end, self.help = start, end, help


class UselessFormulaError(FormulaError):
    """A formula that does not depend on what arrives, or has numbers that float32 cannot hold."""


@lru_cache(maxsize=64)
def read_formula(text: str) -> Formula:
    """The formula that a text holds. Raises `FormulaError`."""
    if len(text) > LONGEST:
        raise FormulaError(f"a formula has at most {LONGEST} characters", 0, len(text))
    reader = _Reader(text)
    formula = reader.whole()
    if formula.number is not None:
        raise UselessFormulaError(
            f"the formula is {formula.number:g} whatever arrives", 0, len(text), "use `x` in it"
        )
    return formula


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str, int, int]] = []
        self.at = 0
        self.depth = 0
        self.variable = "x"
        place = 0
        while place < len(text.rstrip()):
            found = _TOKENS.match(text, place)
            if found is None:
                place += len(text[place:]) - len(text[place:].lstrip())
                help = "a power is written `**`" if text[place] == "^" else None
                message = f"`{text[place]}` cannot stand in a formula"
                raise FormulaError(message, place, place + 1, help)
            kind = str(found.lastgroup)
            self.tokens.append((kind, found[kind], found.start(kind), found.end(kind)))
            place = found.end()
        self.tokens.append(("end", "", len(text), len(text)))

    def whole(self) -> Formula:
        if self.tokens[0][1] == "lambda":
            for self.at, expected in ((1, "name"), (2, "sign")):
                kind, text, *_ = self.tokens[self.at]
                if kind != expected or (kind == "sign" and text != ":"):
                    help = "for example `lambda x: 2*x`"
                    raise self.error("a lambda has one name and a colon", help)
            self.variable = self.tokens[1][1]
            self.at = 3
        formula = self.sum()
        if self.tokens[self.at][0] != "end":
            raise self.error(f"`{self.tokens[self.at][1]}` is not expected here")
        return formula

    def error(self, message: str, help: str | None = None) -> FormulaError:
        _, _, start, end = self.tokens[self.at]
        return FormulaError(message, start, end, help)

    def taken(self, *signs: str) -> str | None:
        kind, text, *_ = self.tokens[self.at]
        if kind == "sign" and text in signs:
            self.at += 1
            return text
        return None

    def sum(self) -> Formula:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.error(f"a formula is nested at most {DEEPEST} deep")
        formula = self.product()
        while sign := self.taken("+", "-"):
            formula = self.joined(sign, formula, self.product())
        self.depth -= 1
        return formula

    def product(self) -> Formula:
        formula = self.sign()
        while sign := self.taken("*", "/"):
            formula = self.joined(sign, formula, self.sign())
        return formula

    def sign(self) -> Formula:
        negative = False
        while sign := self.taken("+", "-"):
            negative ^= sign == "-"
        formula = self.power()
        return self.applied("neg", lambda v: -v, formula) if negative else formula

    def power(self) -> Formula:
        formula = self.atom()
        if self.taken("**"):
            self.depth += 1
            if self.depth > DEEPEST:
                raise self.error(f"a formula is nested at most {DEEPEST} deep")
            formula = self.joined("**", formula, self.sign())
            self.depth -= 1
        return formula

    def atom(self) -> Formula:
        kind, text, *_ = self.tokens[self.at]
        if kind == "number":
            number = self.checked(float(text), self.at)
            self.at += 1
            return Formula("number", (), number)
        if kind == "name" and text == self.variable:
            self.at += 1
            return Formula("x")
        if kind == "name":
            return self.call(text)
        if self.taken("("):
            formula = self.sum()
            self.close()
            return formula
        what = "the formula ends" if kind == "end" else f"`{text}` stands"
        raise self.error(f"{what} where a number, `{self.variable}` or a bracket is expected")

    def call(self, name: str) -> Formula:
        known = FUNCTIONS.get(name)
        if known is None:
            short = name.rpartition(".")[2]
            help = did_you_mean(name, (*FUNCTIONS, self.variable))
            if short in FUNCTIONS:
                help = f"write `{short}(…)`"
            listed = ", ".join(FUNCTIONS)
            message = f"a formula knows `{self.variable}` and no `{name}`"
            raise self.error(message, help or f"functions are {listed}")
        op, count, compute = known
        self.at += 1
        if not self.taken("("):
            raise self.error(f"`{name}` is a function: a bracket is expected")
        operands = [self.sum()]
        while self.taken(","):
            operands.append(self.sum())
        if len(operands) != count:
            raise self.error(f"`{name}` takes {count} operand{'s' if count > 1 else ''}")
        self.close()
        return self.applied(op, compute, *operands)

    def close(self) -> None:
        if not self.taken(")"):
            raise self.error("a bracket is never closed")

    def joined(self, sign: str, a: Formula, b: Formula) -> Formula:
        op, compute = _OPERATORS[sign]
        return self.applied(op, compute, a, b)

    def applied(self, op: str, compute: Callable[..., float], *operands: Formula) -> Formula:
        """An op; of numbers alone the number that it gives."""
        numbers = [operand.number for operand in operands]
        if any(number is None for number in numbers):
            return Formula(op, operands)
        try:
            number = compute(*numbers)
        except (ArithmeticError, ValueError) as failure:
            raise self.useless("this has no value", self.at - 1) from failure
        return Formula("number", (), self.checked(number, self.at - 1))

    def checked(self, number: float, at: int) -> float:
        if not abs(number) <= LARGEST:
            raise self.useless("this number is larger than float32 holds", at)
        return number

    def useless(self, message: str, at: int) -> FormulaError:
        _, _, start, end = self.tokens[at]
        return UselessFormulaError(message, start, end)
