"""Choosing among the forms of a fused op.

In: a target's forms for an op, why some of them cannot be used here, their measured costs, what
was measured for this very graph, and what the user asked for. Out: the form, and a sentence that
says why.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..ir.diagnostic import CompileError, Diagnostic, ExitStatus, Severity
from ..ir.dim import Dim, Symbol, SymbolicDim, evaluate
from ..ir.graph import Graph
from ..ir.node import Node
from ..ir.target import FORMS, Form, Target
from .tuned_forms import Measured, TunedForms

OVERRIDABLE = {
    "attention": ("attention",),
    "qkv": ("qkv_projection", "kv_projection"),
    "linear": ("linear",),
    "gelu": ("gelu",),
    "bias_gelu": ("bias_gelu",),
    "skip_layer_norm": ("skip_layer_norm",),
}
"""What may stand before the `=` of `--form`, and the ops that it speaks of."""

TIE = 1.03
"""Costs closer than this are equal: repeated measurements differ as much."""
WORTH_ITS_MEMORY = 1.25
"""How much slower a form may be that spares large scores."""
LARGE_SCORES = 64 << 20
"""Bytes of scores from which memory counts more than a little time."""
USUAL_LENGTH = 512
"""What an axis without a maximum is taken for; the batch is taken for 1."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The form taken, and why in words; no words where there was nothing to choose from."""

    form: Form
    reason: str
    usable: tuple[Form, ...] = ()
    """The forms it was taken from: one alone where the user asked for it."""
    scores: int = 0
    """The bytes that forms which keep all scores would hold."""
    costs: Mapping[str, float | None] = field(default_factory=dict)
    """Microseconds of each usable form by the target's table; None where nobody measured."""


class Sizes:
    """Turns dimensions into the sizes that choices are made for: the declared maxima."""

    def __init__(self, graph: Graph) -> None:
        batches = {
            atom.name
            for value in graph.inputs
            if value.type.shape and isinstance(first := value.type.shape[0], SymbolicDim)
            for atom in first.symbols()
        }
        self._batches = batches

    def __call__(self, dim: Dim) -> int:
        if isinstance(dim, int):
            return dim
        return evaluate(dim, {each.name: self.of(each) for each in dim.symbols()})

    def of(self, symbol: Symbol) -> int:
        """The size that a symbol stands for."""
        if symbol.within is not None:
            return self(symbol.within)
        if symbol.maximum is not None and symbol.name not in self._batches:
            return symbol.maximum
        return 1 if symbol.name in self._batches else USUAL_LENGTH


class Chooser:
    """Chooses forms on one target, under one set of overrides.

    What the user asked for comes first, then what was measured for this graph, then the target's
    cost table. Raises `CompileError` E0622 for an override that names no op or no form.
    """

    def __init__(
        self, target: Target, overrides: Mapping[str, str], tuned: TunedForms | None = None
    ) -> None:
        self.target = target
        self._tuned = tuned or TunedForms()
        self._asked: dict[str, str] = {}
        for key, form in overrides.items():
            if key not in OVERRIDABLE:
                raise _refused("E0622", f"there is no choice of forms for {key!r}", OVERRIDABLE)
            for op in OVERRIDABLE[key]:
                names = list(dict.fromkeys(n for f in FORMS[op] for n in (f.family, f.name) if n))
                if form not in names:
                    raise _refused("E0622", f"{key!r} has no form {form!r}", names)
                self._asked[op] = form

    def choose(
        self,
        node: Node,
        case: str,
        size: int,
        refusal: Callable[[Form], str | None],
        scores: int = 0,
        shape: str = "",
    ) -> Choice:
        """The form for a node whose costs stand under `case` and its `shape` class at `size`.

        `refusal` says why a form cannot compute this node; `scores` are the bytes that forms which
        keep all scores would hold. Raises `CompileError` E0623 where the form asked for cannot be,
        E0642 where that is so of the one that was measured.
        """
        forms = self.target.forms[node.op]
        asked = self._asked.get(node.op)
        if asked is not None:
            forms = tuple(form for form in forms if form.family == asked)
            if not any(refusal(form) is None for form in forms):
                form = self._take(node, asked, refusal)
                return Choice(form, "it was asked for", (form,))
        refused = {form: why for form in forms if (why := refusal(form)) is not None}
        usable = [form for form in forms if form not in refused]
        estimate = self.target.costs.estimate
        costs = {form.name: estimate(case, form.name, size, shape) for form in usable}
        if measured_here := self._tuned.choice(node):
            best = _measured_form(node, measured_here, usable)
            words = _measured_words(best, measured_here.microseconds)
            return Choice(best, words, tuple(usable), scores, costs)
        measured = [form for form in usable if costs[form.name] is not None]
        best = best_form(measured, costs, scores) if measured else usable[0]
        words = _words(best, usable, costs, refused) if len(forms) > 1 else ""
        return Choice(best, words, tuple(usable), scores, costs)

    def _take(self, node: Node, asked: str, refusal: Callable[[Form], str | None]) -> Form:
        family = (each for each in self.target.forms[node.op] if each.family == asked)
        form = self.target.form(node.op, asked) or next(family, None)
        if form is None:
            why = f"the target {self.target.name!r} has no such kernel"
        else:
            refused = refusal(form)
            if refused is None:
                return form
            why = refused
        place = f" in {node.scope}" if node.scope else ""
        diagnostic = Diagnostic(
            "E0623",
            Severity.ERROR,
            f"{node.op}{place} cannot be computed as {asked!r}: {why}",
            node.spans[0] if node.spans else None,
            help="leave the choice to the compiler, or ask for another form",
        )
        raise CompileError((diagnostic,), ExitStatus.USAGE)


def best_form(forms: Sequence[Form], costs: Mapping[str, float | None], scores: int = 0) -> Form:
    """The cheapest of `forms`, all of which have a cost. Of equals the one that keeps the fewest
    scores, then one of the standard operators, then the first; where all `scores` are large, one
    that spares them may be somewhat dearer."""
    cost = {form.name: costs[form.name] or 0.0 for form in forms}
    kept = {form.name: scores_kept(form, scores) for form in forms}
    least = min(cost.values())

    def limit(form: Form) -> float:
        spares = scores >= LARGE_SCORES > kept[form.name]
        return least * (WORTH_ITS_MEMORY if spares else TIE)

    near = [form for form in forms if cost[form.name] <= limit(form)]
    spare = [form for form in near if kept[form.name] < LARGE_SCORES] or near
    least_of_spare = min(cost[form.name] for form in spare)
    equal = [form for form in spare if cost[form.name] <= TIE * least_of_spare]
    return min(equal, key=lambda form: (kept[form.name], form.contrib))


def scores_kept(form: Form, scores: int) -> int:
    """Bytes of scores that a form keeps at once, where `scores` are those of the attention."""
    return scores // form.blocks if form.materializes else 0


def _measured_form(node: Node, measured: Measured, usable: Sequence[Form]) -> Form:
    form = next((each for each in usable if each.name == measured.form), None)
    if form is None:
        can = ", ".join(each.name for each in usable)
        place = f" in {node.scope}" if node.scope else ""
        message = f"the tuning record takes {node.op}{place} as {measured.form!r}, which cannot be"
        diagnostic = Diagnostic(
            "E0642",
            Severity.ERROR,
            message,
            node.spans[0] if node.spans else None,
            help=f"it can be computed as {can}; measure again: compile without --tuning",
        )
        raise CompileError((diagnostic,), ExitStatus.USAGE)
    return form


def _words(
    best: Form,
    usable: list[Form],
    costs: Mapping[str, float | None],
    refused: Mapping[Form, str],
) -> str:
    def figure(form: Form) -> str:
        return _microseconds(costs[form.name])

    words = figure(best)
    cost = costs[best.name]
    least = min((each for each in costs.values() if each is not None), default=None)
    if cost is not None and least is not None and cost > TIE * least:
        words += f", keeps {f'1/{best.blocks} of the' if best.materializes else 'no'} scores"
    elif cost is not None and least is not None and cost > least:
        words += ", as fast as any"
    others = [f"{form.name} {figure(form)}" for form in _told(usable, best, costs)]
    families = {form.family for form in usable if form.family}
    reasons: dict[str, str] = {}
    for form, why in refused.items():
        if form.family not in families:
            reasons.setdefault(form.family or form.name, why)
    others += [f"{name} not: {why}" for name, why in reasons.items()]
    return f"{words} ({'; '.join(others)})" if others else words


def _told(usable: list[Form], best: Form, costs: Mapping[str, float | None]) -> list[Form]:
    """The others that are worth a figure: of each family the cheapest, none beside the best."""
    cheapest: dict[str, Form] = {}
    for form in sorted(usable, key=lambda form: costs[form.name] or math.inf):
        if costs[form.name] is not None or not form.family:
            cheapest.setdefault(form.family or form.name, form)
    cheapest.pop(best.family or best.name, None)
    return [form for form in usable if form in cheapest.values()]


def _measured_words(best: Form, times: Mapping[str, float]) -> str:
    """Why a measured form was taken; another may be faster alone, and not in the whole model."""
    words = _microseconds(times.get(best.name)) + " at these sizes here"
    if times and times.get(best.name, 0.0) > TIE * min(times.values()):
        words += ", others gain nothing in the whole model"
    others = [f"{name} {_microseconds(each)}" for name, each in times.items() if name != best.name]
    return f"{words} ({'; '.join(others)})" if others else words


def _microseconds(cost: float | None) -> str:
    if cost is None:
        return "not measured"
    return f"{cost:,.0f} µs" if cost >= 100 else f"{cost:.3g} µs"


def _refused(code: str, message: str, names: Iterable[str]) -> CompileError:
    listed = ", ".join(names)
    diagnostic = Diagnostic(code, Severity.ERROR, message, help=f"use one of {listed}")
    return CompileError((diagnostic,), ExitStatus.USAGE)
