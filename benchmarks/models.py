"""The networks that contenders are compared on, their weights and their inputs. Needs no torch.

In: a name. Out: a `Model`: its size, the Neural program, and arrays to fill it with. The form that
torch runs is in `torch_models.py`; both read the same file of weights.

A  12 pre-norm encoder layers over vectors, mean pooling, 2 classes   (A128, A512, E: batch 8)
B  12 causal decoder layers, a head of 50257 words at every position
C  an image cut into 196 patches, the same 12 encoder layers, 1000 classes
D  one small encoder layer, 64 wide, one number
M  a trained sentence encoder on sentences of mixed length; it is in `sentences.py`

B1024 and B2048 are B over that many positions, as a prompt is read; B128-last is B128 of which only
the logits of the last position are wanted. 768 wide, 12 heads, inner width 3072, GELU, unless said
otherwise. Heads give logits and no positions are added, so that what differs between contenders is
how they compute the layers.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sentences import SentenceEncoder

Array = np.ndarray[Any, Any]
Arrays = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Model:
    """A network of transformer layers at a fixed size."""

    name: str
    shape: tuple[int, ...]
    """Of the input, without the batch."""
    units: int
    """Of the head."""
    batch: int = 1
    width: int = 768
    heads: int = 12
    inner: int = 3072
    layers: int = 12
    causal: bool = False
    last: bool = False
    """Whether only the last position's output is wanted."""
    patch: int | None = None
    """The side of the squares that an image is cut into; None for a sequence of vectors."""

    @property
    def length(self) -> int:
        """Positions that the transformer layers see."""
        if self.patch is None:
            return self.shape[0]
        return (self.shape[0] // self.patch) * (self.shape[1] // self.patch)

    @property
    def gflop(self) -> float:
        """Multiplications and additions of all matrix products in one run, in billions.

        A causal model is counted in full, as its masked scores are commonly computed, and all
        logits of it.
        """
        rows = self.batch * self.length
        per_layer = rows * (4 * self.width**2 + 2 * self.width * self.inner)
        per_layer += 2 * rows * self.length * self.width
        head = (rows if self.causal else self.batch) * self.width * self.units
        return 2e-9 * (self.layers * per_layer + head + self._patch_products)

    @property
    def needed_gflop(self) -> float:
        """The same without what no answer needs: scores of later positions, and where only the
        last position is wanted, all of the last layer and head but its row (and keys, values)."""
        rows, inner = self.batch * self.length, 2 * self.width * self.inner
        seen = (self.length + 1) / 2 if self.causal else self.length
        per_layer = rows * (4 * self.width**2 + inner + 2 * seen * self.width)
        wanted = self.batch if self.last or not self.causal else rows
        total = self.layers * per_layer + wanted * self.width * self.units + self._patch_products
        if self.last:
            total -= per_layer - rows * 2 * self.width**2
            total += self.batch * (2 * self.width**2 + inner + 2 * self.length * self.width)
        return 2e-9 * total

    @property
    def _patch_products(self) -> int:
        if self.patch is None:
            return 0
        return self.batch * self.length * self.patch**2 * self.shape[-1] * self.width

    @property
    def program(self) -> str:
        """The network in the Neural language."""
        layers = []
        if self.patch is not None:
            layers.append(
                f"Conv2D({self.width}, kernel_size=({self.patch}, {self.patch}), "
                f"strides={self.patch})"
            )
            layers.append(f"Reshape(target_shape=({self.length}, {self.width}))")
        kind = "TransformerDecoder" if self.causal else "TransformerEncoder"
        layers.append(
            f"{kind}(num_heads={self.heads}, d_model={self.width}, dff={self.inner}, "
            f'activation="gelu") * {self.layers}'
        )
        if not self.causal:
            layers.append("GlobalAveragePooling1D()")
        layers.append(f"Dense({self.units})")
        shape = "(" + ", ".join(map(str, self.shape)) + ")"
        body = "\n".join(f"    {layer}" for layer in layers)
        return (
            f"network {self.name.replace('-', '_')} {{\n  input: {shape}\n  layers:\n{body}\n}}\n"
        )

    @property
    def compile_options(self) -> dict[str, Any]:
        """What `neuralc.compile` is told beside the weights."""
        options: dict[str, Any] = {"positions": "none"}
        return options | {"logits": "last"} if self.last else options

    @property
    def open_axes(self) -> dict[str, tuple[str, ...]]:
        """For each input the names of its first axes that peers' files must leave open."""
        return {}

    def batches(self) -> list[Arrays]:
        """What one run goes through: a batch of normally distributed numbers."""
        values = np.random.default_rng(1).standard_normal((self.batch, *self.shape))
        return [{"input": values.astype(np.float32)}]

    def more_probes(self) -> list[Arrays]:
        """What answers are compared on beside the batch, where that gives a few numbers only."""
        count = 0 if self.causal else PROBES // self.batch - 1
        random = np.random.default_rng(3)
        more = random.standard_normal((count, self.batch, *self.shape))
        return [{"input": each.astype(np.float32)} for each in more]

    def answer(self, output: Array) -> Array:
        """What of an output is wanted."""
        if not self.last:
            return output
        return output.reshape(self.batch, -1, self.units)[:, -1]


PROBES = 8
"""How many samples' answers are compared at least, where an answer is one row of numbers."""
Network = Model | SentenceEncoder
MODELS: dict[str, Network] = {
    model.name: model
    for model in (
        Model("D", (100, 64), 1, width=64, heads=8, inner=256, layers=1),
        Model("A128", (128, 768), 2),
        Model("A512", (512, 768), 2),
        Model("B128", (128, 768), 50257, causal=True),
        Model("C", (224, 224, 3), 1000, patch=16),
        Model("E", (128, 768), 2, batch=8),
        Model("B128-last", (128, 768), 50257, causal=True, last=True),
        Model("B1024", (1024, 768), 50257, causal=True),
        Model("B2048", (2048, 768), 50257, causal=True),
        SentenceEncoder(),
    )
}


def write_weights(model: Network, path: Path) -> None:
    """Weights as the initializers draw them, but gains and biases moved off 1 and 0, so that a
    contender that lost one would answer otherwise; the trained ones of a trained model."""
    if isinstance(model, SentenceEncoder):
        shutil.copyfile(model.checkpoint / "model.safetensors", path)
        return
    import neuralc
    from neuralc.compiler.weights.binding import save_weights
    from safetensors.numpy import save_file

    drawn = neuralc.compile(model.program, positions="none", lint=False)
    save_weights(drawn.source_graph, path)
    random = np.random.default_rng(2)
    weights = read_weights(path)
    for name, array in sorted(weights.items()):
        if array.ndim == 1:
            moved = array + 0.05 * random.standard_normal(array.shape)
            weights[name] = moved.astype(np.float32)
    save_file(weights, path)


def read_weights(path: Path) -> Arrays:
    from safetensors.numpy import load_file

    return dict(load_file(path))
