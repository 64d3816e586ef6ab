"""The networks of `models.py` as a torch user writes them: Linear, LayerNorm, fused attention.

In: a `Model` and its weights, or a `SentenceEncoder`. Out: a module in evaluation mode.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from contenders import WEIGHTS
from models import Arrays, Model, Network, read_weights
from torch import Tensor, nn
from torch.nn import functional as F

EPSILON = 1e-5


class Attention(nn.Module):
    def __init__(self, model: Model) -> None:
        super().__init__()
        self.heads, self.causal = model.heads, model.causal
        self.query = nn.Linear(model.width, model.width)
        self.key = nn.Linear(model.width, model.width)
        self.value = nn.Linear(model.width, model.width)
        self.output = nn.Linear(model.width, model.width)

    def split(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        return x.view(batch, length, self.heads, width // self.heads).transpose(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (self.split(to(x)) for to in (self.query, self.key, self.value))
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=self.causal)
        return self.output(mixed.transpose(1, 2).reshape(x.shape))


class Block(nn.Module):
    def __init__(self, model: Model) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(model.width, eps=EPSILON)
        self.attention = Attention(model)
        self.ffn_norm = nn.LayerNorm(model.width, eps=EPSILON)
        self.inner = nn.Linear(model.width, model.inner)
        self.outer = nn.Linear(model.inner, model.width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x))
        return x + self.outer(F.gelu(self.inner(self.ffn_norm(x))))


class Layers(nn.Module):
    """`sliced` takes the last position before the head."""

    def __init__(self, model: Model, sliced: bool = False) -> None:
        super().__init__()
        self.pooled, self.sliced = not model.causal, sliced
        self.patches: nn.Conv2d | None = None
        if model.patch is not None:
            self.patches = nn.Conv2d(model.shape[-1], model.width, model.patch, model.patch)
        self.blocks = nn.ModuleList(Block(model) for _ in range(model.layers))
        self.head = nn.Linear(model.width, model.units)

    def forward(self, input: Tensor) -> Tensor:
        x = input
        if self.patches is not None:
            x = self.patches(x.permute(0, 3, 1, 2)).flatten(2).transpose(1, 2)
        for block in self.blocks:
            x = block(x)
        if self.pooled:
            x = x.mean(1)
        if self.sliced:
            x = x[:, -1]
        return self.head(x)


def module_of(model: Network, folder: Path, sliced: bool = False) -> nn.Module:
    """The network with the weights that lie in `folder`, in evaluation mode."""
    if isinstance(model, Model):
        return torch_model(model, read_weights(folder / WEIGHTS), sliced)
    from torch_sentences import sentence_module

    return sentence_module(model)


def example(model: Network) -> dict[str, Tensor]:
    """What exporters trace the module with: the first batch, by the names of its inputs."""
    return {name: torch.from_numpy(array) for name, array in model.batches()[0].items()}


def torch_model(model: Model, weights: Arrays, sliced: bool = False) -> nn.Module:
    """The module with these weights. Raises `KeyError` for one that is missing, `ValueError` for
    one that is left over."""
    network = Layers(model, sliced)
    left = dict(weights)

    def fill(module: Any, path: str, weight: str = "kernel", bias: str = "bias") -> None:
        kernel = left.pop(f"{path}/{weight}")
        if isinstance(module, nn.Linear):
            kernel = kernel.T
        elif isinstance(module, nn.Conv2d):
            kernel = kernel.transpose(3, 2, 0, 1)
        with torch.no_grad():
            module.weight.copy_(torch.from_numpy(kernel.copy()))
            module.bias.copy_(torch.from_numpy(left.pop(f"{path}/{bias}")))

    if network.patches is not None:
        fill(network.patches, "conv2d[0]")
    for index, block in enumerate(network.blocks):
        path = f"{'decoder' if model.causal else 'encoder'}[{index}]"
        for name in ("query", "key", "value", "output"):
            fill(getattr(block.attention, name), f"{path}/attention/{name}")
        fill(block.attention_norm, f"{path}/attention_norm", "gain")
        fill(block.ffn_norm, f"{path}/ffn_norm", "gain")
        fill(block.inner, f"{path}/ffn/inner")
        fill(block.outer, f"{path}/ffn/outer")
    fill(network.head, "dense[0]")
    if left:
        raise ValueError(f"weights that the module has no place for: {', '.join(left)}")
    return network.eval()
