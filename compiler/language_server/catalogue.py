"""What may stand at a place: layers, macros, arguments, values, sections, settings.

In: a cursor and the macros of the program. Out: `Offer` values for completion, and the parameters
of the call that a cursor stands in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..layers.activations import ACTIVATIONS
from ..layers.initializers import INITIALIZERS
from ..layers.spec import Block, LayerSpec, Parameter, Wants, layer_named, layers
from ..syntax import ast
from ..syntax.value_builder import HPO_KINDS
from ..syntax.vocabulary import BLOCK_SECTIONS, SECTIONS
from ..training.losses import LOSSES
from ..training.metrics import METRICS
from ..training.optimizers import OPTIMIZERS
from ..training.schedules import SCHEDULES
from ..training.settings import EARLY_STOPPING, SETTINGS
from ..training.spec import CallSpec, plain
from .cursor import DECLARING, Cursor, Frame

SECTION_DOCS = {
    "input": "the shape of one row, without the batch: `(28, 28, 1)`; several by name in `{ … }`",
    "layers": "the layers, from the input to the output",
    "loss": "what training makes small; kept in the model's metadata",
    "metrics": "what training reports; kept in the model's metadata",
    "optimizer": "how training moves the weights; kept in the model's metadata",
    "lr_schedule": "how the learning rate changes; kept in the model's metadata",
    "train": "settings of the training; kept in the model's metadata",
    "execution": "devices and precision; kept in the model's metadata",
    "hpo": "settings of a search over open choices; kept in the model's metadata",
}
_SAME = {"inputs": "input", "training": "train", "execute": "execution"}
_DEVICES = ("cpu", "gpu", "cuda", "auto")
_CALLS = {"optimizer": OPTIMIZERS, "loss": LOSSES, "metrics": METRICS, "lr_schedule": SCHEDULES}


@dataclass(frozen=True, slots=True)
class Offer:
    """Something that may be written. `kind` is layer, macro, argument, value, section, keyword or
    variable; `snippet` is what is inserted, with `$1` … as places to fill."""

    label: str
    kind: str
    detail: str = ""
    doc: str = ""
    snippet: str = ""


@dataclass(frozen=True, slots=True)
class Signature:
    """What has the parameters of an open call."""

    name: str
    doc: str
    parameters: tuple[Parameter, ...]


def section_doc(word: str) -> str:
    """What a section is for; empty for other words."""
    return SECTION_DOCS.get(_SAME.get(word, word), "")


def offers(cursor: Cursor, macros: Mapping[str, ast.Macro]) -> Iterator[Offer]:
    """What may stand at a cursor."""
    if cursor.in_comment:
        return
    frame = cursor.frame
    if cursor.word.startswith("$"):
        macro = macros.get(cursor.macro)
        for parameter in macro.parameters if macro is not None else ():
            yield Offer(f"${parameter.name.text}", "variable", "parameter of the macro")
        return
    if cursor.previous == "@":
        for device in _DEVICES:
            yield _text(device, cursor, "device")
    elif cursor.previous in DECLARING or (cursor.previous == "*" and not _in_call(frame)):
        return  # a new name, a number
    elif frame is None:
        yield from _outside(cursor, macros)
    elif frame.kind == "list" and frame.section in _CALLS:
        yield from _names(frame.section, cursor)
    elif frame.kind in ("call", "list"):
        yield from _within_call(cursor, frame, macros)
    elif frame.kind == "settings":
        yield from _within_settings(frame, cursor)
    elif frame.kind == "network":
        yield from _within_network(cursor, frame, macros)
    elif frame.kind in ("block", "macro"):
        yield from _layers(macros)


def signature(frame: Frame, macros: Mapping[str, ast.Macro]) -> Signature | None:
    """The parameters of a call, None where it is not known."""
    written = frame.name.lower()  # macros match without regard to case, as layers do
    macro = next((each for name, each in macros.items() if name.lower() == written), None)
    if macro is not None:
        parameters = tuple(
            Parameter(p.name.text, Wants.ANYTHING, None, "parameter of the macro")
            for p in macro.parameters
        )
        return Signature(macro.name.text, "a macro of this program", parameters)
    spec: LayerSpec | CallSpec | None = layer_named(frame.name)
    if isinstance(spec, LayerSpec):
        return Signature(spec.name, spec.doc, spec.all_parameters)
    for table in (OPTIMIZERS, SCHEDULES, LOSSES, METRICS):
        spec = table.get(plain(frame.name))
        if spec is not None:
            return Signature(spec.name, spec.doc, spec.parameters)
    return None


def settings(frame: Frame) -> tuple[Parameter, ...]:
    """What can be set between the braces of a section, of early stopping, of an optimizer."""
    if frame.name == "early_stopping":
        return EARLY_STOPPING
    optimizer = OPTIMIZERS.get(plain(frame.name))
    if optimizer is not None:
        return optimizer.parameters
    return SETTINGS.get(_SAME.get(frame.name, frame.name), ())


def values(parameter: Parameter) -> tuple[object, ...]:
    """The words that a parameter knows."""
    match parameter.wants:
        case Wants.BOOLEAN:
            return ("true", "false", "True", "False")
        case Wants.CHOICE:
            return parameter.choices
        case Wants.ACTIVATION:
            return ACTIVATIONS
        case Wants.INITIALIZER:
            return tuple(INITIALIZERS)
    return ()


def parameter_text(parameter: Parameter) -> str:
    """`units: a whole number, 1 or more`."""
    limits = []
    if parameter.minimum is not None:
        limits.append(f"{parameter.minimum:g} or more")
    if parameter.above is not None:
        limits.append(f"more than {parameter.above:g}")
    if parameter.below is not None:
        limits.append(f"less than {parameter.below:g}")
    wants = ", ".join((parameter.wants.value, *limits))
    if parameter.choices:
        wants = " | ".join(_shown(choice) for choice in parameter.choices)
    return f"{parameter.name}: {wants}" + (
        "" if parameter.required else f" = {_shown(parameter.default)}"
    )


def active(frame: Frame, parameters: Sequence[Parameter]) -> Parameter | None:
    """The parameter that a value at the cursor would be for."""
    if frame.argument:
        return next(
            (p for p in parameters if frame.argument in (p.name, *p.aliases)),
            None,
        )
    in_order = [p for p in parameters if not p.named_only]
    return in_order[frame.index] if frame.index < len(in_order) and not frame.given else None


# ---- each place ---------------------------------------------------------------------------------


def _outside(cursor: Cursor, macros: Mapping[str, ast.Macro]) -> Iterator[Offer]:
    if cursor.after_colon and cursor.section:
        yield from _at_section(cursor.section, cursor, macros)
        return
    yield Offer(
        "network", "keyword", "a network", "",
        "network ${1:Model} {\n  input: (${2:784},)\n  layers:\n    $0\n}",
    )  # fmt: skip
    yield Offer("define", "keyword", "a macro", "", "define ${1:Block}(${2:width}) {\n  $0\n}")
    yield Offer(
        "research", "keyword", "a note, kept in the metadata", "", "research ${1:Name} { $0 }"
    )
    yield from _layers(macros)


def _within_network(
    cursor: Cursor, frame: Frame, macros: Mapping[str, ast.Macro]
) -> Iterator[Offer]:
    if cursor.after_colon and frame.section:
        yield from _at_section(frame.section, cursor, macros)
        return
    if frame.section == "layers":
        yield from _layers(macros)
    for word in SECTIONS:
        if word in _SAME:
            continue
        snippet = f"{word} {{ $0 }}" if word in BLOCK_SECTIONS else f"{word}: $0"
        yield Offer(word, "section", "section", section_doc(word), snippet)


def _at_section(section: str, cursor: Cursor, macros: Mapping[str, ast.Macro]) -> Iterator[Offer]:
    """What may begin a section's value."""
    if section in _CALLS:
        yield from _names(section, cursor)
    elif section == "layers":
        yield from _layers(macros)


def _layers(macros: Mapping[str, ast.Macro]) -> Iterator[Offer]:
    for name, macro in macros.items():
        inner = ", ".join(p.name.text for p in macro.parameters)
        yield Offer(name, "macro", f"macro({inner})", "", f"{name}($0)")
    for spec in layers().values():
        required = [p.name for p in spec.parameters if p.required]
        places = ", ".join(f"${{{n}:{name}}}" for n, name in enumerate(required, 1))
        snippet = f"{spec.name}({places or '$0'})"
        if spec.block in (Block.REQUIRED, Block.BRANCHES):
            snippet = f"{spec.name} {{\n  $0\n}}"
        yield Offer(spec.name, "layer", ", ".join(spec.aliases), spec.doc, snippet)


def _within_call(cursor: Cursor, frame: Frame, macros: Mapping[str, ast.Macro]) -> Iterator[Offer]:
    if frame.name == "HPO":
        for kind in HPO_KINDS:
            yield Offer(kind, "keyword", "kind of open choice", "", f"{kind}($0)")
        return
    known = signature(frame, macros)
    if known is None:
        return
    parameter = active(frame, known.parameters)
    if parameter is not None:
        yield from _values(parameter, cursor)
    own = macros.get(cursor.macro)
    for given in own.parameters if own is not None and not cursor.quote else ():
        yield Offer(f"${given.name.text}", "variable", "parameter of the macro")
    if frame.argument or frame.kind == "list" or cursor.quote:
        return
    # What came without a name has its value by its position.
    filled = max(frame.index - len(frame.given), 0)
    positional = [p for p in known.parameters if not p.named_only][:filled]
    for each in known.parameters:
        if each in positional:
            continue
        if each.name not in frame.given and not set(each.aliases) & set(frame.given):
            yield Offer(each.name, "argument", parameter_text(each), each.doc, f"{each.name}=$0")
    spec = layer_named(frame.name)
    if spec is not None and spec.block.wraps and frame.index == 0:
        yield from _layers({})


def _values(parameter: Parameter, cursor: Cursor) -> Iterator[Offer]:
    match parameter.wants:
        case Wants.BOOLEAN:
            names: Sequence[str] = () if cursor.quote else ("true", "false")
            for name in names:
                yield Offer(name, "value")
        case Wants.CHOICE:
            for choice in parameter.choices:
                if isinstance(choice, str):
                    yield _text(choice, cursor, parameter.doc)
                elif not cursor.quote:
                    yield Offer(_shown(choice), "value", parameter.doc)
        case Wants.ACTIVATION:
            for name in ACTIVATIONS:
                yield _text(name, cursor, "activation")
        case Wants.INITIALIZER:
            for name in INITIALIZERS:
                yield _text(name, cursor, "initializer")
        case _:
            if parameter.name == "device":
                for name in _DEVICES:
                    yield _text(name, cursor, parameter.doc)
            if parameter.name == "learning_rate" and not cursor.quote:
                for spec in dict.fromkeys(SCHEDULES.values()):
                    yield Offer(spec.name, "value", spec.doc, "", f"{spec.name}($0)")


def _within_settings(frame: Frame, cursor: Cursor) -> Iterator[Offer]:
    parameters = settings(frame)
    if frame.argument and cursor.after_colon:
        known = next((p for p in parameters if p.name == frame.argument), None)
        if known is not None:
            yield from _values(known, cursor)
        return
    for each in parameters:
        if each.name not in frame.given:
            yield Offer(each.name, "argument", parameter_text(each), each.doc, f"{each.name}: $0")


def _names(section: str, cursor: Cursor) -> Iterator[Offer]:
    for spec in dict.fromkeys(_CALLS[section].values()):
        if (section == "optimizer" and not cursor.quote) or (
            section == "lr_schedule" and not cursor.quote
        ):
            yield Offer(spec.name, "value", spec.doc, "", f"{spec.name}($0)")
        else:
            yield _text(spec.name, cursor, spec.doc)


def _in_call(frame: Frame | None) -> bool:
    return frame is not None and frame.kind in ("call", "list", "settings")


def _text(name: str, cursor: Cursor, detail: str) -> Offer:
    """A text: within quotes as it is, else with them."""
    return Offer(name, "value", detail, "", name if cursor.quote else f'"{name}"')


def _shown(value: object) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
