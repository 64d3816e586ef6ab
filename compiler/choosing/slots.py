"""The places of a program whose values can be chosen from outside, by their paths.

In: a program. Out: `Slot` values. A path reads `NETWORK/layer[n]/layer[n].argument`: layers are
counted as written, so a repeated layer is one, and go by their `name=` where they have one. A
macro's definition stands in the place of the network, `MACRO.parameter` is a parameter's default,
and sections are `NETWORK/optimizer.learning_rate`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..layers.spec import LayerSpec, layer_named
from ..syntax import ast

REPEAT = "repeat"
"""The argument that stands for the `N` of `* N`."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Something with arguments: a layer, a call within one, a section, or a macro's head.

    `owner` is its path, `node` what the arguments belong to. `arguments` are those that are
    written, by their proper names; `others` are names that could be written too.
    """

    owner: tuple[str, ...]
    node: ast.Layer | ast.Call | ast.Section | ast.Settings | ast.Macro
    arguments: dict[str, ast.Expression]
    others: tuple[str, ...] = ()

    def path(self, argument: str) -> str:
        owner = "/".join(self.owner)
        return f"{owner}.{argument}" if argument else owner


def slots_of(program: ast.Program, network: str | None = None) -> list[Slot]:
    """The slots of one network, or of all, of bare layers, and of the macros; in this order."""
    found: list[Slot] = []
    macros = {macro.name.text.lower(): macro for macro in program.macros}
    for each in program.networks:
        if network in (None, each.name.text):
            root = (each.name.text,)
            found += _items(each.layers or (), root, macros)
            for section in each.sections:
                found += _section(section, root)
    for fragment in program.fragments if network is None else ():
        found += _items(fragment.items, (), macros)
        for section in fragment.sections:
            found += _section(section, ())
    for macro in program.macros:
        root = (macro.name.text,)
        defaults = {p.name.text: p.default for p in macro.parameters if p.default is not None}
        open_ = tuple(p.name.text for p in macro.parameters if p.default is None)
        found.append(Slot(root, macro, defaults, open_))
        found += _items(macro.items, root, macros)
    return found


def _items(
    items: Sequence[ast.Item], parent: tuple[str, ...], macros: dict[str, ast.Macro]
) -> Iterator[Slot]:
    counts: dict[str, int] = {}
    for item in items:
        if isinstance(item, ast.Branch):
            yield from _items(item.items, (*parent, item.name.text), macros)
            continue
        macro = macros.get(item.name.text.lower())
        spec = layer_named(item.name.text) if macro is None else None
        stem = spec.scope if spec is not None else _snake(item.name.text)
        number = counts.get(stem, 0)
        counts[stem] = number + 1
        owner = (*parent, _written_name(item) or f"{stem}[{number}]")
        yield _layer(item, owner, spec, macro)
        for argument in item.arguments or ():
            yield from _calls(argument.value, owner)
        yield from _items(item.block or (), owner, macros)


def _layer(
    layer: ast.Layer, owner: tuple[str, ...], spec: LayerSpec | None, macro: ast.Macro | None
) -> Slot:
    if macro is not None:
        order = [p.name.text for p in macro.parameters]
        names = {name: name for name in order}
    else:
        parameters = spec.all_parameters if spec is not None else ()
        order = [p.name for p in parameters if not p.named_only]
        names = {n: p.name for p in parameters for n in (p.name, *p.aliases)}
    written = _by_name(layer.arguments or (), order, names)
    others = {name for name in names.values() if name not in written}
    if layer.repeat is not None:
        written[REPEAT] = layer.repeat
    elif macro is not None or spec is not None:
        others.add(REPEAT)
    return Slot(owner, layer, written, tuple(sorted(others)))


def _by_name(
    arguments: Sequence[ast.Argument], order: Sequence[str], names: dict[str, str]
) -> dict[str, ast.Expression]:
    written: dict[str, ast.Expression] = {}
    for index, argument in enumerate(arguments):
        if argument.name is not None:
            name = names.get(argument.name.text, argument.name.text)
        elif index < len(order):
            name = order[index]
        else:
            name = str(index)
        written.setdefault(name, argument.value)
    return written


def _calls(value: ast.Expression, owner: tuple[str, ...]) -> Iterator[Slot]:
    """A layer within the arguments of another, as in `TimeDistributed(Dense(8))`."""
    if not isinstance(value, ast.Call):
        return
    spec = layer_named(value.name.text)
    parameters = spec.all_parameters if spec is not None else ()
    order = [p.name for p in parameters if not p.named_only]
    names = {n: p.name for p in parameters for n in (p.name, *p.aliases)}
    written = _by_name(value.arguments, order, names)
    stem = spec.scope if spec is not None else _snake(value.name.text)
    others = tuple(sorted(set(names.values()) - set(written)))
    yield Slot((*owner, stem), value, written, others)
    for argument in value.arguments:
        yield from _calls(argument.value, (*owner, stem))


def _section(section: ast.Section, root: tuple[str, ...]) -> Iterator[Slot]:
    owner = (*root, section.keyword.text)
    yield Slot(owner, section, {"": section.value})
    yield from _values(section.value, owner)
    if section.settings is not None:
        yield from _values(section.settings, owner)


def _values(value: ast.Expression, owner: tuple[str, ...]) -> Iterator[Slot]:
    """The arguments of an optimizer, a loss or a schedule, the settings of a training."""
    if isinstance(value, ast.Call):
        order = ("learning_rate",) if owner[-1] == "optimizer" else ()
        written = _by_name(value.arguments, order, {"lr": "learning_rate"})
    elif isinstance(value, ast.Settings):
        written = {entry.key.text: entry.value for entry in value.entries}
    else:
        return
    yield Slot(owner, value, written)
    for name, inner in written.items():
        yield from _values(inner, (*owner, name))


def _written_name(layer: ast.Layer) -> str | None:
    for argument in layer.arguments or ():
        if argument.name is not None and argument.name.text == "name":
            if isinstance(argument.value, ast.String):
                return argument.value.value
            if isinstance(argument.value, ast.Reference) and not argument.value.dollar:
                return argument.value.name
    return None


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
