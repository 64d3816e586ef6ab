"""Programs written by the grammar, with good values and bad ones, for fuzzing.

In: a source of chance. Out: texts.
"""

from __future__ import annotations

import random

from neuralc.compiler.layers.spec import Block, Parameter, Wants, layers
from neuralc.compiler.training.losses import LOSSES
from neuralc.compiler.training.optimizers import OPTIMIZERS
from neuralc.compiler.training.schedules import SCHEDULES
from neuralc.compiler.training.settings import SETTINGS

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
