"""The goals of a comparison, and what was reached.

In: lines of measured JSON, by model and contender. Out: rows of a table: what is compared, the
goal, the figure, and whether it was reached. Goals whose contenders were not measured are left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from turns import ratio_with_bounds

Line = Mapping[str, Any]
Found = Mapping[tuple[str, str], Line]
OURS = "neuralc"
OWN = ("neuralc", "neuralc-session", "neuralc-openvino")
"""Ours at full precision: the best provider of ONNX Runtime that is installed counts."""
COMPARED = ("A128", "A512", "B128", "C", "D", "E")
OVER_EXPORT = {
    "A128": 1.03,
    "A512": 1.03,
    "C": 1.03,
    "E": 1.03,
    "B128": 1.05,
    "B128-last": 1.35,
    "D": 1.3,
    "B2048": 1.5,
}
OVER_OPTIMIZER = 1.08
OVER_OWN_FP32 = {"neuralc-int8": 2.0, "neuralc-int8-tensor": 2.5}
IN_BYTES = ("A128", "A512", "C", "E")
OVER_INT8_PEER = 1.2
OVER_PADDED = 1.6
ACCURATE = 2.0
"""A peer's int8 is accurate where the root of its mean square error is at most so many times that
of our default."""
COSINE, RANKING = 0.999, 0.999


@dataclass(frozen=True)
class Goal:
    """`low` and `high` are the 95 % interval where there is one."""

    what: str
    goal: float
    reached: float
    low: float | None = None
    high: float | None = None

    @property
    def row(self) -> str:
        told = f"{self.reached:.4g}"
        if self.low is not None and self.high is not None:
            told = f"{self.reached:.3f} ({self.low:.3f}–{self.high:.3f})"
        return f"| {self.what} | {self.goal:g} | {told} | {'yes' if self.met else 'no'} |"

    @property
    def met(self) -> bool:
        return self.reached >= self.goal


def measured(found: Found, model: str, contender: str) -> Line | None:
    line = found.get((model, contender))
    return line if line is not None and line["status"] == "measured" else None


def ratio(peer: Line, own: Line) -> tuple[float, float, float]:
    """The median over the rounds of the peer's time over ours, and its interval: above 1, ours is
    faster. Lines without their rounds have it against neuralc; else medians are divided."""
    first, second = (np.array(line.get("rounds_ms", ())) for line in (peer, own))
    if len(first) == len(second) > 0:
        return ratio_with_bounds(first, second)
    if own["contender"] == OURS:
        return peer["ours_is_faster"], peer["low"], peer["high"]
    plain = peer["median_ms"] / own["median_ms"]
    return plain, plain, plain


def fastest(found: Found, model: str, names: tuple[str, ...]) -> Line | None:
    lines = [line for name in names if (line := measured(found, model, name)) is not None]
    return min(lines, key=lambda line: float(line["median_ms"]), default=None)


def peers(found: Found, model: str, group: str) -> tuple[str, ...]:
    """Contenders of a group that are not ours."""
    return tuple(
        contender
        for (name, contender), line in found.items()
        if name == model and line.get("group", "fp32") == group and contender.split("-")[0] != OURS
    )


def goals(found: Found) -> Iterator[Goal]:
    models = list(dict.fromkeys(model for model, _ in found))
    for title, contender, wanted in (
        ("export + ONNX Runtime", "ort", OVER_EXPORT),
        ("export + optimizer", "optimizer", dict.fromkeys(COMPARED, OVER_OPTIMIZER)),
    ):
        for model in models:
            own, peer = measured(found, model, OURS), measured(found, model, contender)
            if own is not None and peer is not None and model in wanted:
                yield Goal(f"over {title}, {model}", wanted[model], *ratio(peer, own))
    padded, own = measured(found, "M", "neuralc-padded"), measured(found, "M", OURS)
    if padded is not None and own is not None:
        yield Goal("over our own padded file, M", OVER_PADDED, *ratio(padded, own))
    yield from best_peers(found, models)
    for model in models:
        yield from in_bytes(found, model)


def best_peers(found: Found, models: list[str]) -> Iterator[Goal]:
    """The best of ours against the best peer: a geometric mean, and long prompts by themselves."""
    logs = []
    for model in models:
        own = fastest(found, model, OWN)
        peer = fastest(found, model, peers(found, model, "fp32"))
        if own is None or peer is None:
            continue
        if model in COMPARED:
            logs.append(math.log(ratio(peer, own)[0]))
        elif model == "B2048":
            yield Goal(f"over the best peer ({peer['title']}), {model}", 1.0, *ratio(peer, own))
    if logs:
        mean = math.exp(sum(logs) / len(logs))
        yield Goal(f"over the best peer, geometric mean of {len(logs)}", 1.0, mean)


def in_bytes(found: Found, model: str) -> Iterator[Goal]:
    full = measured(found, model, OURS)
    for contender, wanted in OVER_OWN_FP32.items():
        own = measured(found, model, contender)
        if full is not None and own is not None and model in IN_BYTES:
            what = f"{contender.removeprefix('neuralc-')} over own fp32, {model}"
            yield Goal(what, wanted, *ratio(full, own))
    safe = measured(found, model, "neuralc-int8")
    if safe is None or not safe.get("error"):
        return
    if model == "M":
        yield Goal("int8, least cosine to fp32, M", COSINE, safe["error"]["cosine"])
        yield Goal("int8, Spearman of similarities, M", RANKING, safe["error"]["ranking"])
    most = ACCURATE * safe["error"]["rms_over_spread"]
    accurate = tuple(
        name
        for name in peers(found, model, "int8")
        if (line := measured(found, model, name))
        and line.get("error", {}).get("rms_over_spread", math.inf) <= most
    )
    peer, own = fastest(found, model, accurate), fastest(found, model, tuple(OVER_OWN_FP32))
    if peer is not None and own is not None:
        what = f"int8 over the best accurate peer ({peer['title']}), {model}"
        yield Goal(what, OVER_INT8_PEER, *ratio(peer, own))
