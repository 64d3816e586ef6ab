"""-O3: measures the choices that are open, then the whole model under the best of them.

In: open choices, something that lowers graphs, a stopwatch and a cache. Out: `Decisions`.

First every choice by itself, on a model of just that node beside its neighbours; equal nodes are
one choice. Then the whole model: as -O2 makes it, with the measured forms, and with an
optional pass left out. -O2's forms stay unless others are faster beyond doubt, so that -O3 is at
no time slower. Figures of earlier compilations on the same machine are taken from the cache.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ...ir.graph import Graph
from ...passes.form_choice import LARGE_SCORES, best_form, scores_kept
from ...passes.forms_pipeline import OPTIONAL_PASSES
from ...passes.tuned_forms import Measured, TunedForms
from .cache import TuningCache
from .open_choices import OpenChoice, OpenChoices
from .record import MeasuredChoice, MeasuredModel
from .significance import times_as_fast
from .snippet import PROJECTIONS
from .stopwatch import Contest, Stopwatch
from .whole_model import Candidate, WholeModel, digest, inputs_of, rounded

if TYPE_CHECKING:
    from ...lowering.onnx_program import OnnxProgram

Choices = Mapping[str, MeasuredChoice]
Progress = Callable[[str, float], None]
"""Told what is measured, and which share of the work is done."""

ROUNDS = 5, 25
"""How many rounds a choice is measured for, at least and at most."""
SHARE_OF_CHOICES = 0.6
"""Of the time; the rest is the whole model's."""
MOST_SECONDS = 1.0
"""For one choice."""
SECONDS_AGAIN = 5.0
"""At least, where several sets of choices gain and are measured together."""
SWEEPS = 3
"""How often the nodes that forms were written in are looked at for choices of their own."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """The forms to take, the passes to leave out, and how the whole model did under them."""

    choices: Choices
    without: tuple[str, ...] = ()
    model: MeasuredModel | None = None


@dataclass(frozen=True, slots=True)
class Tuner:
    """Measures one compilation. `seconds` is about what all of it may take."""

    open: OpenChoices
    lower: Callable[[Graph], OnnxProgram]
    stopwatch: Stopwatch
    cache: TuningCache
    seconds: float
    progress: Progress

    def decide(self) -> Decisions:
        """Measures all. Raises `CompileError` E0643 where the runtime fails."""
        end = time.perf_counter() + self.seconds
        default = {
            signature: each.choice.form.name
            for signature, each in self.open.under(TunedForms(self.open.sizes)).items()
        }
        best = self._measure_choices(end - (1 - SHARE_OF_CHOICES) * self.seconds)
        plain = {
            signature: replace(each, form=default.get(signature, each.form))
            for signature, each in best.items()
        }
        decisions = Decisions(plain)
        candidates = self._candidates(plain, best)
        if len(candidates) > 1:
            self.progress("measure the whole model", SHARE_OF_CHOICES)
            decisions = self._measure_whole(candidates, end) or decisions
        self.cache.write()
        return decisions

    def _measure_whole(self, candidates: list[Candidate], end: float) -> Decisions | None:
        """The best candidate, or several together where more than one gains."""
        whole = WholeModel(self.lower, self.open.sizes, self.stopwatch, self.cache)
        measured = whole.measure(candidates, end - time.perf_counter())
        if measured is None:
            return None
        gaining = [each for each in candidates if each.name in measured.beyond_doubt]
        if len({each.without for each in gaining}) > 1:
            taken = next(each for each in gaining if each.name == measured.taken)
            together = self._together(gaining)
            candidates = [candidates[0], taken, together]
            # These must be better in rounds of their own.
            if again := whole.measure(candidates, max(SECONDS_AGAIN, end - time.perf_counter())):
                measured = measured.followed_by(again)
        taken = next(each for each in candidates if each.name == measured.taken)
        return Decisions(taken.choices, taken.without, measured)

    def _together(self, gaining: list[Candidate]) -> Candidate:
        """The choices of the first, and all that any of them leaves out."""
        choices = gaining[0].choices
        without = tuple(dict.fromkeys(name for each in gaining for name in each.without))
        graph = self.open.target_graph(self._tuned(choices, without))
        return Candidate(" + ".join(each.name for each in gaining), choices, without, graph)

    def _measure_choices(self, end: float) -> dict[str, MeasuredChoice]:
        measured: dict[str, MeasuredChoice] = {}
        for _ in range(SWEEPS):
            found = self.open.under(self._tuned(measured))
            # Projections are measured in front of their attention, whose form must be known.
            pending = sorted(
                (signature for signature in found if signature not in measured),
                key=lambda signature: found[signature].op in PROJECTIONS,
            )
            if not pending:
                break
            for number, signature in enumerate(pending):
                each = found[signature]
                self.progress(
                    f"measure forms of {each.op} ({number + 1} of {len(pending)})",
                    SHARE_OF_CHOICES * number / len(pending),
                )
                left = (end - time.perf_counter()) / (len(pending) - number)
                seconds = min(MOST_SECONDS, left)
                if found_best := self._best(signature, each, measured, seconds):
                    measured[signature] = MeasuredChoice(*found_best, each.nodes)
        return measured

    def _best(
        self, signature: str, each: OpenChoice, measured: Choices, seconds: float
    ) -> tuple[str, dict[str, float]] | None:
        """The form to take, and microseconds by form; None where no time is left."""
        known = self.cache.choice(signature, {form.name for form in each.promising})
        if known is not None or seconds <= 0:
            return known
        decided = _as_forms(measured)
        contenders = {
            form.name: lambda form=form: self.lower(self.open.in_form(each, form, decided))
            for form in each.promising
        }
        contest = Contest(each.op, contenders, inputs_of(each.model, {}))
        rounds = self.stopwatch.measure(contest, seconds, ROUNDS)
        if min(map(len, rounds.values())) < ROUNDS[0]:
            return None
        times = {name: rounded(float(np.median(taken))) for name, taken in rounds.items()}
        ran = [form for form in each.promising if form.name in times]
        best, default = best_form(ran, times, each.choice.scores), each.choice.form
        scores = each.choice.scores
        spares = scores >= LARGE_SCORES and scores_kept(best, scores) < scores_kept(default, scores)
        if default.name in rounds and not (spares and times[best.name] >= times[default.name]):
            _, low, _ = times_as_fast(rounds[default.name], rounds[best.name])
            best = best if low > 1.0 else default
        self.cache.add_choice(signature, best.name, times)
        return best.name, times

    def _candidates(self, plain: Choices, best: Choices) -> list[Candidate]:
        """The sets of choices for the whole model: -O2's first; no two give the same graph."""
        changed = [each for each in best if best[each].form != plain[each].form]
        found: list[tuple[str, Choices, tuple[str, ...]]] = [("-O2", plain, ())]
        if changed:
            found.append(("measured", best, ()))
        if len(changed) > 1:
            top = max(changed, key=lambda each: _gain(plain[each], best[each]))
            found.append(("the largest gain alone", {**plain, top: best[top]}, ()))
        for name in OPTIONAL_PASSES:
            # Products are quantized on rows.
            if name != "flatten_rows" or not self.open.plan.is_active:
                found.append((f"-O2 without {name}", plain, (name,)))
        unlike: dict[str, Candidate] = {}
        for name, choices, without in found:
            graph = self.open.target_graph(self._tuned(choices, without))
            candidate = Candidate(name, choices, without, graph)
            unlike.setdefault(digest(graph, self.open.sizes), candidate)
        return list(unlike.values())

    def _tuned(self, choices: Choices, without: tuple[str, ...] = ()) -> TunedForms:
        return TunedForms(self.open.sizes, _as_forms(choices), frozenset(without))


def _as_forms(choices: Choices) -> dict[str, Measured]:
    return {key: Measured(each.form, each.microseconds) for key, each in choices.items()}


def _gain(plain: MeasuredChoice, best: MeasuredChoice) -> float:
    """Microseconds that the whole model saves, by the small ones."""
    times = best.microseconds
    return best.nodes * (times.get(plain.form, 0.0) - times[best.form])
