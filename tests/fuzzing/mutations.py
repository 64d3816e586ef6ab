"""Wrong programs in endless number: the mix that the front end is held against.

In: a seed and the number of an input. Out: a text, the same for the same two. docs/fuzzing.md
states the mix; `SHARES` is it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import neuralc
from neuralc.compiler.layers.spec import layers
from neuralc.compiler.syntax.value_builder import HPO_KINDS
from neuralc.compiler.syntax.vocabulary import DECLARATIONS, PYTHON, SECTIONS
from written_programs import NUMBERS, Writer

ROOT = Path(neuralc.__file__).parent
TOKEN = re.compile(
    r"\s+|#[^\n]*|//[^\n]*|/\*.*?\*/|\"[^\"\n]*\"|'[^'\n]*'|\$?\w+|[0-9.]+|.", re.DOTALL
)
ODD = (
    "\x00",
    "\ufeff",
    "\u2028",
    "é",
    "日本",
    "😀",
    "“",
    "”",
    "‘",
    "…",
    "\u200b",
    "\t",
    "\r\n",
    "\r",
    "\x7f",
    "\ud800",
    "％",
    "（",
    "）",
    "：",
    "，",
    "→",
    "`",
    "\\",
    "|",
    "&",
    "?",
    "!",
    "~",
    "^",
    "%",
)
PYTHONISMS = (
    "None",
    "True",
    "lambda x: x",
    "import torch",
    "nn.Linear(3, 4)",
    "x = Dense(3)",
    "**kwargs",
    "[3] * 2",
    "f'{x}'",
    "Dense(3)(x)",
    "for i in range(3):",
    "self.fc",
    "keras.layers.Dense(3)",
    "return x",
    "model.add(Dense(3))",
    "tf.keras",
    "def f():",
    "class A:",
    "Sequential([",
    "input_shape=(3,)",
)
WORDS = (*DECLARATIONS, *SECTIONS, *HPO_KINDS, *PYTHON, "HPO", "shape", "true", "false", "none")


def corpus() -> list[str]:
    """Every program of this project, right or wrong."""
    found = [p.read_text("utf-8") for p in sorted(ROOT.glob("examples/**/*.neural"))]
    found += [p.read_text("utf-8") for p in sorted(ROOT.glob("tests/**/*.neural"))]
    pages = [*ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/diagnostics/*.md")]
    for page in sorted(pages):
        found += re.findall(r"```neural[^\n]*\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    return list(dict.fromkeys(found))


@dataclass(frozen=True)
class Mutator:
    """Makes inputs from programs."""

    programs: tuple[str, ...]

    @classmethod
    def of_corpus(cls) -> Mutator:
        return cls(tuple(corpus()))

    def text(self, seed: int, number: int) -> tuple[str, str]:
        """The kind and the text of one input."""
        dice = random.Random(f"{seed}/{number}")
        share = dice.random()
        for name, limit, make in self._kinds():
            if share < limit:
                return name, make(dice)
        raise AssertionError("the shares add up to 1")

    def _kinds(self) -> list[tuple[str, float, Callable[[random.Random], str]]]:
        made = {
            "tokens": self.tokens,
            "arguments": self.arguments,
            "generated": lambda dice: Writer(dice).program(),
            "spliced": self.spliced,
            "characters": self.characters,
            "noise": noise,
            "deep": deep,
            "long": self.long,
        }
        total, found = 0.0, []
        for name, share in SHARES.items():
            total += share
            found.append((name, total + 1e-9, made[name]))
        return found

    # ---- from programs ------------------------------------------------------------------------

    def tokens(self, dice: random.Random) -> str:
        """A program with some of its tokens dropped, doubled, swapped, put in or replaced."""
        pieces = TOKEN.findall(dice.choice(self.programs))
        for _ in range(dice.choice((1, 1, 1, 2, 3, 6))):
            if not pieces:
                break
            at = dice.randrange(len(pieces))
            match dice.randrange(6):
                case 0:
                    del pieces[at]
                case 1:
                    pieces.insert(at, pieces[at])
                case 2:
                    other = dice.randrange(len(pieces))
                    pieces[at], pieces[other] = pieces[other], pieces[at]
                case 3:
                    pieces.insert(at, self._piece(dice))
                case 4:
                    pieces[at] = self._piece(dice)
                case 5:
                    del pieces[at : at + dice.randrange(1, 12)]
        return "".join(pieces)

    def _piece(self, dice: random.Random) -> str:
        match dice.randrange(7):
            case 0:
                return dice.choice("{}()[]:;,=@+-*/$%\"'#.\n ")
            case 1:
                return f" {dice.choice(WORDS)} "
            case 2:
                return dice.choice(NUMBERS)
            case 3:
                return dice.choice(ODD)
            case 4:
                return f" {dice.choice(PYTHONISMS)} "
            case 5:
                return f" {Writer(dice).layer(1)} "
            case _:
                return dice.choice(TOKEN.findall(dice.choice(self.programs)) or [""])

    def arguments(self, dice: random.Random) -> str:
        """A program with other numbers, texts and names."""
        text = dice.choice(self.programs)
        for _ in range(dice.choice((1, 1, 2, 4))):
            found = list(re.finditer(r"\b\d[\w.]*|\"[^\"\n]*\"|\b[A-Za-z_]\w*", text))
            if not found:
                break
            match = dice.choice(found)
            old = match[0]
            if old[0].isdigit():
                new = dice.choice(
                    (*NUMBERS, "(2, 2)", "[3]", "()", "$x", '"8"', "{ a: 1 }", "relu")
                )
            elif old[0] == '"':
                new = dice.choice(
                    ('""', '"same"', '"rleu"', "3", "none", '"Adam(lr=1)"', '"é"', "'")
                )
            elif len(old) > 2 and dice.random() < 0.6:
                at = dice.randrange(len(old))
                new = (
                    old[:at]
                    + dice.choice((old[at] * 2, "", "x", old[at].swapcase()))
                    + old[at + 1 :]
                )
            else:
                new = dice.choice((*WORDS, *(spec.name for spec in layers().values())))
            text = text[: match.start()] + new + text[match.end() :]
        return text

    def spliced(self, dice: random.Random) -> str:
        """The beginning of one program and the end of another."""
        one, other = dice.choice(self.programs), dice.choice(self.programs)
        left, right = dice.randrange(len(one) + 1), dice.randrange(len(other) + 1)
        return one[:left] + dice.choice(("", "\n", " ", "}", ")")) + other[right:]

    def characters(self, dice: random.Random) -> str:
        """A program with single characters lost, changed or put in."""
        text = list(dice.choice(self.programs))
        for _ in range(dice.choice((1, 2, 5, 20))):
            at = dice.randrange(len(text) + 1)
            match dice.randrange(3):
                case 0:
                    text[at : at + 1] = []
                case 1:
                    text[at : at + 1] = [dice.choice((*ODD, chr(dice.randrange(32, 127))))]
                case 2:
                    text.insert(at, dice.choice((*ODD, chr(dice.randrange(32, 127)))))
        return "".join(text)

    def long(self, dice: random.Random) -> str:
        """Many programs, or one thing very often."""
        if dice.random() < 0.5:
            return "\n".join(dice.choice(self.programs) for _ in range(dice.randrange(5, 40)))
        unit = dice.choice(
            (
                "Dense(8) ",
                "a: { Dense(3) } ",
                "(",
                "[",
                "{",
                "x ",
                "Dense(",
                "# c\n",
                '"s" ',
                "1 + ",
                "network A { ",
                "define B { ",
                "* 2 ",
                ",",
                "$a ",
                "/* */",
                "HPO(",
                "Dense(8), ",
            )
        )
        return unit * dice.randrange(50, 3000)


def noise(dice: random.Random) -> str:
    """Words, marks and characters in any order."""
    pool = (*WORDS, *ODD, *NUMBERS, *PYTHONISMS, *"{}()[]:;,=@+-*/$\"'# \n")
    return dice.choice(("", " ")).join(dice.choice(pool) for _ in range(dice.randrange(60)))


def deep(dice: random.Random) -> str:
    """Brackets, blocks and macros nested deep, closed or not."""
    depth = dice.randrange(2, 400)
    opening, core, closing = dice.choice(
        (
            ("ResidualConnection { ", "Dense(8) ", "} "),
            ("a: { ", "Dense(8) ", "} "),
            ("(", "1", ")"),
            ("[", "1", "]"),
            ("Adam(", "1", ")"),
            ("{ a: ", "1", "} "),
            ("TimeDistributed(", "Dense(3)", ")"),
            ("Parallel { ", "Dense(3) ", "} "),
            ("HPO(choice(", "1", "))"),
            ("-", "1", ""),
            ("1 + ", "1", ""),
        )
    )
    inner = opening * depth + core + closing * (depth if dice.random() < 0.7 else depth // 2)
    return dice.choice(
        (
            f"network N {{ input: (8, 8) layers: {inner} }}",
            f"network N {{ input: (8,) layers: Dense({inner}) }}",
            f"define B {{ {inner} }}",
            f"optimizer: {inner}",
            inner,
        )
    )


SHARES = {
    "tokens": 0.36,
    "arguments": 0.20,
    "generated": 0.22,
    "spliced": 0.07,
    "characters": 0.09,
    "noise": 0.04,
    "deep": 0.01,
    "long": 0.01,
}
"""The mix: the share of each kind."""
