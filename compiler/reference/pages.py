"""The reference's pages: one for each family of layers, one for values, one for sections.

In: the specs of layers, losses, optimizers and settings. Out: Markdown by file name. The pages in
`docs/reference/` are these; a test says where one lags, and `pytest --update` writes it.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..layers.activations import ACTIVATIONS
from ..layers.initializers import INITIALIZERS
from ..layers.pending import PENDING
from ..layers.spec import EVERY_LAYER, FAMILIES, Block, LayerSpec, Mask, Parameter, layers
from ..training.losses import LOSSES
from ..training.metrics import METRICS
from ..training.optimizers import OPTIMIZERS
from ..training.schedules import SCHEDULES
from ..training.settings import EARLY_STOPPING, SETTINGS
from ..training.spec import CallSpec
from .examples import example

_BLOCKS = {
    Block.OPTIONAL: "A `{ … }` may follow.",
    Block.REQUIRED: "A `{ … }` with layers follows.",
    Block.BRANCHES: "A `{ … }` follows, whose items stand side by side.",
    Block.WRAPPED: "Its first argument is a layer, or a `{ … }` with layers follows.",
    Block.BOTH_WAYS: "Its first argument is a recurrent layer, or a `{ … }` with one follows.",
}
_MASKS = {
    Mask.KEEPS: "A padding mask travels on behind it.",
    Mask.ENDS: "A padding mask ends here.",
    Mask.READS: "It leaves out what a padding mask leaves out, and hands the mask on.",
    Mask.CONSUMES: "It leaves out what a padding mask leaves out; the mask ends here.",
}
_GENERATED = "(Written from the compiler's own tables: `pytest --update tests/house`.)"


def pages() -> dict[str, str]:
    """The content of each page by its name."""
    found = {f"{family}.md": _family(family) for family in FAMILIES if _specs(family)}
    found["values.md"] = _value_page()
    found["sections.md"] = _sections()
    return {"README.md": _index(), **found}


def layer_text(spec: LayerSpec) -> str:
    """What there is to know of one layer."""
    lines = [f"## {spec.name}", "", _sentence(spec.doc)]
    if spec.aliases:
        lines.append(f"Also written {', '.join(f'`{each}`' for each in spec.aliases)}.")
    facts = [_BLOCKS[spec.block]] if spec.block in _BLOCKS else []
    if isinstance(spec.mask, Mask):
        facts.append(_MASKS[spec.mask])
    else:
        facts.append("What becomes of a padding mask depends on its arguments.")
    if spec.merge is not None:
        merging = "It makes one value of the branches in front of it, and one mask."
        facts = [*facts[:-1], merging]
    lines += ["", " ".join(facts)]
    own = [p for p in spec.all_parameters if p not in EVERY_LAYER]
    if own:
        lines += ["", *_table(own)]
    lines += ["", "```neural", example(spec).rstrip(), "```"]
    return "\n".join(lines)


def _family(family: str) -> str:
    module = importlib.import_module(f"..layers.{family}", __package__)
    title = (module.__doc__ or family).strip().split("\n")[0].rstrip(".")
    body = "\n\n".join(layer_text(spec) for spec in _specs(family))
    return f"# {title}\n\n{_GENERATED}\n\n{body}\n"


def _specs(family: str) -> list[LayerSpec]:
    """The layers that a file of `compiler/layers/` defines, by the registry's order."""
    return [spec for spec in layers().values() if _home(spec) == family]


def _home(spec: LayerSpec) -> str:
    return _HOMES.get(_file(spec.shape), _file(spec.shape)) if _file(spec.shape) in FAMILIES else (
        _HOMES.get(_file(spec.build), _file(spec.build))
    )  # fmt: skip


_HOMES = {"transformer_block": "transformer", "windows": "convolution"}


def _file(function: Any) -> str:
    return str(function.__module__).rsplit(".", 1)[-1]


def _table(parameters: Iterable[Parameter]) -> list[str]:
    rows = ["| argument | takes | default | what it does |", "|---|---|---|---|"]
    for each in parameters:
        name = f"`{each.name}`" + "".join(f", `{alias}`" for alias in each.aliases)
        default = "needed" if each.required else f"`{_shown(each.default)}`"
        rows.append(f"| {name} | {_takes(each)} | {default} | {_cell(each.doc)} |")
    return rows


def _takes(parameter: Parameter) -> str:
    if parameter.choices:
        shown = ", ".join(f"`{_shown(choice)}`" for choice in parameter.choices)
        if parameter.pending:
            later = ", ".join(f"`{_shown(each)}`" for each in parameter.pending)
            shown += f"; not yet {later}"
        return shown
    limits = []
    if parameter.minimum is not None:
        limits.append(f"{parameter.minimum:g} or more")
    if parameter.above is not None:
        limits.append(f"more than {parameter.above:g}")
    if parameter.below is not None:
        limits.append(f"less than {parameter.below:g}")
    wants = parameter.wants.value + (" or none" if parameter.optional else "")
    return ", ".join((wants, *limits))


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        inner = ", ".join(_shown(each) for each in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    name = getattr(value, "name", None)
    return str(name) if isinstance(name, str) else str(value)


def _sentence(text: str) -> str:
    text = re.sub(r"\s+", " ", text).strip()
    return (text[:1].upper() + text[1:]).rstrip(".") + "." if text else ""


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


def _value_page() -> str:
    names = ", ".join(f"`{each}`" for each in ACTIVATIONS)
    rows = ["| initializer | arguments |", "|---|---|"]
    for name, arguments in INITIALIZERS.items():
        shown = ", ".join(f"{key}={value:g}" for key, value in arguments)
        rows.append(f"| `{name}` | {shown or 'none'} |")
    table = "\n".join(rows)
    return (
        f"# Values that layers share\n\n{_GENERATED}\n\n## Activations\n\n{names}.\n\n"
        "By their names, in quotes or without: `activation=relu`. In `Dense`, `Output`, `Conv…` "
        "and `Activation`.\n\n## Initializers\n\nBy their Keras names, "
        '`kernel_initializer="he_normal"`, or as a call with arguments, '
        f"`kernel_initializer=RandomUniform(-0.1, 0.1)`.\n\n{table}\n\n"
        "## What every layer takes\n\n" + "\n".join(_table(EVERY_LAYER)) + "\n"
    )  # fmt: skip


def _sections() -> str:
    parts = [
        "# Sections about training",
        _GENERATED,
        "They change nothing in inference, are checked, and kept in the file's metadata "
        "([metadata.md](../metadata.md)). Names go without regard to case and underscores.",
    ]
    for title, table in (
        ("Losses", LOSSES),
        ("Optimizers", OPTIMIZERS),
        ("Learning-rate schedules", SCHEDULES),
        ("Metrics", {k: v for k, v in METRICS.items() if k not in LOSSES}),
    ):
        parts += [f"## {title}", "\n".join(_calls(table))]
    for name, parameters in (*SETTINGS.items(), ("early_stopping", EARLY_STOPPING)):
        parts += [f"## Settings of `{name}`", "\n".join(_table(parameters))]
    return "\n\n".join(parts) + "\n"


def _calls(table: Mapping[str, CallSpec]) -> Sequence[str]:
    rows = ["| name | what it is | arguments, in order |", "|---|---|---|"]
    for spec in dict.fromkeys(table.values()):
        names = ", ".join(f"`{name}`" for name in (spec.name, *spec.aliases))
        arguments = ", ".join(
            each.name if each.required else f"{each.name}={_shown(each.default)}"
            for each in spec.parameters
        )
        rows.append(f"| {names} | {_cell(spec.doc)} | {arguments} |")
    return rows


def _index() -> str:
    rows = ["| page | layers |", "|---|---|"]
    for family in FAMILIES:
        found = _specs(family)
        if found:
            links = ", ".join(f"[{s.name}]({family}.md#{s.name.lower()})" for s in found)
            rows.append(f"| [{family.replace('_', ' ')}]({family}.md) | {links} |")
    waiting = (
        "Known and not compiled yet, each an error that says so: "
        + ", ".join(f"`{name}`" for name in PENDING) + ".\n\n"
        if PENDING
        else ""
    )  # fmt: skip
    table = "\n".join(rows)
    return (
        f"# Reference of the language\n\n{_GENERATED}\n\n"
        "What is written where is in [language.md](../language.md); here is every layer with its "
        "arguments, defaults, ranges, what it does with a padding mask, and a program. Layers of "
        "Keras' names have Keras 3's parameters and results. Arguments may stand in the order of "
        f"the table, or by name.\n\n{table}\n\n{waiting}"
        "[Activations, initializers, what every layer takes](values.md) · "
        "[losses, optimizers, schedules, metrics, settings](sections.md)\n"
    )
