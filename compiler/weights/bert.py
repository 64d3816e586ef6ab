"""Checkpoints of Hugging Face's BERT: BertModel and the models with a head on top of it.

In: the weights of a program that has BERT's form (token table, learned positions, a norm, post-norm
encoder layers), and the checkpoint. Out: sources for them.

What differs from our form:

* A torch `Linear` keeps its matrix [out, in], ours is [in, out]: transposed.
* BERT adds a row of `token_type_embeddings` to each token. A program with a single kind of text
  always takes row 0, so that row is added to every row of the position table.
* Checkpoints of old call a norm's weights gamma and beta.

Left out, and said so: the pooler, the heads of pre-training and of tasks, `position_ids` (a buffer
that counts 0, 1, 2 …). Names: transformers, `models/bert/modeling_bert.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...ir.parameter import Computed, ParameterSource
from ...ir.type import TensorType
from .checkpoint import Checkpoint, Weight

ANCHOR = "embeddings.word_embeddings.weight"
PREFIXES = ("", "bert.", "model.", "auto_model.", "0.auto_model.")
"""What may stand before every name: a task's model, a wrapped model, sentence-transformers."""

UNNEEDED = re.compile(
    r"embeddings\.position_ids$|pooler\.|cls\.|classifier\.|qa_outputs\.|seq_relationship\.|"
    r"predictions\."
)
"""Tensors of a BERT checkpoint that an encoder's output does not depend on."""

ENCODER_LAYER = {
    "attention/query": "attention.self.query",
    "attention/key": "attention.self.key",
    "attention/value": "attention.self.value",
    "attention/output": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "ffn/inner": "intermediate.dense",
    "ffn/outer": "output.dense",
    "ffn_norm": "output.LayerNorm",
}
"""The parts of one encoder layer: our path below the layer, theirs below `encoder.layer.N`."""


def from_bert(weights: Sequence[Weight], checkpoint: Checkpoint) -> None:
    """Settles the weights from a BERT checkpoint; what does not fit becomes a problem of it."""
    prefix = next((p for p in PREFIXES if p + ANCHOR in checkpoint), None)
    if prefix is None:
        checkpoint.refuse(
            "E0414",
            f"{checkpoint.file} is no BERT checkpoint: it has no {ANCHOR!r}, "
            "with or without one of the prefixes " + ", ".join(p for p in PREFIXES if p),
        )
        return
    kinds = f"{prefix}embeddings.token_type_embeddings.weight"
    if kinds in checkpoint and checkpoint.tensors[kinds].shape[0] == 1:
        checkpoint.refuse(
            "E0415",
            f"{checkpoint.file} looks like a RoBERTa checkpoint (one token type), "
            "whose positions start at 2; only BERT's can be read",
        )
        return
    names = _names(weights)
    for weight in weights:
        name = names.get(weight.path)
        if name is None:
            checkpoint.lack(weight)
            continue
        checkpoint.give(weight, _source(weight, prefix, name, checkpoint))
    checkpoint.ignore(lambda t: bool(UNNEEDED.match(t.removeprefix(prefix)) or UNNEEDED.match(t)))


def _names(weights: Sequence[Weight]) -> dict[str, str]:
    """The BERT name, without prefix, of each weight that has one, by our path.

    Layers are told by what they hold and counted in the order of the program, so that `name=` on a
    layer changes nothing: the first table is the tokens', the second the positions', the first
    layer with a gain is the embeddings' norm, each with an attention an encoder layer.
    """
    names: dict[str, str] = {}
    layers: dict[str, int] = {}
    tables = iter(("word_embeddings", "position_embeddings"))
    norm: str | None = None
    attentions = {w.path.split("/attention/")[0] for w in weights if "/attention/" in w.path}
    for weight in weights:
        layer, _, rest = weight.path.partition("/")
        if layer in attentions:
            number = layers.setdefault(layer, len(layers))
            part, _, leaf = rest.rpartition("/")
            if part in ENCODER_LAYER:
                names[weight.path] = f"encoder.layer.{number}.{ENCODER_LAYER[part]}.{leaf}"
        elif rest == "embeddings":
            table = next(tables, None)
            if table is not None:
                names[weight.path] = f"embeddings.{table}.{rest}"
        elif rest in ("gain", "bias") and (norm is None or norm == layer) and not layers:
            norm = layer
            names[weight.path] = f"embeddings.LayerNorm.{rest}"
    return names


def _source(
    weight: Weight, prefix: str, name: str, checkpoint: Checkpoint
) -> ParameterSource | None:
    stem, _, leaf = name.rpartition(".")
    full = prefix + stem
    shape = weight.type.static_shape
    if leaf == "kernel":
        stored = checkpoint.take(f"{full}.weight", shape[::-1], weight)
        if stored is None:
            return None
        return Computed(weight.type, "transpose", {"permutation": (1, 0)}, (stored,))
    if leaf == "gain":
        old = f"{full}.gamma"
        return checkpoint.take(old if old in checkpoint else f"{full}.weight", shape, weight)
    if leaf == "bias":
        old = f"{full}.beta"
        return checkpoint.take(old if old in checkpoint else f"{full}.bias", shape, weight)
    stored = checkpoint.take(f"{full}.weight", shape, weight)
    if stem != "embeddings.position_embeddings":
        return stored
    return _with_first_token_type(stored, prefix, weight, checkpoint)


def _with_first_token_type(
    positions: ParameterSource | None, prefix: str, weight: Weight, checkpoint: Checkpoint
) -> ParameterSource | None:
    """The position table with row 0 of the token types added to each of its rows."""
    name = f"{prefix}embeddings.token_type_embeddings.weight"
    entry = checkpoint.tensors.get(name)
    rows = entry.shape[0] if entry is not None and entry.shape else 2
    width = weight.type.static_shape[1]
    types = checkpoint.take(name, (rows, width), weight)
    if types is None or positions is None:
        return None
    first = Computed(
        TensorType(weight.type.dtype, (1, width)),
        "slice",
        {"axis": 0, "start": 0, "stop": 1, "step": 1},
        (types,),
    )
    return Computed(weight.type, "add", {}, (positions, first))
