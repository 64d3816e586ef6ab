"""Programs that nobody would write: every compiled layer, in random chains, with random arguments.

In: a `random.Random` (hypothesis gives one that it can shrink). Out: `Program`, source text with
the options to compile it under. Biases, gains and slopes get values of their own: with Keras'
zeros and ones a pass could lose or swap them unseen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

ACTIVATIONS = (
    *("relu", "gelu", "gelu_tanh", "silu", "swish", "tanh", "sigmoid", "softmax", "softplus"),
    *("softsign", "elu", "selu", "leaky_relu", "prelu", "hard_sigmoid", "mish", "relu6", "linear"),
)
VOCABULARY = 23
KERNELS = ("glorot_normal", "he_uniform", "lecun_normal", "RandomNormal(stddev=0.4)")
DRAWN = {
    "bias": ("RandomUniform(-0.5, 0.5)", "random_normal"),
    "beta": ("RandomUniform(-0.5, 0.5)",),
    "gamma": ("RandomUniform(0.5, 1.5)", "RandomUniform(-1, 1)"),
    "alpha": ("RandomUniform(-0.5, 0.5)",),
    "embeddings": ("RandomNormal(stddev=1.0)", "RandomNormal(stddev=0.1)"),
    "moving_mean": ("RandomUniform(-0.5, 0.5)",),
    "moving_variance": ("RandomUniform(0.5, 2.0)",),
    "kernel": KERNELS,
}


@dataclass(frozen=True)
class Program:
    """Source text, what to compile it with, and the lengths that its open axes may take."""

    text: str
    options: dict[str, Any] = field(default_factory=dict)
    longest: int = 0
    """The declared length of the sequence where its axis is open; 0 where it is not."""


class Writer:
    """Writes one network, layer by layer, keeping in mind which shape arrives."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.shape: tuple[int, ...] = ()
        self.open = False
        """Whether the first axis has no fixed size: reshapes must stay off it."""
        self.pairwise = False
        """Whether masks are [batch, S, S]: one kind in a network."""
        self.masked = False
        self.positioned = False

    # ---- choices ---------------------------------------------------------------------------

    def one(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def size(self, low: int, high: int) -> int:
        return self.random.randint(low, high)

    def drawn(self, *kinds: str) -> list[str]:
        return [
            f"{kind}_initializer={self.random.choice(DRAWN[kind])}"
            for kind in kinds
            if self.chance(40 if kind == "kernel" else 85)
        ]

    def call(self, name: str, *arguments: object) -> str:
        return f"{name}({', '.join(str(each) for each in arguments if each)})"

    def activation(self) -> str:
        return f'activation="{self.random.choice(ACTIVATIONS)}"' if self.chance(70) else ""

    def maybe(self, percent: int, text: str) -> str:
        return text if self.chance(percent) else ""

    def heads(self, width: int) -> int:
        return self.random.choice([n for n in (1, 2, 3, 4, 6, 8) if width % n == 0])

    # ---- layers ----------------------------------------------------------------------------

    def attention_mask(self) -> str:
        if not self.masked or self.chance(50):
            return ""
        return 'use_attention_mask="pairwise"' if self.pairwise else "use_attention_mask=true"

    def dense(self, units: int | None = None) -> str:
        units = units or self.size(1, 24)
        self.shape = (*self.shape[:-1], units)
        bias = self.maybe(25, "use_bias=false")
        return self.call(
            "Dense", units, self.activation(), bias, *self.drawn("kernel", *bias[:0] or ("bias",))
        )

    def attention(self, cross: bool = False) -> str:
        key_dim = self.chance(50) or self.shape[-1] == 1
        heads = self.size(1, 4) if key_dim else self.heads(self.shape[-1])
        return self.call(
            "MultiHeadAttention",
            f"num_heads={heads}",
            key_dim and f"key_dim={self.one(1, 3, 5, 8, 16)}",
            self.maybe(30, f"value_dim={self.one(1, 2, 7, 8)}"),
            self.maybe(30, "use_bias=false"),
            self.maybe(30, "dropout=0.1"),
            'mode="cross"' if cross else self.maybe(35, "causal=true"),
            "" if cross else self.attention_mask(),
            *self.drawn("kernel", "bias"),
        )

    def block(self, kind: str, extra: tuple[str, ...] = ()) -> str:
        width = self.shape[-1]
        text = self.call(
            f"Transformer{kind}",
            f"num_heads={self.heads(width)}",
            self.maybe(50, f"d_model={width}"),
            f"dff={self.size(1, 30)}",
            self.activation(),
            self.maybe(50, f"norm_first={self.one('true', 'false')}"),
            self.maybe(30, f"epsilon={self.one('1e-12', '1e-6', '1e-3', '0.1')}"),
            self.maybe(20, "use_bias=false"),
            self.maybe(20, "num_layers=2"),
            self.maybe(30, "dropout=0"),
            self.attention_mask(),
            *extra,
            *self.drawn("kernel", "bias", "gamma", "beta"),
        )
        if "num_layers" not in text and "prelu" not in text and self.chance(10):
            return f"{text} {{ {self.inside()} }}"
        return text + self.maybe(15, " * 2")

    def inside(self) -> str:
        """A block that keeps the shape."""
        width = self.shape[-1]
        first = self.one(self.dense, self.norm, self.pointwise, self.attention)
        if len(self.shape) != 2 and first == self.attention:
            first = self.dense
        before = first()
        return f"{before} {self.dense(width)}"

    def norm(self) -> str:
        epsilon = self.maybe(40, f"epsilon={self.one('1e-12', '1e-5', '0.5')}")
        kind = self.random.randrange(5)
        if kind <= 1:
            return self.call(
                "LayerNormalization",
                epsilon,
                self.maybe(20, "center=false"),
                self.maybe(20, "scale=false"),
                *self.drawn("gamma", "beta"),
            )
        if kind == 2:
            return self.call("RMSNormalization", epsilon, *self.drawn("gamma"))
        if kind == 3:
            return self.call("UnitNormalization", epsilon)
        return self.call(
            "BatchNormalization",
            epsilon,
            self.maybe(20, "center=false"),
            self.maybe(20, "scale=false"),
            *self.drawn("gamma", "beta", "moving_mean", "moving_variance"),
        )

    def pointwise(self) -> str:
        return self.one(
            f'Activation("{self.random.choice(ACTIVATIONS)}")',
            "ReLU()",
            "ReLU(max_value=1.5, negative_slope=0.1, threshold=0.2)",
            "LeakyReLU(0.1)",
            "ELU(alpha=0.7)",
            "Softmax()",
            self.call("PReLU", self.open and "shared_axes=[1]", *self.drawn("alpha")),
            "Dropout(0.3)",
            "GaussianNoise(0.1)",
            "GaussianDropout(0.2)",
            self.norm(),
        )

    def positions(self) -> str:
        self.positioned = True
        kind = self.one('"sinusoidal"', '"learnable"')
        return self.call(
            "PositionalEncoding",
            f"max_len={self.shape[0] + self.one(0, 0, 3)}",
            f"encoding_type={kind}",
            *(self.drawn("embeddings") if "learn" in kind else ()),
        )

    def residual(self) -> str:
        return f"Residual {{ {self.inside()} }}"

    def conv(self) -> str:
        axes = len(self.shape) - 1
        same = self.one('"same"', '"valid"', *(('"causal"',) if axes == 1 else ()))
        kernel = [self.size(1, 4) for _ in range(axes)]
        strides = [self.one(1, 1, 1, 2) for _ in range(axes)]
        if self.open and same == '"same"':
            strides[0] = 1
        dilation = [1 if stride > 1 else self.one(1, 1, 2) for stride in strides]
        groups = self.one(1, 1, 2, 3)
        filters = self.size(1, 5) * groups
        if self.shape[-1] % groups:
            groups = 1
        sizes = []
        for size, window, stride, spread in zip(
            self.shape, kernel, strides, dilation, strict=False
        ):
            span = spread * (window - 1) + 1
            valid = (size - span) // stride + 1
            sizes.append(valid if same == '"valid"' else -(-size // stride))
        if min(sizes) < 1:
            return self.pointwise()
        self._change_length(sizes, filters)
        return self.call(
            f"Conv{axes}D",
            filters,
            f"kernel_size={kernel}",
            f"strides={strides}",
            f"padding={same}",
            f"dilation_rate={dilation}",
            groups > 1 and f"groups={groups}",
            self.activation(),
            self.maybe(20, "use_bias=false"),
            *self.drawn("kernel", "bias"),
        )

    def pool(self) -> str:
        axes = len(self.shape) - 1
        window = [self.size(1, 3) for _ in range(axes)]
        strides = [self.one(size, 1) for size in window]
        same = self.one("same", "valid")
        sizes = [
            (size - span) // stride + 1 if same == "valid" else -(-size // stride)
            for size, span, stride in zip(self.shape, window, strides, strict=False)
        ]
        if min(sizes) < 1 or (self.open and same == "same" and strides[0] > 1):
            return self.pointwise()
        self._change_length(sizes, self.shape[-1])
        name = f"{self.one('Max', 'Average')}Pooling{axes}D"
        return self.call(name, window, f"strides={strides}", f'padding="{same}"')

    def _change_length(self, sizes: list[int], width: int) -> None:
        """An open axis that became shorter fits no mask that is an input."""
        self.masked = self.masked and not (self.open and sizes[0] != self.shape[0])
        self.shape = (*sizes, width)

    def pool_all(self) -> str:
        axes = len(self.shape) - 1
        keep = self.chance(20)
        length = self.shape[0]
        self.shape = ((1,) * axes if keep else ()) + self.shape[-1:]
        self.open = False
        if axes == 1 and self.chance(50):
            index = self.random.randrange(-length, length)
            return self.call("SelectPosition", index, keep and "keepdims=true")
        name = f"Global{self.one('Max', 'Average')}Pooling{axes}D"
        return self.call(name, keep and "keepdims=true")

    def reshape(self) -> str:
        total = 1
        for size in self.shape:
            total *= size
        kind = self.random.randrange(4)
        if kind == 0 or self.open:
            if not self.open:
                self.shape = (total,)
                return "Flatten()"
            return self.pointwise()
        if kind == 1:
            order = list(range(1, len(self.shape) + 1))
            self.random.shuffle(order)
            self.shape = tuple(self.shape[axis - 1] for axis in order)
            return f"Permute({order})"
        divisors = [n for n in range(1, total + 1) if total % n == 0 and n <= 24]
        width = self.random.choice(divisors)
        self.shape = (total // width, width)
        return f"Reshape([{self.one(-1, total // width)}, {width}])"

    # ---- networks --------------------------------------------------------------------------

    def layer(self) -> str:
        rank = len(self.shape)
        if rank == 1:
            choice = self.one(self.dense, self.dense, self.pointwise, self.residual)
            return str(choice())
        common = [self.dense, self.pointwise, self.residual, self.reshape, self.conv, self.pool]
        if rank > 2:
            return str(self.one(*common, self.conv, self.pool_all)())
        attending = [
            lambda: self.block("Encoder"),
            lambda: self.block("Encoder"),
            lambda: self.block(
                "Decoder",
                (self.maybe(40, "causal=false"), "cross_attention=false"),
            ),
            self.attention,
            self.attention,
        ]
        return str(self.one(*common[:3], *attending, self.one(*common))())

    def head(self) -> str:
        act = self.maybe(40, self.one('activation="softmax"', 'activation="sigmoid"'))
        return self.call("Output", self.size(1, 9), act, *self.drawn("kernel", "bias"))


def _embedding(write: Writer, width: int, mask_zero: bool) -> str:
    zero = mask_zero and "mask_zero=true"
    return write.call("Embedding", VOCABULARY, width, zero, *write.drawn("embeddings"))


def program(random: Random) -> Program:
    """A network with its options; now and then one that the checker refuses."""
    write = Writer(random)
    options: dict[str, Any] = {"seed": write.size(0, 99)}
    start = write.one("ids", "ids", "floats", "floats", "image", "flat")
    lines: list[str] = []
    length, width = write.size(1, 9), write.one(4, 6, 8, 12, 12, 16, 24)
    if start in ("ids", "floats"):
        write.shape = (length, width)
        write.open = write.chance(35)
        masks = write.random.randrange(4)
        write.masked = masks >= 2
        write.pairwise = masks == 3
        mask_zero = start == "ids" and write.chance(30)
        if masks == 2 and write.chance(70):
            options["padding_mask"] = True
        if masks >= 2:
            options["mask_dtype"] = write.one("int64", "bool", "float32")
        if write.chance(30):
            options["positions"] = write.one("none", "sinusoidal", "learned")
        declared = f"({length},)" if start == "ids" else f"({length}, {width})"
        if start == "ids":
            lines.append(_embedding(write, width, mask_zero))
        if write.open:
            options["dynamic"] = ("seq",)
        if write.chance(35):
            lines.append(write.positions())
        if write.chance(30):
            lines += _encoder_decoder(write)
    elif start == "image":
        axes = write.one(2, 2, 3)
        write.shape = (*(write.size(2, 7) for _ in range(axes)), write.size(1, 6))
        declared = str(write.shape)
    else:
        write.shape = (width,)
        declared = f"({width},)"
    longest = length if write.open else 0
    for _ in range(write.size(0 if lines else 1, 5)):
        lines.append(write.layer())
    if len(write.shape) > 1 and write.chance(40):
        lines.append(write.pool_all())
    elif len(write.shape) == 2 and write.chance(25):
        options["logits"] = "last"
    if write.chance(50):
        lines.append(write.head())
    body = "\n    ".join(lines)
    loss = write.maybe(30, '\n  loss: "sparse_categorical_crossentropy"')
    text = f"network Random {{\n  input: {declared}\n  layers:\n    {body}{loss}\n}}\n"
    if len(text) % 2:
        options["padding"] = "packed"
    return Program(text, options, longest)


def _encoder_decoder(write: Writer) -> list[str]:
    """Encoders, decoders that attend to them, and bare attention to their memory."""
    lines = []
    if write.chance(30):
        lines.append(write.norm())
    lines += [write.block("Encoder") for _ in range(write.size(1, 2))]
    if write.chance(40):
        lines.append(write.call("LayerNormalization", *write.drawn("gamma", "beta")))
    width = write.shape[-1]
    for _ in range(write.size(1, 2)):
        extra = (write.maybe(30, "causal=false"), write.maybe(20, "cross_attention=true"))
        lines.append(write.block("Decoder", extra))
        if write.chance(30):
            lines.append(f"Residual {{ {write.attention(cross=True)} }}")
    assert write.shape[-1] == width
    return lines
