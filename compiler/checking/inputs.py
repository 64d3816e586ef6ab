"""What the inputs of a network are: from shapes as written to names and types.

In: the input section, the layers that follow, the options. Out: `ModelInput` values. Decides what a
leading `None` means, which inputs are ids, and which axes stay open.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...ir.diagnostic import Fix
from ...ir.dim import Dim, symbol
from ...ir.dtype import DType
from ...ir.span import Span
from ...ir.type import TensorType
from ..layers.spec import Role
from ..syntax import ast
from .check_options import CheckOptions
from .model import ModelInput
from .reporter import Reporter
from .uses import Use, all_uses

Written = tuple[ast.Number | ast.NoneLiteral | ast.Reference, ...]

SEQUENCE = "seq"
"""What `--dynamic` and `--max` call the first axis behind the batch of a sequence."""


class InputResolver:
    """Types of the inputs of one network. Symbols: `B` the batch, `S` and `T` sequences."""

    def __init__(self, options: CheckOptions, report: Reporter) -> None:
        self.options = options
        self.report = report
        self.batch = symbol("B", origin="the batch")
        self.bounded: set[str] = set()
        """The keys of `--max` that named an axis."""
        self.opened = False
        """Whether `--dynamic seq` has opened an axis."""
        self._symbols: dict[str, Dim] = {"B": self.batch}

    def resolve(self, written: ast.Input, chain: Sequence[Use], name: str) -> ModelInput | None:
        """The input that a chain of layers starts from; None after a reported mistake.

        `name` is what it is called where the program does not say.
        """
        for dim in written.dims:
            if isinstance(dim, ast.Number) and not self._is_size(dim):
                return None
        embedding = _leading_embedding(chain)
        dims = self._without_batch(written, chain, embedding)
        if dims is None:
            return None
        label = written.name.text if written.name else name
        if embedding is not None:
            return self._ids(written, dims, embedding, label)
        self._channels_hint(dims, written.span)
        shape = self._shape(dims, sequence=len(dims) == 2, label=label)
        type = TensorType(DType.F32, (self.batch, *shape))
        return ModelInput(label, type, "values", written.span)

    def second(self, first: ModelInput, name: str) -> ModelInput:
        """The decoder's input: like the encoder's, with a length of its own where that is open."""
        length = first.type.shape[1]
        if isinstance(length, int):
            return ModelInput(name, first.type, first.role, first.span)
        (own,) = set(length.symbols())
        second = self._symbol("T", own.maximum, f"the length of {name!r}")
        shape = (first.type.shape[0], second, *first.type.shape[2:])
        return ModelInput(name, first.type.with_shape(shape), first.role, first.span)

    # ---- inside -------------------------------------------------------------------------------

    def _is_size(self, dim: ast.Number) -> bool:
        value = dim.value
        if isinstance(value, int) and 1 <= value <= 2**40:
            return True
        self.report.error(
            "E0312", f"a dimension is a whole number from 1 to 2^40, not {value}", dim.span
        )
        return False

    def _without_batch(
        self, written: ast.Input, chain: Sequence[Use], embedding: Use | None
    ) -> Written | None:
        """The dimensions without a leading `None` that stands for the batch."""
        dims = written.dims
        if not isinstance(dims[0], ast.NoneLiteral):
            return dims
        if embedding is not None:
            is_batch = len(dims) > 1
        else:
            wanted = _wanted_rank(chain)
            is_batch = wanted is None or wanted == len(dims) - 1
        if is_batch and len(dims) == 1:
            self.report.error(
                "E0312",
                "this `None` is the batch, and no dimension is left",
                dims[0].span,
                help="shapes leave out the batch: write the size of a row, for example `(784,)`",
            )
            return None
        meaning = "the batch, which shapes may leave out" if is_batch else "an axis of open length"
        self.report.note("N0202", f"this `None` is taken as {meaning}", dims[0].span)
        return dims[1:] if is_batch else dims

    def _ids(
        self, written: ast.Input, dims: Written, embedding: Use, label: str
    ) -> ModelInput | None:
        if len(dims) > 2 or not self._is_width(dims, embedding):
            self.report.error(
                "E0303",
                "an Embedding takes one token id for each position, and the input has "
                f"{len(dims)} dimensions",
                written.span,
                help=f"write the length only: `input: ({_dim_text(dims[0])},)`",
                fix=Fix("write the length only", written.span, f"({_dim_text(dims[0])},)")
                if written.name is None
                else None,
            )
            return None
        if len(dims) == 2:
            self.report.warning(
                "W0201",
                f"the Embedding takes token ids, so this input is `({_dim_text(dims[0])},)`: "
                "the width is left out",
                written.span,
                help=f"write `input: ({_dim_text(dims[0])},)`",
            )
        shape = self._shape(dims[:1], sequence=True, label=label)
        return ModelInput(label, TensorType(DType.I64, (self.batch, *shape)), "ids", written.span)

    def _is_width(self, dims: Written, embedding: Use) -> bool:
        """Whether a second dimension is the Embedding's width."""
        if len(dims) < 2 or not embedding.arguments.usable("output_dim"):
            return True
        last = dims[1]
        return isinstance(last, ast.Number) and last.value == embedding.arguments["output_dim"]

    def _shape(self, dims: Written, sequence: bool, label: str) -> tuple[Dim, ...]:
        shape: list[Dim] = []
        for axis, dim in enumerate(dims, 1):
            first = axis == 1
            where = f"axis {axis} of {label!r}"
            if isinstance(dim, ast.Number):
                size = int(dim.value)
                if first and sequence and SEQUENCE in self.options.dynamic:
                    self.opened = True
                    shape.append(self._symbol("S", self._maximum("S", True, size), where))
                else:
                    shape.append(size)
            elif isinstance(dim, ast.Reference):
                known = self._symbols.get(dim.name)
                bound = self._maximum(dim.name, first, None)
                shape.append(known or self._symbol(dim.name, bound, where))
            else:
                name = "S" if first else f"N{axis}"
                shape.append(self._symbol(name, self._maximum(name, first, None), where))
        return tuple(shape)

    def _maximum(self, name: str, first: bool, declared: int | None) -> int | None:
        sizes = self.options.max_sizes
        for key in (name, SEQUENCE) if first else (name,):
            if key in sizes:
                self.bounded.add(key)
                return sizes[key]
        return declared

    def _symbol(self, wish: str, maximum: int | None, origin: str) -> Dim:
        """A new symbol; a taken name gets a number behind it."""
        name, number = wish, 1
        while name in self._symbols:
            number += 1
            name = f"{wish}{number}"
        self._symbols[name] = made = symbol(name, 1, maximum, origin)
        return made

    def _channels_hint(self, dims: Written, span: Span) -> None:
        sizes = [dim.value if isinstance(dim, ast.Number) else 0 for dim in dims]
        if len(sizes) == 3 and sizes[0] in (1, 3) and min(sizes[1:]) >= 16 > sizes[0]:
            self.report.warning(
                "W0301",
                "this looks channels-first; images are (height, width, channels) here",
                span,
                help=f"did you mean ({sizes[1]}, {sizes[2]}, {sizes[0]})?",
            )


def _leading_embedding(chain: Sequence[Use]) -> Use | None:
    """The Embedding that the input goes into, None if the first layer is another."""
    if not chain:
        return None
    if chain[0].branches:
        return _leading_embedding(chain[0].branches[0].uses)
    if chain[0].spec is None:
        return None
    return chain[0] if chain[0].spec.role is Role.EMBEDDING else None


def _wanted_rank(chain: Sequence[Use]) -> int | None:
    """The rank that the first layer with such a need wants, as long as no rank has changed."""
    for use in all_uses(chain):
        if use.spec is None or use.spec.changes_rank:
            return None
        if use.spec.rank is not None:
            return use.spec.rank
    return None


def _dim_text(dim: ast.Number | ast.NoneLiteral | ast.Reference) -> str:
    if isinstance(dim, ast.Number):
        return str(dim.value)
    return dim.name if isinstance(dim, ast.Reference) else "None"
