"""Finding the slot that a path means.

In: a path as a user writes it, and the slots of a program. Out: the one slot and argument that it
means, or `CompileError` with the paths that are near. A path may leave out what stands before, and
the numbers of layers that are the only ones of their kind there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...ir.diagnostic import CompileError, ExitStatus, failure
from ..messages.suggestions import closest
from .slots import Slot


def find(path: str, slots: Sequence[Slot], *, written_first: bool = False) -> tuple[Slot, str]:
    """The slot and the argument's name. With `written_first` an argument that is written is meant
    rather than one of another layer that could be.

    Raises `CompileError` E0243 (status USAGE) for a path that means nothing, or several places.
    """
    wanted, argument = _split(path)
    owners = [slot for slot in slots if _means(wanted, slot.owner)]
    exact = [(s, argument) for s in owners if argument in s.arguments]
    exact += [(s, "") for s in slots if "" in s.arguments and _means(_parts(path), s.owner)]
    possible = [(s, argument) for s in owners if argument in s.others]
    found = exact if exact and written_first else exact + possible
    if not found:
        raise _unknown(path, argument, owners, slots)
    least = min(len(slot.owner) for slot, _ in found)
    nearest = [each for each in found if len(each[0].owner) == least]
    if len(nearest) > 1 and len({id(slot.node) for slot, _ in nearest}) > 1:
        several = [slot.path(name) for slot, name in nearest]
        shown = ", ".join(several[:6]) + (" …" if len(several) > 6 else "")
        raise failure(
            "E0243",
            f"--set {path}: there are several, {shown}",
            status=ExitStatus.USAGE,
            help="say which",
        )
    return nearest[0]


def shortest(slot: Slot, argument: str, slots: Sequence[Slot]) -> str:
    """The shortest path that means this argument."""
    tail = f".{argument}" if argument else ""
    for start in range(len(slot.owner) - 1, -1, -1):
        parts = slot.owner[start:]
        bare = [re.sub(r"\[\d+\]$", "", part) for part in parts]
        for attempt in (bare, [*bare[:-1], parts[-1]], list(parts)):
            path = "/".join(attempt) + tail
            try:
                if find(path, slots, written_first=True) == (slot, argument):
                    return path
            except CompileError:
                continue
    return slot.path(argument)


def _split(path: str) -> tuple[tuple[str, ...], str]:
    owner, dot, argument = path.rpartition(".")
    return (_parts(owner), argument) if dot else ((), path)


def _parts(text: str) -> tuple[str, ...]:
    """The parts of an owner; dots separate as slashes do, as in `optimizer.learning_rate.decay`."""
    return tuple(part for part in re.split(r"[/.]", text) if part)


def _means(wanted: tuple[str, ...], owner: tuple[str, ...]) -> bool:
    """Whether the last parts of an owner are the wanted ones, numbers left out or not."""
    if not wanted or len(wanted) > len(owner):
        return False
    ends = owner[len(owner) - len(wanted) :]
    return all(
        part.lower() in (end.lower(), re.sub(r"\[\d+\]$", "", end.lower()))
        for part, end in zip(wanted, ends, strict=True)
    )


def _unknown(
    path: str, argument: str, owners: Sequence[Slot], slots: Sequence[Slot]
) -> CompileError:
    if owners:
        names = [*owners[0].arguments, *owners[0].others]
        near = closest(argument, names)
        owner = "/".join(owners[0].owner)
        help = f"did you mean `{path[: len(path) - len(argument)]}{near}`?" if near else None
        listed = ", ".join(name for name in names if name)
        help = help or (f"it has {listed}" if listed else None)
        message = f"--set {path}: `{owner}` has no `{argument}`"
    else:
        paths = [slot.path(name) for slot in slots for name in slot.arguments]
        tails = {_tail(each): each for each in reversed(paths)}
        near = closest(path, [*tails, *paths])
        shown = tails.get(near or "", near)
        help = f"did you mean `{near}`?" if near else None
        if near is None and paths:
            help = f"paths of this program are {', '.join(paths[:4])} …"
        elif shown != near:
            help = f"did you mean `{near}`, that is {shown}?"
        message = f"--set {path}: the program has no such place"
    return failure("E0243", message, status=ExitStatus.USAGE, help=help)


def _tail(path: str) -> str:
    return re.sub(r"\[\d+\]", "", path.rsplit("/", 1)[-1])
