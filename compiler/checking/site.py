"""One layer at its place: what the rules of a layer see while a program is checked.

In: a layer's bound arguments and what arrives at it. Out: `Site`, through which rules ask and
complain; and `Flow`, what travels from layer to layer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ...ir.diagnostic import Fix, Label
from ...ir.dim import Dim, largest
from ...ir.dtype import DType
from ...ir.span import Span
from ...ir.type import TensorType
from .arguments import Arguments
from .reporter import Reporter

if TYPE_CHECKING:
    from ..layers.spec import LayerSpec
    from .model import LayerCall


MANY = 2
"""A shape that changed no more often is told by labels alone."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What travels along a chain of layers.

    `type` is None where an error has made it unknown. `origin` and `origin_name` say what gave the
    value, for labels. `padding` and `pairwise` say which masks travel along, `joined` whether the
    input `attention_mask` has been joined, `positions` whether positions are in; `memory` is what
    cross-attention reads.
    """

    type: TensorType | None
    origin: Span | None = None
    origin_name: str = "the input"
    padding: bool = False
    pairwise: bool = False
    joined: bool = False
    positions: bool = False
    memory: Flow | None = None
    stream: str = ""
    """What the names of its mask inputs start with: nothing, `decoder_`, or an input's name."""
    trail: tuple[tuple[str, str], ...] = ()
    """The last layers that changed the shape, each with the shape it gives."""

    def without_masks(self) -> Flow:
        return replace(self, padding=False, pairwise=False)


@dataclass(slots=True)
class Site:
    """A use of a layer. `flow` is None for a bare snippet, where no shape is known."""

    spec: LayerSpec
    arguments: Arguments
    flow: Flow | None
    report: Reporter
    loss: str | None = None
    run_block: Callable[[Flow], Flow] | None = None
    """Runs the layer's `{ … }` on a flow; None where no block is written."""
    block: tuple[LayerCall, ...] = field(default=())
    branches: tuple[tuple[str, Flow], ...] = ()
    """The names of the branches that end here, each with what leaves it."""

    @property
    def name(self) -> str:
        return self.arguments.subject

    @property
    def arriving(self) -> TensorType:
        """The type that arrives. Rules that need it are only asked where it is known."""
        assert self.flow is not None
        assert self.flow.type is not None
        return self.flow.type

    @property
    def memory(self) -> TensorType | None:
        """The type of what cross-attention can read."""
        memory = self.flow.memory if self.flow else None
        return memory.type if memory else None

    @property
    def width(self) -> int:
        """The size of the last axis, which is known where weights depend on it."""
        dim = self.arriving.shape[-1]
        assert isinstance(dim, int)
        return dim

    def error(
        self,
        code: str,
        message: str,
        at: str | Span | None = None,
        *,
        labels: tuple[Label, ...] = (),
        notes: tuple[str, ...] = (),
        help: str | None = None,
        fix: Fix | None = None,
    ) -> None:
        """Reports an error at an argument, at a span, or at the layer's name. An error about shapes
        tells the shapes along the way, where there are more than those at its labels."""
        if code.startswith("E03") and not notes and self.flow and len(self.flow.trail) > MANY:
            notes = along_the_way(self.flow)
        span = self.span(at)
        self.report.error(code, message, span, labels=labels, notes=notes, help=help, fix=fix)

    def warning(
        self, code: str, message: str, at: str | Span | None = None, *, help: str | None = None
    ) -> None:
        self.report.warning(code, message, self.span(at), help=help)

    def lint(
        self, code: str, message: str, at: str | Span | None = None, *, help: str | None = None
    ) -> None:
        self.report.lint_warning(code, message, self.span(at), help=help)

    def span(self, at: str | Span | None) -> Span:
        if isinstance(at, Span):
            return at
        return self.arguments.place if at is None else self.arguments.span(at)

    def origin_label(self, message: str) -> tuple[Label, ...]:
        """A label at what gave the arriving value; `{name}` in the text is its name."""
        if self.flow is None or self.flow.origin is None:
            return ()
        if message == "{name}" and self.flow.type is not None:
            message += f" gives {shape_text(self.flow.type)}"
        return (Label(self.flow.origin, message.format(name=self.flow.origin_name)),)

    def branch_labels(self, different: Collection[int]) -> tuple[Label, ...]:
        """A label at what gave each branch its shape; `different` are those that do not fit."""
        labels = []
        for index, (name, flow) in enumerate(self.branches):
            if flow.type is None or flow.origin is None:
                continue
            but = "… but " if index in different else ""
            labels.append(Label(flow.origin, f"{but}`{name}` gives {shape_text(flow.type)}"))
        return tuple(labels)

    def require_known_width(self, axis: int = -1) -> bool:
        """Whether the size of an axis is a number; reports it where weights cannot depend on it."""
        dim = self.arriving.shape[axis]
        if isinstance(dim, int):
            return True
        self.error(
            "E0306",
            f"`{self.name}` has weights for each of its features, and their number "
            f"`{dim}` is not known",
            labels=self.origin_label("{name} gives " + shape_text(self.arriving)),
            help="give the last dimension as a number",
        )
        return False

    def require_float(self) -> bool:
        """Whether numbers arrive; reports ids, which only an Embedding can take."""
        if self.arriving.dtype.is_float:
            return True
        self.error(
            "E0305",
            f"token ids arrive at `{self.name}`, which needs vectors",
            labels=self.origin_label("{name}"),
            help="start with `Embedding(input_dim=…, output_dim=…)`",
        )
        return False

    def floats(self, shape: tuple[Dim, ...]) -> TensorType:
        """A float type of the arriving batch and this shape."""
        return TensorType(DType.F32, (self.arriving.shape[0], *shape))


def shape_text(type: TensorType) -> str:
    """A shape as programs write it, without the batch: `(128, 512)`."""
    dims = [str(dim) for dim in type.shape[1:]]
    return f"({dims[0]},)" if len(dims) == 1 else f"({', '.join(dims)})"


def along_the_way(flow: Flow | None) -> tuple[str, ...]:
    """A note of the layers that changed the shape before a conflict; none where there are none."""
    if flow is None or len(flow.trail) < 2:
        return ()
    steps = " → ".join(f"{name} {shape}" for name, shape in flow.trail)
    return (f"the shapes along the way: {steps}",)


def longest(dim: Dim) -> int | None:
    """The largest size of a dimension, None where nothing bounds it."""
    return largest(dim)
