"""Layers that make one value of several branches, as Keras 3 has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

from ...ir.dim import Dim
from ...ir.type import TensorType
from ..checking.site import Flow, Site, along_the_way, shape_text
from .spec import Block, LayerSpec, Mask, Merge, Parameter, Wants, define

if TYPE_CHECKING:
    from ...ir.value import Value
    from ..building.construction import Construction

AXIS = Parameter(
    "axis", Wants.INTEGER, -1, "the axis along which they are joined; the batch is axis 0"
)


# ---- masks --------------------------------------------------------------------------------


def _all_have_one(arguments: Mapping[str, Any], rank: int, padding: tuple[bool, ...]) -> bool:
    return all(padding)


def _either(make: Construction, masks: tuple[Value | None, ...]) -> Value | None:
    """A position counts where it does in one of the branches; none where a branch has no mask."""
    present = [mask for mask in masks if mask is not None]
    if len(present) < len(masks):
        return None
    return reduce(lambda a, b: a if a is b else make("logical_or", a, b), present[1:], present[0])


ALL_MASKED = Merge(_all_have_one, _either)


def _is_sequence_axis(arguments: Mapping[str, Any], rank: int) -> bool:
    return rank == 3 and arguments.get("axis") in (1, -2)


def _concatenated_travels(
    arguments: Mapping[str, Any], rank: int, padding: tuple[bool, ...]
) -> bool:
    if _is_sequence_axis(arguments, rank):
        return any(padding)
    return all(padding)


def _concatenated_mask(make: Construction, masks: tuple[Value | None, ...]) -> Value | None:
    """Along the sequence the masks stand one behind the other, and where there is none all counts;
    along another axis a position counts where it does in one of them."""
    arguments = make.call.arguments
    if not _is_sequence_axis(arguments, make.branches[0].type.rank) or not any(masks):
        return _either(make, masks)
    parts = []
    for mask, value in zip(masks, make.branches, strict=True):
        if mask is None:
            column = make("slice", value, axis=2, start=0, stop=1)
            column = make("reshape", column, shape=value.type.shape[:2])
            mask = make("logical_not", make("less", column, column))  # true, NaN or not
        parts.append(mask)
    return make("concat", *parts, axis=1)


# ---- element by element -------------------------------------------------------------------


def _flows(site: Site) -> tuple[Flow, ...]:
    return tuple(flow for _, flow in site.branches)


def _types(site: Site) -> list[TensorType]:
    return [flow.type for flow in _flows(site) if flow.type is not None]


def _enough(site: Site, exactly: int | None) -> bool:
    """Whether as many branches end here as the layer takes."""
    count = len(site.branches)
    if count == exactly or (exactly is None and count > 1):
        return True
    site.error(
        "E0237",
        f"`{site.name}` takes {exactly or 'at least 2'} branches, and {count} "
        f"end{'s' if count == 1 else ''} here",
        labels=site.branch_labels(()),
    )
    return False


def _all_float(site: Site) -> bool:
    for name, flow in site.branches:
        if flow.type is not None and not flow.type.dtype.is_float:
            site.error(
                "E0305",
                f"token ids arrive at `{site.name}` from `{name}`, and it needs vectors",
                labels=site.branch_labels(()),
                help=f"start `{name}` with `Embedding(input_dim=…, output_dim=…)`",
            )
            return False
    return True


def _raised(shape: tuple[Dim, ...], rank: int) -> tuple[Dim, ...]:
    """The shape with as many axes, new ones of size 1 right behind the batch, as in Keras."""
    return (shape[0], *(1,) * (rank - len(shape)), *shape[1:])


def _conflict(site: Site, different: set[int], message: str, help: str) -> None:
    notes = tuple(
        note for index in sorted(different) for note in along_the_way(_flows(site)[index])
    )
    site.error("E0234", message, labels=site.branch_labels(different), notes=notes, help=help)


def _elementwise_shape(exactly: int | None) -> Callable[[Site], TensorType | None]:
    def shape(site: Site) -> TensorType | None:
        """The shape that all branches have; axes of size 1 are repeated."""
        if not _enough(site, exactly) or not _all_float(site):
            return None
        types = _types(site)
        rank = max(type.rank for type in types)
        result = _raised(types[0].shape, rank)
        for index, type in enumerate(types[1:], 1):
            other = _raised(type.shape, rank)
            both = list(zip(result, other, strict=True))
            if any(a != b and 1 not in (a, b) for a, b in both):
                _conflict(
                    site,
                    {index},
                    f"`{site.name}` joins values element by element, and their shapes differ: "
                    f"{shape_text(types[0])} and {shape_text(type)}",
                    _projection_help(types[0], type)
                    or "give the branches the same shape, or join them with `Concatenate()`",
                )
                return None
            result = tuple(b if a == 1 else a for a, b in both)
        return types[0].with_shape(result)

    return shape


def _projection_help(first: TensorType, other: TensorType) -> str | None:
    """Where only the last axis differs a projection mends it."""
    if first.shape[:-1] != other.shape[:-1] or not isinstance(first.shape[-1], int):
        return None
    width = first.shape[-1]
    layer = f"Conv2D({width}, 1)" if first.rank == 4 else f"Dense({width})"
    return f"end the second branch with `{layer}`, or join the branches with `Concatenate()`"


def _operands(make: Construction) -> list[Value]:
    """The branches' values with as many axes each."""
    rank = max(value.type.rank for value in make.branches)
    return [
        value
        if value.type.rank == rank
        else make("reshape", value, shape=_raised(value.type.shape, rank))
        for value in make.branches
    ]


def _folded(op: str, mean: bool = False) -> Callable[[Construction, Value], Value]:
    def build(make: Construction, x: Value) -> Value:
        values = _operands(make)
        result = reduce(lambda a, b: make(op, a, b), values[1:], values[0])
        return make("mul", result, make.number(1 / len(values))) if mean else result

    return build


def _elementwise(
    name: str, doc: str, scope: str, op: str, *, mean: bool = False, exactly: int | None = None
) -> None:
    define(
        LayerSpec(
            name,
            doc,
            scope,
            (),
            _elementwise_shape(exactly),
            _folded(op, mean),
            merge=ALL_MASKED,
            nodes=int(mean),
            branch_nodes=2,
        )
    )


_elementwise("Add", "The sum of the branches, element by element.", "add", "add")
_elementwise(
    "Subtract", "The first of two branches minus the second.", "subtract", "sub", exactly=2
)
_elementwise("Multiply", "The product of the branches, element by element.", "multiply", "mul")
_elementwise(
    "Average", "The mean of the branches, element by element.", "average", "add", mean=True
)
_elementwise("Maximum", "The largest of the branches, element by element.", "maximum", "maximum")
_elementwise("Minimum", "The least of the branches, element by element.", "minimum", "minimum")


# ---- Concatenate, Parallel ----------------------------------------------------------------


def _concatenated_shape(site: Site) -> TensorType | None:
    """All axes but one agree; that one is as long as all of them together."""
    if not _enough(site, None) or not _all_float(site):
        return None
    types = _types(site)
    rank, axis = types[0].rank, site.arguments["axis"]
    if not -rank < axis < rank or axis in (0, -rank):
        site.error(
            "E0236",
            f"{shape_text(types[0])} has no axis {axis} to join along; the batch is axis 0",
            "axis",
            labels=site.branch_labels(()),
            help=f"the axes are 1 to {rank - 1}, or -1 to -{rank - 1} from the end"
            if rank > 2
            else "the only axis is 1, or -1",
        )
        return None
    axis %= rank
    for index, type in enumerate(types[1:], 1):
        same = type.rank == rank and all(
            a == b
            for place, (a, b) in enumerate(zip(types[0].shape, type.shape, strict=True))
            if place != axis
        )
        if not same:
            _conflict(
                site,
                {index},
                f"`{site.name}` joins values along axis {axis}, and their other axes differ: "
                f"{shape_text(types[0])} and {shape_text(type)}",
                "bring them to the same sizes, or flatten both first",
            )
            return None
    shape = list(types[0].shape)
    shape[axis] = reduce(add, (type.shape[axis] for type in types))
    return types[0].with_shape(tuple(shape))


def _build_concat(make: Construction, x: Value) -> Value:
    return make("concat", *make.branches, axis=make["axis"] % make.branches[0].type.rank)


define(
    LayerSpec(
        "Concatenate",
        "The branches one behind the other along an axis.",
        "concatenate",
        (AXIS,),
        _concatenated_shape,
        _build_concat,
        merge=Merge(_concatenated_travels, _concatenated_mask),
        shape_by=("axis",),
        nodes=1,
        branch_nodes=lambda arguments: 4 if _is_sequence_axis(arguments, 3) else 1,
    )
)


def _parallel_shape(site: Site) -> TensorType | None:
    if len(site.branches) == 1:
        ((_, flow),) = site.branches
        return flow.type
    site.arguments.values["axis"] = -1
    return _concatenated_shape(site)


def _build_parallel(make: Construction, x: Value) -> Value:
    if len(make.branches) == 1:
        return x
    return make("concat", *make.branches, axis=make.branches[0].type.rank - 1)


define(
    LayerSpec(
        "Parallel",
        "Runs each item of its block, a layer or a named branch, on the same input and joins the "
        "results along the last axis.",
        "parallel",
        (),
        _parallel_shape,
        _build_parallel,
        block=Block.BRANCHES,
        merge=Merge(_concatenated_travels, _concatenated_mask),
        nodes=1,
        branch_nodes=1,
    )
)


# ---- Dot ----------------------------------------------------------------------------------


def _axes(site: Site, first: TensorType, second: TensorType) -> tuple[int, int] | None:
    """The axes that are summed over, counted from the batch at 0."""
    found = []
    for axis, type in zip(site.arguments["axes"], (first, second), strict=True):
        if axis in (0, -type.rank) or not -type.rank <= axis < type.rank:
            site.error(
                "E0236",
                f"{shape_text(type)} has no axis {axis} to sum over; the batch is axis 0",
                "axes",
                labels=site.branch_labels(()),
            )
            return None
        found.append(axis % type.rank)
    return found[0], found[1]


def _dot_shape(site: Site) -> TensorType | None:
    """Products summed over an axis of each; the other axes stand behind each other."""
    if not _enough(site, 2) or not _all_float(site):
        return None
    first, second = _types(site)
    if max(first.rank, second.rank) > 3:
        site.error(
            "E0301",
            f"`{site.name}` takes vectors or sequences, and {shape_text(first)} and "
            f"{shape_text(second)} arrive",
            labels=site.branch_labels(()),
        )
        return None
    axes = _axes(site, first, second)
    if axes is None:
        return None
    if first.shape[axes[0]] != second.shape[axes[1]]:
        _conflict(
            site,
            {1},
            f"`{site.name}` sums over axes of one size, and these have "
            f"{first.shape[axes[0]]} and {second.shape[axes[1]]}",
            "choose other `axes`, or bring the branches to the same width",
        )
        return None
    site.arguments.values["axes"] = axes
    rest = [d for i, d in enumerate(first.shape) if i not in (0, axes[0])]
    rest += [d for i, d in enumerate(second.shape) if i not in (0, axes[1])]
    return first.with_shape((first.shape[0], *(rest or [1])))


def _unit_length(make: Construction, x: Value, axis: int) -> Value:
    """x / sqrt(max(sum x², 1e-12)) along an axis."""
    squares = make("reduce_sum", make("mul", x, x), axes=(axis,), keepdims=True)
    return make("div", x, make("sqrt", make("maximum", squares, make.number(1e-12))))


def _build_dot(make: Construction, x: Value) -> Value:
    first, second = make.branches
    a, b = make["axes"]
    if make["normalize"]:
        first, second = _unit_length(make, first, a), _unit_length(make, second, b)
    if first.type.rank == 2:
        first = make("reshape", first, shape=(first.type.shape[0], 1, first.type.shape[1]))
    elif a == 1:
        first = make("transpose", first, permutation=(0, 2, 1))
    if second.type.rank == 2:
        second = make("reshape", second, shape=(*second.type.shape, 1))
    elif b == 2:
        second = make("transpose", second, permutation=(0, 2, 1))
    product = make("matmul", first, second)
    shape = make.call.gives.shape
    return product if product.type.shape == shape else make("reshape", product, shape=shape)


def _no_mask(make: Construction, masks: tuple[Value | None, ...]) -> Value | None:
    return None


define(
    LayerSpec(
        "Dot",
        "The products of two branches summed over one axis of each.",
        "dot",
        (
            Parameter(
                "axes",
                Wants.SIZES,
                doc="the axis of both, or one of each, counted from the batch at 0",
                axes=2,
            ),
            Parameter(
                "normalize", Wants.BOOLEAN, False, "bring both to unit length along it first"
            ),
        ),
        _dot_shape,
        _build_dot,
        mask=Mask.ENDS,
        merge=Merge(lambda arguments, rank, padding: False, _no_mask),
        shape_by=("axes",),
        nodes=14,
    )
)
