"""Who is measured how often: names and groups to contenders, a budget of minutes to rounds.

In: what the command line says. Out: lists of names, numbers of rounds and of seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from contenders import CONTENDERS, FP32, GPU, OURS

LEAST_ROUNDS, MOST_ROUNDS = 3, 41
"""Fewer say nothing of the spread, and more nothing new."""
PREPARE_SECONDS = 12.0
"""Roughly, to make a contender's file and to open it: exporters take longest."""
SETTLE_SECONDS = 0.02
"""Between two turns."""
SPEED = 80.0
"""Billions of operations a second that a core makes at least, to estimate by where none were
measured."""


def chosen_models(text: str, known: Iterable[str]) -> list[str]:
    """Raises `SystemExit` for one that does not exist."""
    names = list(known)
    return _known([name for name in text.split(",") if name] or names, names, "model")


def chosen_peers(text: str) -> list[str]:
    """Ours first, as the others are compared with it; a group's name stands for all in it, and
    nothing for all at full precision. Raises `SystemExit` for one that does not exist."""
    known = [each for each in CONTENDERS.values() if each.group != GPU]
    groups = {each.group for each in known}
    names = []
    for name in [name for name in text.split(",") if name] or [FP32]:
        members = [each.name for each in known if each.group == name]
        names += members if name in groups else [name]
    _known(names, [*(each.name for each in known), *sorted(groups)], "contender")
    return list(dict.fromkeys([OURS, *names]))


def _known(names: list[str], known: list[str], what: str) -> list[str]:
    if unknown := [name for name in names if name not in known]:
        raise SystemExit(f"no {what} {', '.join(unknown)}; there are {', '.join(known)}")
    return names


def runs_per_turn(warm: Mapping[str, float], turn: float) -> int:
    """So many that the fastest contender fills `turn` seconds; `warm` has milliseconds of a run."""
    return max(1, min(2000, round(turn * 1e3 / min(warm.values()))))


def round_seconds(warm: Mapping[str, float], runs: int) -> float:
    """What a round of all contenders takes; where a turn has several runs, one more is made that
    does not count."""
    made = runs + 1 if runs > 1 else 1
    return sum(each * made * 1e-3 + SETTLE_SECONDS for each in warm.values())


def rounds_within(seconds: float, one_round: float) -> int:
    """How many rounds fit, within what is worth making: more than fit if they are too few."""
    return max(LEAST_ROUNDS, min(MOST_ROUNDS, int(seconds / one_round)))


def estimate(gflop: float, contenders: int, rounds: int, turn: float, speed: float) -> float:
    """Seconds that a model will take, with its files, by the speed of the machine's products.

    Other work than products, and contenders that are slower, make it half as long again.
    """
    run = 1.5 * gflop / speed
    runs = max(1, round(turn / run))
    made = (runs + 1 if runs > 1 else 1) * rounds
    opened = 3 * run
    return contenders * (PREPARE_SECONDS + opened + made * run)


def shares(estimates: Mapping[str, float], budget: float) -> dict[str, float]:
    """`budget` seconds among models, by what each was estimated to take."""
    whole = sum(estimates.values())
    return {name: budget * each / whole for name, each in estimates.items()}
