"""The levels as a whole: what is fused, that nothing changes its meaning, how time grows."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import pytest
from neuralc.ir.dim import symbol
from neuralc.ir.graph import Graph
from neuralc.passes.manager import run_pipeline
from neuralc.passes.pipelines import PIPELINES, count_fused, passes_of
from neuralc.passes.remarks import RemarkKind

Build = Callable[..., Graph]
NETWORKS = {
    "encoder": {},
    "padded": {"padded": True},
    "causal": {"causal": True},
    "causal and padded": {"causal": True, "padded": True},
    "encoder and decoder": {"cross": True, "padded": True},
    "dynamic": {"cross": True, "padded": True, "length": symbol("S", maximum=64)},
    "one head": {"heads": 1},
    "long": {"causal": True, "length": 700, "width": 4, "heads": 2},
}


@pytest.mark.parametrize("level", PIPELINES)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_level_keeps_the_meaning(
    name: str, level: int, encoder: Build, same_meaning: Callable[..., None]
) -> None:
    graph = encoder(2, **NETWORKS[name])
    result = run_pipeline(graph, passes_of(level), verify=True)
    same_meaning(graph, result.graph, S=7)


@pytest.mark.parametrize("name", NETWORKS)
def test_level_2_fuses_every_attention_and_projection(name: str, encoder: Build) -> None:
    options = NETWORKS[name]
    result = run_pipeline(encoder(2, **options), passes_of(2), verify=True)
    cross = 2 if "cross" in options else 0
    fused = count_fused(result.graph)
    assert fused["attention"] == 2 + 2 * cross
    assert fused["qkv_projection"] == 2 + cross
    assert fused.get("kv_projection", 0) == cross
    assert fused["gelu"] == 2 + cross
    assert fused["linear"] == 3 * (2 + cross) + 2 * cross + 1
    ops = [node.op for node in result.graph.nodes()]
    assert not {"masked_softmax", "matmul", "transpose", "dropout", "erf"} & set(ops)
    assert ops.count("softmax") == 1
    assert "reshape" not in ops


def test_attention_says_what_kind_it_is(encoder: Build) -> None:
    graph = run_pipeline(encoder(1, causal=True, padded=True), passes_of(2)).graph
    (attention,) = (node for node in graph.nodes() if node.op == "attention")
    assert attention.attributes["causal"] is True
    assert attention.attributes["heads"] == 4
    assert attention.attributes["scale"] == 0.5
    key_mask, mask, bias = attention.operands[3:]
    assert str(key_mask) == "%not_equal"
    assert mask is None
    assert bias is None
    assert attention.scope.startswith("encoder[0]")
    assert attention.spans


def test_level_0_changes_nothing(encoder: Build) -> None:
    graph = encoder(2)
    result = run_pipeline(graph, passes_of(0))
    assert result.graph.nodes() == graph.nodes()
    assert count_fused(result.graph) == {}


def test_level_1_raises_nothing(encoder: Build) -> None:
    result = run_pipeline(encoder(2), passes_of(1), verify=True)
    assert count_fused(result.graph) == {}
    assert "dropout" not in [node.op for node in result.graph.nodes()]


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_second_run_changes_nothing(name: str, level: int, encoder: Build) -> None:
    once = run_pipeline(encoder(2, **NETWORKS[name]), passes_of(level)).graph
    twice = run_pipeline(once, passes_of(level))
    assert [record for record in twice.records if record.changes] == []
    assert twice.graph.nodes() == once.nodes()


def test_the_order_of_fusion_is_the_same_in_every_run(encoder: Build) -> None:
    def names() -> list[str]:
        graph = run_pipeline(encoder(2, padded=True, cross=True), passes_of(2)).graph
        return [str(value) for node in graph.nodes() for value in (*node.operands, *node.results)]

    assert names() == names()


def test_what_fused_is_told_with_its_place(encoder: Build) -> None:
    remarks = run_pipeline(encoder(2, causal=True), passes_of(2)).remarks
    told = [r for r in remarks.all() if r.pass_name == "fuse_attention"]
    assert [r.kind for r in told] == [RemarkKind.FUSED] * 2
    assert told[0].message == "causal attention with 4 heads, scale 0.5"
    assert told[0].scope == "encoder[0]"
    assert told[0].spans[0].file == "model.neural"


def calls(graph: Graph) -> int:
    """Function calls that level 2 takes: a measure of work that no load of the machine changes."""
    count = 0

    def counted(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counted)
    try:
        run_pipeline(graph, passes_of(2))
    finally:
        sys.setprofile(None)
    return count


def test_work_grows_linearly_with_the_layers(encoder: Build) -> None:
    options = {"width": 768, "heads": 12, "length": 128, "causal": True, "padded": True}
    small, large = (calls(encoder(layers, **options)) for layers in (6, 48))
    assert large <= 8.2 * small


def test_passes_are_quick(encoder: Build) -> None:
    graph = encoder(12, width=768, heads=12, length=128)
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        run_pipeline(graph, passes_of(2))
        best = min(best, time.process_time() - start)
    assert best <= 0.3
