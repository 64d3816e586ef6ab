"""What a layer of the language is: parameters, shape, mask, weights, meaning.

In: nothing. Out: `LayerSpec` and the one registry of them. The other files of this folder fill it,
one family a file; everything about one layer stands on adjacent lines there.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...ir.type import TensorType
    from ...ir.value import Value
    from ..building.construction import Construction
    from ..checking.site import Site
    from .weight import Weight

FAMILIES = (
    "core",
    "embedding",
    "attention",
    "transformer",
    "normalization",
    "group_normalization",
    "convolution",
    "depthwise",
    "transposed",
    "resizing",
    "pooling",
    "selection",
    "shaping",
    "activation",
    "lambda_layer",
    "regularization",
    "recurrent",
    "structure",
    "wrappers",
    "merging",
)
"""The modules of this folder that define layers, loaded when the registry is first asked."""


class Wants(Enum):
    """What kind of value a parameter takes."""

    INTEGER = "a whole number"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    TEXT = "a text"
    CHOICE = "one of a few words"
    ACTIVATION = "the name of an activation"
    INITIALIZER = "an initializer"
    SIZES = "a whole number or a tuple of them"
    INTEGERS = "a tuple of whole numbers"
    NUMBERS = "a tuple of numbers"
    ANYTHING = "anything"


class Mask(Enum):
    """What a layer does with the padding mask of the sequence that passes through it."""

    KEEPS = "keeps"
    ENDS = "ends"
    READS = "reads and keeps"
    CONSUMES = "reads and ends"

    @property
    def reads(self) -> bool:
        return self in (Mask.READS, Mask.CONSUMES)

    @property
    def keeps(self) -> bool:
        return self in (Mask.KEEPS, Mask.READS)


class Role(Enum):
    """The part a layer plays where several layers act together."""

    PLAIN = "plain"
    EMBEDDING = "embedding"
    POSITIONS = "positions"
    MASKING = "masking"
    ATTENTION = "attention"
    ENCODER = "encoder"
    DECODER = "decoder"


class Block(Enum):
    """Whether a `{ … }` may follow the layer."""

    NEVER = "never"
    OPTIONAL = "optional"
    REQUIRED = "required"
    BRANCHES = "required, its items side by side"
    WRAPPED = "required, or a layer as the first argument"
    BOTH_WAYS = "the same, run forwards and backwards"

    @property
    def wraps(self) -> bool:
        """Whether the layer that it works on may be its first argument."""
        return self in (Block.WRAPPED, Block.BOTH_WAYS)


@dataclass(frozen=True, slots=True)
class Merge:
    """What becomes of the padding masks of the branches that a layer merges.

    `travels` says whether a mask leaves the layer: asked with its arguments, the rank of what
    arrives (batch included) and, for each branch, whether it has one. `mask` makes it of the
    branches' masks, each bool [batch, S] or None, with `make.branches` their values.
    """

    travels: Callable[[Mapping[str, Any], int, tuple[bool, ...]], bool]
    mask: Callable[[Construction, tuple[Value | None, ...]], Value | None]


REQUIRED: Any = object()
"""The default of a parameter that has none."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a layer. Positional arguments fill them in the order of the table.

    `minimum` is inclusive, `above` and `below` exclusive. A parameter with `optional` also takes
    `none`. `choices` are the words of a `CHOICE`; `pending` ones are part of the language but
    cannot be compiled yet. `axes` is the length that a lone number of `SIZES` is repeated to.
    """

    name: str
    wants: Wants
    default: Any = REQUIRED
    doc: str = ""
    aliases: tuple[str, ...] = ()
    minimum: float | None = None
    below: float | None = None
    choices: tuple[str | bool, ...] = ()
    pending: tuple[str, ...] = ()
    axes: int = 0
    optional: bool = False
    named_only: bool = False
    above: float | None = None

    @property
    def required(self) -> bool:
        return self.default is REQUIRED


@dataclass(frozen=True, slots=True)
class LayerSpec:
    """One layer.

    `check` holds the rules that need no shape (they also apply to bare snippets), `shape` gives
    the result's type for the type that arrives (None after a reported error), `build` writes the
    ops. `weights` lists the tensors, asked after `shape` has found nothing wrong; `weight_kinds`
    are those of their kinds that take `<kind>_initializer` and `<kind>_regularizer`. `scope` is the
    first part of the weights' paths, counted per kind (`dense[0]`); where it is `single`, the first
    has no number. `rank` is the rank, batch apart, that must arrive; `shape_by` names the arguments
    that the result's type depends on; `merge` is set for layers that make one value of
    several branches; `nodes` bounds the ops that one use writes, its block
    apart: a number, or a rule for its arguments; `branch_nodes` those for each of its branches.
    """

    name: str
    doc: str
    scope: str
    parameters: tuple[Parameter, ...]
    shape: Callable[[Site], TensorType | None]
    build: Callable[[Construction, Value], Value]
    check: Callable[[Site], None] | None = None
    mask: Mask | Callable[[Mapping[str, Any]], Mask] = Mask.KEEPS
    role: Role = Role.PLAIN
    block: Block = Block.NEVER
    merge: Merge | None = None
    aliases: tuple[str, ...] = ()
    weights: Callable[[Site], tuple[Weight, ...]] | None = None
    weight_kinds: tuple[str, ...] = ()
    rank: int | None = None
    changes_rank: bool = False
    shape_by: tuple[str, ...] = ()
    single: bool = False
    nodes: int | Callable[[Mapping[str, Any]], int] = 4
    branch_nodes: int | Callable[[Mapping[str, Any]], int] = 0

    @property
    def all_parameters(self) -> tuple[Parameter, ...]:
        """The layer's own parameters and those that come with its weights and with every layer."""
        return self.parameters + _weight_parameters(self.weight_kinds) + EVERY_LAYER

    def mask_with(self, arguments: Mapping[str, Any]) -> Mask:
        """What one use with these arguments does with a padding mask."""
        return self.mask if isinstance(self.mask, Mask) else self.mask(arguments)

    def most_nodes(self, arguments: Mapping[str, Any], branches: int = 0) -> int:
        """How many ops one use with these arguments writes at most."""
        fixed = self.nodes if isinstance(self.nodes, int) else self.nodes(arguments)
        if not branches:
            return fixed
        each = self.branch_nodes
        return fixed + branches * (each if isinstance(each, int) else each(arguments))


EVERY_LAYER = (
    Parameter("name", Wants.TEXT, None, "the layer's own name", optional=True, named_only=True),
    Parameter(
        "trainable", Wants.BOOLEAN, True, "kept for training; no effect here", named_only=True
    ),
    Parameter(
        "activity_regularizer",
        Wants.ANYTHING,
        None,
        "kept for training; no effect here",
        optional=True,
        named_only=True,
    ),
)


@cache
def _weight_parameters(kinds: tuple[str, ...]) -> tuple[Parameter, ...]:
    parameters = []
    for kind in kinds:
        parameters.append(
            Parameter(
                f"{kind}_initializer",
                Wants.INITIALIZER,
                None,
                f"what the {kind} starts from, by its Keras name",
                optional=True,
                named_only=True,
            )
        )
        for purpose in ("regularizer", "constraint"):
            parameters.append(
                Parameter(
                    f"{kind}_{purpose}",
                    Wants.ANYTHING,
                    None,
                    "kept for training; no effect here",
                    optional=True,
                    named_only=True,
                )
            )
    return tuple(parameters)


_LAYERS: dict[str, LayerSpec] = {}
_BY_NAME: dict[str, LayerSpec] = {}


def define(spec: LayerSpec) -> LayerSpec:
    """Registers a layer. Raises `ValueError` for a name or an alias that is taken."""
    for name in (spec.name, *spec.aliases):
        if name.lower() in _BY_NAME:
            raise ValueError(f"layer {name!r} is defined twice")
        _BY_NAME[name.lower()] = spec
    _LAYERS[spec.name] = spec
    return spec


@cache
def layers() -> Mapping[str, LayerSpec]:
    """Every layer that can be compiled, by name, in the order of definition."""
    for family in FAMILIES:
        importlib.import_module(f".{family}", __package__)
    return MappingProxyType(_LAYERS)


def layer_named(name: str) -> LayerSpec | None:
    """The layer of that name or alias, without regard to case."""
    layers()
    return _BY_NAME.get(name.lower())


def layer_names() -> tuple[str, ...]:
    """Every name and alias of a layer, for suggestions."""
    return tuple(name for spec in layers().values() for name in (spec.name, *spec.aliases))
