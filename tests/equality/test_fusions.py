"""At -O2 every attention of the guide's networks is fused; at -O0 nothing is."""

from __future__ import annotations

from collections.abc import Callable

import neuralc
import pytest
from neuralc.ir.spec import spec_of

ATTENTIONS = {
    "attention_with_positional_encoding": (1, 0),
    "bidirectional_attention": (2, 0),
    "causal_attention": (2, 0),
    "encoder_decoder_with_cross_attention": (4, 2),
    "multi_head_example": (1, 0),
    "nlp_attention": (2, 0),
    "self_attention_example": (1, 0),
    "time_series_attention": (1, 0),
    "vision_attention": (2, 0),
    "visualizable_attention": (1, 0),
}
"""Self-attentions and cross-attentions in each network."""


@pytest.mark.parametrize("target", ["cpu", "portable", "cuda"])
@pytest.mark.parametrize("padded", [False, True], ids=["unpadded", "padded"])
def test_every_attention_is_fused(
    network: str, padded: bool, target: str, network_source: Callable[[str], str]
) -> None:
    model = neuralc.compile(
        network_source(network), opt_level=2, target=target, padding_mask=padded, lint=False
    )
    self_attentions, cross_attentions = ATTENTIONS[network]
    ops = [node.op for node in model.graph.nodes()]
    assert ops.count("attention") == self_attentions + cross_attentions
    assert ops.count("qkv_projection") == self_attentions
    assert ops.count("kv_projection") == cross_attentions
    assert not {"softmax", "masked_softmax"} & set(ops[:-1])


def test_nothing_is_fused_without_optimization(
    network: str, network_source: Callable[[str], str]
) -> None:
    model = neuralc.compile(network_source(network), opt_level=0, lint=False)
    assert not [n.op for n in model.graph.nodes() if spec_of(n.op).is_fused]
    assert [n.op for n in model.graph.nodes()] == [n.op for n in model.source_graph.nodes()]
