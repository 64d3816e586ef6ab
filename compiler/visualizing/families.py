"""Families of layers and kernels, each with its colour.

In: the name of a layer or of an op. Out: `Family`. A layer's family is the file of
`compiler/layers/` that defines it, so that none is forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..layers.spec import layer_named


@dataclass(frozen=True, slots=True)
class Family:
    """`fill` and `line` are colours on light ground, `dark` the fill on dark ground."""

    key: str
    title: str
    fill: str
    line: str
    dark: str


FAMILIES = {
    each.key: each
    for each in (
        Family("ends", "inputs and outputs", "#eceff3", "#7b8794", "#3a434e"),
        Family("embedding", "embeddings and positions", "#eadcf8", "#8e5bc4", "#523475"),
        Family("attention", "attention and transformers", "#d6e6fb", "#2f72c9", "#1f4478"),
        Family("dense", "products", "#d5f0e3", "#24936a", "#1c5641"),
        Family("convolution", "convolutions", "#fde3cc", "#d0762a", "#6d421c"),
        Family("recurrent", "recurrent layers", "#f9d9e4", "#c24374", "#6b2744"),
        Family("norm", "norms", "#fbf0c4", "#b0912a", "#5c4d1b"),
        Family("activation", "activations", "#e6f3c9", "#7d9c2d", "#48581d"),
        Family("shape", "pooling and shapes", "#dfe8ec", "#5c7c8a", "#344751"),
        Family("merge", "merges and blocks", "#e3e0f3", "#6a60ad", "#3d3866"),
        Family("quiet", "identities at inference", "#f6f6f6", "#a0a0a0", "#2f3339"),
    )
}
_OF_FILES = {
    "core": "dense", "embedding": "embedding", "attention": "attention",
    "transformer": "attention", "transformer_block": "attention",
    "normalization": "norm", "group_normalization": "norm",
    "lambda_layer": "activation", "convolution": "convolution", "depthwise": "convolution",
    "transposed": "convolution",
    "resizing": "shape", "pooling": "shape", "selection": "shape", "shaping": "shape",
    "activation": "activation", "regularization": "quiet", "recurrent": "recurrent",
    "structure": "merge", "wrappers": "merge", "merging": "merge",
}  # fmt: skip
_OF_OPS = {
    "attention": "attention", "masked_softmax": "attention", "scaled_masked_softmax": "attention",
    "linear": "dense", "matmul": "dense", "qkv_projection": "dense", "kv_projection": "dense",
    "conv": "convolution", "conv_transpose": "convolution",
    "lstm": "recurrent", "gru": "recurrent", "simple_rnn": "recurrent",
    "layer_norm": "norm", "rms_norm": "norm", "batch_norm": "norm", "group_norm": "norm",
    "instance_norm": "norm", "skip_layer_norm": "norm",
    "gather": "embedding", "sinusoid": "embedding", "positions": "embedding",
}  # fmt: skip
_MOVING = frozenset(
    ("reshape", "transpose", "expand", "concat", "split", "slice", "reverse", "pad", "cast")
) | {"take_rows", "nonzero", "resize", "max_pool", "average_pool", "reduce_mean", "reduce_sum"}


def family_of_layer(kind: str) -> Family:
    """The family of a layer, by the file that defines it."""
    spec = layer_named(kind)
    file = spec.build.__module__.rsplit(".", 1)[-1] if spec is not None else ""
    if kind == "Activation":
        return FAMILIES["activation"]
    return FAMILIES[_OF_FILES[file]]


def family_of_op(op: str) -> Family:
    """The family of a kernel."""
    if "quantized" in op:
        return FAMILIES["dense"]
    return FAMILIES[_OF_OPS.get(op, "shape" if op in _MOVING else "activation")]
