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
from neuralc.compiler.layers.spec import Block, Parameter, Wants, layers
from neuralc.compiler.syntax.value_builder import HPO_KINDS
from neuralc.compiler.syntax.vocabulary import DECLARATIONS, PYTHON, SECTIONS
from neuralc.compiler.training.losses import LOSSES
from neuralc.compiler.training.optimizers import OPTIMIZERS
from neuralc.compiler.training.schedules import SCHEDULES
from neuralc.compiler.training.settings import SETTINGS

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
NUMBERS = (
    "0",
    "-1",
    "1",
    "7",
    "1e3",
    "1e400",
    "1e-320",
    "99999999999999999999",
    "0x10",
    "1_000",
    "1.",
    ".5",
    "1.5.2",
    "-0",
    "00012",
    "2**40",
    "1099511627777",
    "12.5",
    "-3.5",
    "1e9",
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
FORMULAS = tuple(
    f'"{each}"'
    for each in (
        "x",
        "x * 2",
        "-x + 1",
        "(x + 1) * (x - 1)",
        "x ** 2 / 3",
        "relu(x)",
        "tanh(x) + sigmoid(x)",
        "maximum(x, 0)",
        "min(x, 1)",
        "y + 1",
        "1 / 0",
        "x x",
        "tanh(x",
        "x)",
        "",
        "1",
        "exp(x) ** 0.5",
        "softmax(x, 1)",
        "x > 0",
        "lambda x: x",
        "abs(x) * 1e400",
        "x ** x",
        "sqrt(x, x)",
    )
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


class Writer:
    """Writes programs by the grammar, with good values and bad ones."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.macros: list[str] = []

    def program(self) -> str:
        parts = [self.macro() for _ in range(self.dice.choice((0, 0, 1, 2)))]
        if self.dice.random() < 0.15:
            parts.append(" ".join(self.layer(0) for _ in range(self.dice.randrange(1, 5))))
        for number in range(self.dice.choice((1, 1, 1, 2))):
            parts.append(self.network(f"N{number}"))
        if self.dice.random() < 0.1:
            parts.append("research R { a { b } c }")
        self.dice.shuffle(parts)
        return "\n".join(parts)

    def macro(self) -> str:
        name = self.dice.choice(("Block", "Unit", "Dense", "M"))
        parameters = ", ".join(
            f"{p}={self.value(None)}" if self.dice.random() < 0.5 else p
            for p in self.dice.sample(("n", "width", "act"), self.dice.randrange(3))
        )
        inner = self.items(1)
        self.macros.append(name)
        return f"define {name}({parameters}) {{ {inner} }}"

    def network(self, name: str) -> str:
        inputs = self.dice.choice(
            (
                "(16,)",
                "(8, 16)",
                "(8, 8, 3)",
                "784",
                "(None, 28, 28, 1)",
                "(seq, 16)",
                "(4, 6, 6, 2)",
                "{ a: (8,), b: (8, 16) }",
                "{ a: (6,), b: (6,) }",
                "[8, 8]",
                "(0,)",
                "(-1, 3)",
                "(3, 224, 224)",
                "(none, none)",
                "x: (8,)",
            )
        )
        parts = [f"input: {inputs}", f"layers: {self.items(0)}"]
        parts += [self.section() for _ in range(self.dice.choice((0, 0, 1, 3)))]
        if self.dice.random() < 0.2:
            self.dice.shuffle(parts)
        return f"network {name} {{ {' '.join(parts)} }}"

    def section(self) -> str:
        dice = self.dice
        match dice.randrange(6):
            case 0:
                return f"loss: {self.call(LOSSES)}"
            case 1:
                return f"optimizer: {self.call(OPTIMIZERS)}"
            case 2:
                return f"lr_schedule: {self.call(SCHEDULES)}"
            case 3:
                return (
                    f"metrics: [{', '.join(self.call(LOSSES) for _ in range(dice.randrange(3)))}]"
                )
            case 4:
                name = dice.choice(("train", "execution", "hpo"))
                entries = " ".join(
                    f"{p.name}: {self.value(p)}"
                    for p in dice.sample(SETTINGS[name], dice.randrange(1, 4))
                )
                return f"{name} {{ {entries} }}"
            case _:
                return dice.choice(
                    (
                        'optimizer: "Adam(lr=0.1)"',
                        "loss: { a: mse }",
                        "optimizer: 3",
                        'loss: "Dice("',
                        "lr_schedule: PiecewiseConstantDecay([1, 2], [1])",
                        'execution { @ "tpu" }',
                        "optimizer: Adam(ExponentialDecay(0.1)) { lr: 2 }",
                        "metrics: mae",
                    )
                )

    def call(self, table: object) -> str:
        specs = sorted({spec.name: spec for spec in table.values()}.items())  # type: ignore[attr-defined]
        name, spec = self.dice.choice(specs)
        chosen = [p for p in spec.parameters if p.required or self.dice.random() < 0.2]
        arguments = ", ".join(f"{p.name}={self.value(p)}" for p in chosen)
        return f"{name}({arguments})" if arguments or self.dice.random() < 0.5 else f'"{name}"'

    def items(self, depth: int) -> str:
        parts = []
        for _ in range(self.dice.randrange(1, 5)):
            if depth < 3 and self.dice.random() < 0.15:
                names = self.dice.sample(("a", "b", "left", "right"), self.dice.randrange(1, 3))
                parts += [f"{name}: {{ {self.items(depth + 1)} }}" for name in names]
                parts.append(
                    self.dice.choice(("Add()", "Concatenate()", "Multiply()", "Dot(axes=1)", ""))
                )
            else:
                parts.append(self.layer(depth))
        return " ".join(parts)

    def layer(self, depth: int) -> str:
        dice = self.dice
        if self.macros and dice.random() < 0.2:
            return f"{dice.choice(self.macros)}({self.value(None)})"
        spec = dice.choice(list(layers().values()))
        chosen = [p for p in spec.all_parameters if p.required or dice.random() < 0.15]
        arguments = []
        for parameter in chosen:
            value = self.value(parameter)
            arguments.append(value if dice.random() < 0.1 else f"{parameter.name}={value}")
        if spec.block.wraps:
            arguments.insert(0, self.layer(3) if depth < 3 else "Dense(3)")
        text = f"{spec.name}({', '.join(arguments)})"
        wants_block = spec.block in (Block.REQUIRED, Block.BRANCHES)
        if depth < 3 and (wants_block or dice.random() < 0.05):
            text += f" {{ {self.items(depth + 1)} }}"
        if dice.random() < 0.1:
            text += (
                f" * {dice.choice(('2', '3', '0', '1.5', '$n', '20000', 'HPO(int_range(1, 3))'))}"
            )
        if dice.random() < 0.03:
            text += dice.choice((' @"cpu"', ' @"cuda:1"', ' @"tpu"'))
        return text

    def value(self, parameter: Parameter | None) -> str:
        dice = self.dice
        if parameter is None or dice.random() < 0.15:
            return dice.choice(
                (
                    *NUMBERS,
                    "true",
                    "none",
                    "relu",
                    '"relu"',
                    "(2, 2)",
                    "[4]",
                    "()",
                    "(8, -1)",
                    "$n",
                    "width",
                    "Adam(0.1)",
                    "HPO(choice(1, 2))",
                    "HPO(range(1))",
                    "4 * 2",
                    "8 / 3",
                    "1 / 0",
                    "{ a: 1 }",
                    "HPO(log_range(1, 10, default=3))",
                    "HPO(choice([1, 2]))",
                    "HPO(range(1, 9, step=2))",
                    "HPO(int_range(low=1, high=4))",
                    "HPO(log_range(0, 1))",
                    "HPO(choice())",
                    "HPO(range(5, 1))",
                    "HPO(categorical(relu, tanh, default=elu))",
                    "HPO(range(1, 4, step=0))",
                    "HPO(choice(1, 2, defalt=1))",
                    "HPO(choice($n, 3))",
                    "HPO(choice(Adam(0.1), (2, 3), none))",
                    "2 + HPO(choice(1, 2))",
                    "(1, (2, 3))",
                    "'x' + 1",
                )
            )
        match parameter.wants:
            case Wants.INTEGER:
                return dice.choice(("1", "2", "3", "4", "8", "16", "0", "-1"))
            case Wants.NUMBER:
                return dice.choice(("0", "0.1", "0.5", "1.0", "1e-3", "-0.5"))
            case Wants.BOOLEAN:
                return dice.choice(("true", "false"))
            case Wants.CHOICE:
                words = [str(c).lower() for c in (*parameter.choices, *parameter.pending)]
                return dice.choice([*(f'"{word}"' for word in words), '"x"'])
            case Wants.ACTIVATION:
                return dice.choice(("relu", '"gelu"', "softmax", '"rleu"', "none", "prelu"))
            case Wants.INITIALIZER:
                return dice.choice(('"ones"', "HeNormal()", "RandomUniform(0, 1)", '"he_normla"'))
            case Wants.SIZES:
                return dice.choice(("1", "2", "3", "(2, 2)", "(1, 2, 3)", "5"))
            case Wants.INTEGERS | Wants.NUMBERS:
                return dice.choice(("(8, 8)", "(2, 1)", "(1,)", "(-1, 4)", "(0.5, 0.9)", "[1, 2]"))
            case Wants.TEXT if parameter.name != "name":
                return dice.choice(FORMULAS)
            case Wants.TEXT:
                return dice.choice(("a", '"b"', '"a/b"', '""'))
            case _:
                return dice.choice(("1", "none", "-1", "(0, 1)", '"x"', "L2(0.1)"))


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
