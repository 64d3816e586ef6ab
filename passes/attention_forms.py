"""The forms of attention: which of them can compute a node, and how they are written.

In: a fused attention. Out: the same with its form named and its masks as that kernel takes them, or
the two products and the softmax.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from ..ir.dim import Dim, product
from ..ir.emitter import Emitter
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.spec import spec_of
from ..ir.target import AttentionSizes, Form
from ..ir.value import Value
from .form_choice import Choice, Chooser, Sizes
from .query_blocks import QueryBlocks


class AttentionForms:
    """Gives each attention of a graph its form. Masks that several layers share are made once."""

    def __init__(self, graph: Graph, chooser: Chooser) -> None:
        self._graph = graph
        self._chooser = chooser
        self._size = Sizes(graph)
        self._blocks = QueryBlocks(graph)
        self._pairwise: dict[tuple[Value | None, Value | None, Dim], Value] = {}

    def choose(self, node: Node) -> Choice:
        """The form for an attention at the declared maxima of its sizes."""
        sizes = sizes_of(node)
        masked = node.operands[3] is not None or node.operands[4] is not None
        case = "attention"
        case += " causal" if node.attributes["causal"] else ""
        case += " masked" if masked else ""
        work, scores = self._size(sizes.work), self._size(sizes.scores)
        return self._chooser.choose(node, case, work, lambda form: refusal(form, node), scores)

    def write(self, node: Node, form: Form) -> Sequence[Value] | None:
        """Puts the node into the form; the values that replace it, None where it stays."""
        if form.blocks > 1:
            return (self._blocks.write(node, form.blocks),)
        if form.expands:
            emit = Emitter.like(self._graph, node)
            decompose = spec_of("attention").decompose
            assert decompose is not None
            return (cast("Value", decompose(emit, node.operands, node.attributes)),)
        operands = node.operands
        query, key, value, key_mask, mask, bias = operands
        if key_mask is not None or mask is not None:
            operands = (query, key, value, None, self._mask(node), bias)
        elif bias is not None:
            operands = (*operands[:5], self._rows(node, bias))
        self._graph.update(
            node, operands=operands, attributes={**node.attributes, "form": form.name}
        )
        return None

    def _mask(self, node: Node) -> Value:
        """Both masks as one with a row for every query, which is what the kernel takes."""
        query, _, _, key_mask, mask, _ = node.operands
        assert query is not None
        # One mask serves all attentions with as many queries, whichever layer they belong to.
        key = key_mask, mask, query.type.shape[1]
        if key not in self._pairwise:
            emit = Emitter.like(self._graph, node)
            combined = mask
            if key_mask is not None:
                batch, keys = key_mask.type.shape
                combined = emit("reshape", key_mask, shape=(batch, 1, 1, keys))
                if mask is not None:
                    combined = emit("logical_and", combined, mask)
            assert combined is not None
            self._pairwise[key] = self._rows(node, combined)
        return self._pairwise[key]

    def _rows(self, node: Node, values: Value) -> Value:
        """A mask or a bias that broadcasts over queries or keys, with all of them written out."""
        query, key = node.operands[:2]
        assert query is not None
        assert key is not None
        wanted = (query.type.shape[1], key.type.shape[1])
        if values.type.shape[-2:] == wanted:
            return values
        emit = Emitter.like(self._graph, node)
        return emit("expand", values, shape=(*values.type.shape[:-2], *wanted))


def sizes_of(node: Node) -> AttentionSizes:
    """The sizes of an attention node, symbolic where its types are."""
    query, key, value, key_mask, mask, _ = node.operands
    assert query is not None
    assert key is not None
    assert value is not None
    heads = cast("int", node.attributes["heads"])
    kv_heads = cast("int", node.attributes["kv_heads"]) or heads
    batch, queries, width = query.type.shape
    keys = key.type.shape[1]
    pairs: Dim = queries * keys if node.attributes["causal"] else 0
    if key_mask is not None:
        pairs = batch * queries * keys
    if mask is not None:
        pairs = product(mask.type.shape[:-2]) * queries * keys
    return AttentionSizes(
        batch,
        heads,
        queries,
        keys,
        width // heads,
        value.type.shape[2] // kv_heads,
        kv_heads,
        query.type.dtype.itemsize,
        pairs,
    )


def refusal(form: Form, node: Node) -> str | None:
    """Why a form cannot compute an attention; None where it can."""
    key_mask, mask, bias = node.operands[3:6]
    heads, kv_heads = node.attributes["heads"], node.attributes["kv_heads"]
    causal = node.attributes["causal"]
    sizes = sizes_of(node)
    masked = key_mask is not None or mask is not None
    if masked and not form.masks:
        return "it takes no mask"
    if bias is not None and not form.bias:
        return "it takes no bias"
    if bias is not None and masked and not form.expands:
        return "it takes a mask or a bias, not both"
    if form.causal is True and not causal:
        return "it is for causal attention only"
    if form.causal is False and causal:
        return "it computes the masked half and keeps all scores when causal"
    if not form.grouped and kv_heads not in (0, heads):
        return "it needs as many key heads as query heads"
    if not form.value_width and sizes.value_size != sizes.head_size:
        return "it needs values as wide as keys"
    if not form.cross and sizes.queries != sizes.keys:
        return "it needs as many keys as queries"
    if cast("int", sizes.head_size) % form.head_multiple:
        return f"the head size {sizes.head_size} is not a multiple of {form.head_multiple}"
    return None
