"""The last pass before lowering: each fused op gets the form that is fastest on the target.

In: a graph of primitive and fused ops. Out: one in which every node is one kernel of the target, or
a short fixed sequence that lowering knows. See `SelectForms`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.target import Target
from .attention_forms import AttentionForms
from .form_choice import Choice, Chooser
from .manager import Pass
from .pointwise_forms import PointwiseForms
from .projection_forms import ProjectionForms
from .remarks import Remarks
from .rewrite import substitute
from .tuned_forms import TunedForms

Watch = Callable[[Graph, Node, Choice], None]
"""Told each choice before it is carried out, with the graph as it is at that moment."""


@dataclass(frozen=True)
class SelectForms(Pass):
    """Names or expands the form of every fused op, by measured cost.

    Before, on the target cpu:

        %q, %k, %v = qkv_projection(%rows, …)
        %a = attention(%q3, %k3, %v3, %key_mask, _, _) {heads = 8, scale = 0.125}
        %y, %sum = skip_layer_norm(%x, %a, %gain, %bias) {epsilon = 1e-05}

    After:

        %q = linear(%rows, …) {form = "gemm"}            and %k, %v alike
        %mask = expand(reshape(%key_mask))
        %a = attention(%q3, %k3, %v3, _, %mask, _) {heads = 8, scale = 0.125, form = "attention23"}
        %sum = add(%x, %a)
        %y = layer_norm(%sum, %gain, %bias) {epsilon = 1e-05}

    `overrides` are the user's `--form OP=FORM`, `tuned` what was measured for this graph. Each
    choice is told with the figures it rests on, and to `watch` before it is carried out. Raises
    `CompileError` E0622 or E0623 for an override that is unknown or cannot be, E0642 for such a
    measured form.
    """

    name: ClassVar[str] = "select_forms"
    target: Target
    overrides: Mapping[str, str] = field(default_factory=dict)
    tuned: TunedForms | None = None
    watch: Watch | None = None

    def run(self, graph: Graph, remarks: Remarks) -> int:
        chooser = Chooser(self.target, self.overrides, self.tuned)
        attention = AttentionForms(graph, chooser)
        projection = ProjectionForms(graph, chooser)
        pointwise = PointwiseForms(graph, chooser)
        writers: dict[str, AttentionForms | ProjectionForms | PointwiseForms] = {
            "attention": attention,
            "qkv_projection": projection,
            "kv_projection": projection,
            "bias_gelu": pointwise,
            "skip_layer_norm": pointwise,
            "scaled_masked_softmax": pointwise,
        }
        changes = self._sweep(graph, writers, remarks)
        # What the first sweep has written may hold these.
        writers = {"linear": projection, "gelu": pointwise, "silu": pointwise}
        return changes + self._sweep(graph, writers, remarks)

    def _sweep(
        self,
        graph: Graph,
        writers: Mapping[str, AttentionForms | ProjectionForms | PointwiseForms],
        remarks: Remarks,
    ) -> int:
        changes = 0
        for node in graph.nodes():
            # A change of its operands has put another node in its place.
            current = graph.producer(node.results[0])
            if current is None or current.op not in writers or current.attributes["form"]:
                continue
            writer = writers[current.op]
            choice = writer.choose(current)
            if self.watch is not None:
                self.watch(graph, current, choice)
            if choice.reason:
                words = f"{current.op} as {choice.form.name}: {choice.reason}"
                remarks.form(self.name, words, [current])
            results = writer.write(current, choice.form)
            if results is not None:
                substitute(graph, current, results)
            changes += 1
        return changes
