"""The networks that contenders are compared on, their weights and their inputs. Needs no torch.

In: a name. Out: a `Model`: its size, the Neural program, and arrays to fill it with. The form that
torch runs is in `torch_models.py`; both read the same file of weights.

A  12 pre-norm encoder layers over vectors, mean pooling, 2 classes   (A128, A512, E: batch 8)
B  12 causal decoder layers, a head of 50257 words at every position
C  an image cut into 196 patches, the same 12 encoder layers, 1000 classes
D  one small encoder layer, 64 wide, one number

768 wide, 12 heads, inner width 3072, GELU, unless said otherwise. Heads give logits and no
positions are added, so that what differs between contenders is how they compute the layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

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

        A causal model is counted in full, as its masked scores are commonly computed.
        """
        rows = self.batch * self.length
        per_layer = rows * (4 * self.width**2 + 2 * self.width * self.inner)
        per_layer += 2 * rows * self.length * self.width
        head = (rows if self.causal else self.batch) * self.width * self.units
        patches = rows * self.patch**2 * self.shape[-1] * self.width if self.patch else 0
        return 2e-9 * (self.layers * per_layer + head + patches)

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
        return f"network {self.name} {{\n  input: {shape}\n  layers:\n{body}\n}}\n"

    def inputs(self) -> Arrays:
        """One batch of normally distributed numbers."""
        values = np.random.default_rng(1).standard_normal((self.batch, *self.shape))
        return {"input": values.astype(np.float32)}


MODELS = {
    model.name: model
    for model in (
        Model("D", (100, 64), 1, width=64, heads=8, inner=256, layers=1),
        Model("A128", (128, 768), 2),
        Model("A512", (512, 768), 2),
        Model("B128", (128, 768), 50257, causal=True),
        Model("C", (224, 224, 3), 1000, patch=16),
        Model("E", (128, 768), 2, batch=8),
    )
}


def write_weights(model: Model, path: Path) -> None:
    """Weights as the initializers draw them, but gains and biases moved off 1 and 0, so that a
    contender that lost one would answer otherwise."""
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
