"""Choosing: from a program with open choices to the one that is meant.

In: a program, `--set` values, and whether defaults are taken. Out: `Chosen`: the program with every
choice made, what was chosen, and what is to be said. A choice of a layer that nobody made gets its
default for the rest of the check, and E0220 with the way to make it. Choices in sections shape no
network, so they may stay open.

    Dense(HPO(choice(32, 64)))   --set dense.units=64   →   Dense(64)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

from ...ir.diagnostic import CompileError, Diagnostic, ExitStatus, failure
from ...ir.span import Span
from ..checking.reporter import Reporter
from ..syntax import ast
from .choices import UNKNOWN, OpenChoice, plain, read_choice, shown
from .finding import find, shortest
from .rewriting import Changes, at, rewritten
from .slots import Slot, slots_of


@dataclass(frozen=True, slots=True)
class Named:
    """An open choice with its name, the shortest path to it. `shapes` is whether the network
    depends on it."""

    name: str
    choice: OpenChoice
    shapes: bool


@dataclass(slots=True)
class Chosen:
    """A program without open choices, apart from those of its sections that stay open.

    `open` are all choices, `values` what was taken for which, `set_at` the spans at which the
    values of `--set` were written.
    """

    program: ast.Program
    open: list[Named] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    set_at: dict[Span, str] = field(default_factory=dict)

    def explained(self, diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
        """Diagnostics, those of a value that was set from outside with a note that says so."""
        return [
            replace(d, notes=(*d.notes, self.set_at[d.span]))
            if d.span is not None and d.span in self.set_at
            else d
            for d in diagnostics
        ]


def open_choices(program: ast.Program, network: str | None, report: Reporter) -> list[Named]:
    """Every open choice of a program, in the order of the slots, with its name."""
    if not program.has_choices:
        return []
    slots = slots_of(program, network)
    found: list[Named] = []
    for slot, argument, node, index in _open(slots):
        choice = read_choice(node, report)
        if choice is not None:
            name = shortest(slot, argument, slots) + (f"[{index}]" if index is not None else "")
            shapes = isinstance(slot.node, ast.Layer | ast.Macro) or _is_wrapped(slot)
            found.append(Named(name, choice, shapes))
    return found


def choose(
    program: ast.Program,
    given: Mapping[str, str],
    *,
    network: str | None = None,
    defaults: bool = False,
    needed: bool = True,
) -> Chosen:
    """Makes the choices. With `needed`, one of a layer that nobody made is an error.

    Raises `CompileError` (status USAGE) for paths and values that cannot be.
    """
    report = Reporter()
    chosen = Chosen(program, open_choices(program, network, report))
    changes = Changes()
    slots = slots_of(program, network) if given else []
    by_name = {each.name: each for each in chosen.open}
    for path, text in given.items():
        named = by_name.get(path) or _at_path(path, slots, chosen.open)
        value = _expression(path, text)
        if named is not None:
            _check_offer(path, named.choice, value)
            span = named.choice.node.span
            changes.values[id(named.choice.node)] = at(value, span)
            chosen.values[named.name] = _told(value)
        else:
            span = _override(path, value, slots, changes)
        chosen.set_at[span] = f"the value was set from outside: --set {path}={text}"
    for each in chosen.open:
        if each.name in chosen.values or not (each.shapes or defaults):
            continue
        changes.values[id(each.choice.node)] = each.choice.default
        if defaults or not needed:
            chosen.values[each.name] = _told(each.choice.default)
        else:
            _not_chosen(each, report)
    if changes and not defaults and not needed:
        _tell_defaults(chosen, report)
    chosen.program = rewritten(program, changes)
    chosen.diagnostics = report.diagnostics
    return chosen


_SECTIONS = {"optimizer", "loss", "metrics", "lr_schedule", "hpo"}
_SECTIONS |= {"train", "training", "execution", "execute"}


def _open(slots: Sequence[Slot]) -> Iterator[tuple[Slot, str, ast.Hpo, int | None]]:
    """The choices below each argument; several of one argument are counted."""
    taken: set[int] = set()
    order: list[tuple[Slot, str, ast.Hpo, int | None]] = []
    for slot in reversed(slots):  # the innermost slot of a nested call names its choices
        rows: list[tuple[Slot, str, ast.Hpo, int | None]] = []
        for argument, value in slot.arguments.items():
            nodes = [node for node in _below(value) if id(node) not in taken]
            for index, node in enumerate(nodes):
                taken.add(id(node))
                rows.append((slot, argument, node, index if len(nodes) > 1 else None))
        order[:0] = rows
    yield from order


def _below(node: Any) -> Iterator[ast.Hpo]:
    if isinstance(node, ast.Hpo):
        yield node
    elif isinstance(node, tuple):
        for each in node:
            yield from _below(each)
    elif is_dataclass(node) and not isinstance(node, Span | ast.Name):
        for each in fields(node):
            yield from _below(getattr(node, each.name))


def _is_wrapped(slot: Slot) -> bool:
    """Whether a call is a layer within a layer, not a part of a section."""
    return isinstance(slot.node, ast.Call) and not _SECTIONS.intersection(slot.owner)


def _at_path(path: str, slots: Sequence[Slot], open_: Sequence[Named]) -> Named | None:
    """The open choice that is all of what a path means, or the only one within it."""
    counted = re.fullmatch(r"(.*)\[(\d+)\]", path)
    place = None
    if counted and "." in path.rpartition("/")[2]:
        path, place = counted[1], int(counted[2])
    slot, argument = find(path, slots, written_first=True)
    written = slot.arguments.get(argument)
    within = [id(node) for node in _below(written)] if written is not None else []
    found = [each for each in open_ if id(each.choice.node) in within]
    if place is not None:
        if place >= len(found):
            raise failure(
                "E0243",
                f"--set {path}[{place}]: there are {len(found)} open choices in `{path}`",
                status=ExitStatus.USAGE,
                help="give the whole value",
            )
        return found[place]
    if len(found) > 1 and not isinstance(slot.node, ast.Section):
        raise failure(
            "E0243",
            f"--set {path}: there are several, {', '.join(each.name for each in found)}",
            status=ExitStatus.USAGE,
            help="say which",
        )
    return found[0] if len(found) == 1 and not isinstance(slot.node, ast.Section) else None


def _override(path: str, value: ast.Expression, slots: Sequence[Slot], changes: Changes) -> Span:
    """Notes a value for an argument that is no open choice; the span it will stand at."""
    slot, argument = find(path, slots)
    written = slot.arguments.get(argument)
    if written is not None:
        changes.values[id(written)] = at(value, written.span)
        return written.span
    node = slot.node
    span = node.span if isinstance(node, ast.Section | ast.Settings) else node.name.span
    changes.added.setdefault(id(node), {})[argument] = at(value, span)
    return span


def _expression(path: str, text: str) -> ast.Expression:
    """The value of `--set`, read as the language reads an argument."""
    from ..syntax.parser import parse
    from ..syntax.source import Source

    try:
        fragments = parse(Source("--set", f"Dense(\n{text}\n)")).fragments
    except CompileError as error:
        raise _unreadable(path, text, error.diagnostics[0].message) from None
    items = [item for fragment in fragments for item in fragment.items]
    layer = items[0] if len(items) == 1 else None
    if isinstance(layer, ast.Layer) and layer.block is None and layer.repeat is None:
        arguments = layer.arguments or ()
        if len(arguments) == 1 and arguments[0].name is None and layer.device is None:
            if not any(True for _ in _below(arguments[0].value)):
                return arguments[0].value
            raise _unreadable(path, text, "it is an open choice again")
    raise _unreadable(path, text, "it is not one value")


def _unreadable(path: str, text: str, why: str) -> CompileError:
    return failure(
        "E0244",
        f"--set {path}={text}: the value cannot be read, {why}",
        status=ExitStatus.USAGE,
        help='values are written as in programs: 64, 0.1, true, relu, (3, 3), "a text"',
    )


def _check_offer(path: str, choice: OpenChoice, value: ast.Expression) -> None:
    content = plain(value)
    if content is UNKNOWN or not choice.allows(content):
        raise failure(
            "E0245",
            f"--set {path}={shown(content)}: that is not among what is offered, {choice.offer}",
            status=ExitStatus.USAGE,
            help="the open choice stands in line "
            f"{choice.node.span.line} of the program: `HPO({choice.kind}(…))`",
        )


def _not_chosen(named: Named, report: Reporter) -> None:
    example = shown(plain(named.choice.default))
    report.error(
        "E0220",
        f"`{named.name}` is an open choice, {named.choice.offer}",
        named.choice.node.span,
        help=f"choose with `--set {named.name}={example}`, or all with `--hpo-default`",
    )


def _tell_defaults(chosen: Chosen, report: Reporter) -> None:
    taken = [
        each for each in chosen.open if each.shapes and each.choice.node.span not in chosen.set_at
    ]
    if taken:
        listed = ", ".join(f"{each.name}={shown(chosen.values[each.name])}" for each in taken)
        report.note(
            "N0207",
            f"checked with the defaults of open choices: {listed}",
            taken[0].choice.node.span,
            help="`neural layers --hpo FILE` lists them; `--set NAME=VALUE` chooses",
        )


def _told(expression: ast.Expression) -> Any:
    value = plain(expression)
    return shown(value) if value is UNKNOWN or isinstance(value, tuple) else value
