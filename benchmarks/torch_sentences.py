"""The sentence encoder of `sentences.py` as its users run it: transformers, then a masked mean.

In: a `SentenceEncoder`. Out: a module in evaluation mode, from ids and mask to unit vectors.
"""

from __future__ import annotations

import torch
from sentences import SentenceEncoder
from torch import Tensor, nn
from torch.nn import functional as F


class SentenceModule(nn.Module):
    """The mean of the tokens' vectors, padding left out, scaled to length 1."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        tokens = self.encoder(input_ids=input_ids, attention_mask=attention_mask)[0]
        mask = attention_mask.unsqueeze(-1).to(tokens.dtype)
        mean = (tokens * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
        return F.normalize(mean, dim=1)


def sentence_module(model: SentenceEncoder) -> nn.Module:
    """With the trained weights, and torch's fused attention where transformers takes it."""
    from transformers import AutoModel, logging

    logging.set_verbosity_error()
    encoder = AutoModel.from_pretrained(model.checkpoint, attn_implementation="sdpa")
    return SentenceModule(encoder).to(torch.float32).eval()
