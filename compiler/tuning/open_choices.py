"""The choices of forms that a graph leaves open on a target.

In: a raised graph, its target, the user's `--form`, a size for each symbol. Out: the choices by
signature, each with a small model to measure it on, and the graphs that follow from decisions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...ir.graph import Graph
from ...ir.node import Node
from ...ir.quantization import QuantizationPlan
from ...ir.target import Form, Target
from ...passes.form_choice import Choice
from ...passes.forms_pipeline import FORMS_FROM_LEVEL, forms_passes
from ...passes.manager import Pass, run_pipeline
from ...passes.select_forms import SelectForms, Watch
from ...passes.tuned_forms import Measured, TunedForms, signature_of
from .snippet import snippet

MOST_FORMS = 4
"""How many forms of a choice are measured."""


@dataclass(slots=True)
class OpenChoice:
    """Several forms for all nodes of one signature."""

    op: str
    choice: Choice
    model: Graph
    """One of the nodes beside its neighbours."""
    inner: str
    """The signature of that node there: what folding will make a weight is one already."""
    nodes: int = 0

    @property
    def promising(self) -> tuple[Form, ...]:
        """The forms worth measuring: -O2's, and of the others the few that the table puts lowest;
        what it knows nothing of comes last."""
        costs, taken = self.choice.costs, self.choice.form
        others = sorted(
            (form for form in self.choice.usable if form is not taken),
            key=lambda form: costs.get(form.name) or math.inf,
        )
        kept = {taken.name, *(form.name for form in others[: MOST_FORMS - 1])}
        return tuple(form for form in self.choice.usable if form.name in kept)


@dataclass(frozen=True, slots=True)
class OpenChoices:
    """What may be decided otherwise than the cost table does."""

    graph: Graph
    target: Target
    forms: Mapping[str, str]
    sizes: Mapping[str, int]
    plan: QuantizationPlan = field(default_factory=QuantizationPlan)
    padding: str = "auto"

    def under(self, tuned: TunedForms) -> dict[str, OpenChoice]:
        """The open choices by signature, in the order of the graph, where `tuned` is followed: a
        form may be written in nodes that have forms of their own."""
        found: dict[str, OpenChoice] = {}

        def watch(graph: Graph, node: Node, choice: Choice) -> None:
            if len(choice.usable) < 2:
                return
            signature = signature_of(node, self.sizes)
            if signature not in found:
                model, inner = snippet(graph, node, self.sizes)
                found[signature] = OpenChoice(node.op, choice, model, signature_of(inner, {}))
            found[signature].nodes += 1

        run_pipeline(self.graph, self._passes(tuned, watch))
        return found

    def target_graph(self, tuned: TunedForms) -> Graph:
        """The whole graph in the forms decided."""
        return run_pipeline(self.graph, self._passes(tuned)).graph

    def in_form(self, each: OpenChoice, form: Form, decided: Mapping[str, Measured]) -> Graph:
        """The small model of a choice with its node in a form, its neighbours as decided."""
        tuned = TunedForms({}, {**decided, each.inner: Measured(form.name, {})})
        passes = self._passes(tuned)
        # What comes before the choice of forms has run on the graph that the node is from.
        at = next(number for number, each in enumerate(passes) if isinstance(each, SelectForms))
        return run_pipeline(each.model, passes[at:]).graph

    def _passes(self, tuned: TunedForms, watch: Watch | None = None) -> list[Pass]:
        return forms_passes(
            self.target, self.forms, FORMS_FROM_LEVEL, self.plan, tuned, watch, self.padding
        )
