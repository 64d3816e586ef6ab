"""Sample inputs for a model: what verification and `neural run --random` feed it.

In: a graph, or the roles that a compiled file's metadata keeps. Out: arrays that a model can really
get: ids below the vocabulary's size, masks that pad at either end or with gaps, normal floats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...ir.diagnostic import ExitStatus, failure

if TYPE_CHECKING:
    import numpy as np

    from ...ir.graph import Graph
    from ...ir.value import Value
    from ...runtime.inputs import TensorSpec

PADDINGS = ("none", "right", "left", "gapped", "all")
"""Which positions of a row are padding: none; those at an end; some between; every one."""
MIXED = "mixed"
"""Each row padded in another way, in the order of `PADDINGS` behind `none`."""

Arrays = dict[str, "np.ndarray[Any, Any]"]


@dataclass(frozen=True, slots=True)
class InputRole:
    """What an input means: `ids` (whole numbers under `below`), `mask` (0 or 1), or `values`."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]
    """Sizes, and the text of open ones, e.g. `B`."""
    role: str
    below: int | None = None

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "name": self.name,
            "dtype": self.dtype,
            "shape": list(self.shape),
            "role": self.role,
        }
        if self.below is not None:
            told["below"] = self.below
        return told

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> InputRole:
        """Raises `KeyError` or `TypeError` for what `as_json` did not write."""
        shape = tuple(told["shape"])
        return cls(told["name"], told["dtype"], shape, told["role"], told.get("below"))


def input_roles(graph: Graph) -> tuple[InputRole, ...]:
    """The role of each input of a graph, from what its readers do with it."""
    roles = []
    for value in graph.inputs:
        shape = tuple(dim if isinstance(dim, int) else str(dim) for dim in value.type.shape)
        dtype = str(value.type.dtype.numpy)
        below = _table_rows(graph, value)
        if below is not None:
            roles.append(InputRole(value.name, dtype, shape, "ids", below))
        elif value.name.endswith("mask") or dtype == "bool":
            roles.append(InputRole(value.name, dtype, shape, "mask"))
        elif value.type.dtype.is_float:
            roles.append(InputRole(value.name, dtype, shape, "values"))
        else:
            roles.append(InputRole(value.name, dtype, shape, "ids"))
    return tuple(roles)


def sample(
    roles: Sequence[InputRole], sizes: Mapping[str, int], seed: int, padding: str = "none"
) -> Arrays:
    """Arrays for all inputs. Raises `KeyError` for an open axis without a size in `sizes`."""
    import numpy as np

    random = np.random.default_rng(seed)
    arrays: Arrays = {}
    for role in roles:
        shape = tuple(axis if isinstance(axis, int) else sizes[axis] for axis in role.shape)
        if role.role == "ids":
            arrays[role.name] = random.integers(0, role.below or 2, shape).astype(role.dtype)
        elif role.role == "mask":
            arrays[role.name] = _mask(shape, padding, random).astype(role.dtype)
        else:
            arrays[role.name] = random.standard_normal(shape).astype(role.dtype)
    return arrays


def _mask(
    shape: tuple[int, ...], padding: str, random: np.random.Generator
) -> np.ndarray[Any, Any]:
    """1 where a position counts; the axes are batch, positions, and for pairs positions again."""
    import numpy as np

    mask = np.ones(shape, np.int64)
    length = shape[1] if len(shape) > 1 else shape[0]
    for row in range(shape[0]):
        how = PADDINGS[1 + row % (len(PADDINGS) - 1)] if padding == MIXED else padding
        kept = int(random.integers(1, length + 1))
        if how == "right":
            mask[row, ..., kept:] = 0
        elif how == "left":
            mask[row, ..., : length - kept] = 0
        elif how == "gapped":
            mask[row] = random.integers(0, 2, mask[row].shape)
        elif how == "all":
            mask[row] = 0
    return mask


def _table_rows(graph: Graph, value: Value) -> int | None:
    """The rows of the smallest table that the input looks up; None where it looks up none."""
    rows: list[int] = []
    pending = [value]
    while pending:
        for node, index in graph.uses(pending.pop()):
            if node.op == "gather" and index == 1 and node.operands[0] is not None:
                size = node.operands[0].type.shape[_axis(node.attributes.get("axis", 0))]
                if isinstance(size, int):
                    rows.append(size)
            elif node.op in ("cast", "reshape", "slice", "transpose", "expand"):
                pending += node.results
    return min(rows, default=None)


def _axis(attribute: Any) -> int:
    return int(attribute)


def read_roles(metadata: Mapping[str, str], specs: Sequence[TensorSpec]) -> tuple[InputRole, ...]:
    """The roles that a compiled file keeps; for a foreign file, guessed from names and types."""
    from ..metadata_entries import INPUTS, read_entry

    told = read_entry(metadata, INPUTS, [])
    try:
        kept = {role.name: role for role in map(InputRole.from_json, told)}
    except (KeyError, TypeError):
        kept = {}
    roles = []
    for spec in specs:
        if spec.name in kept:
            roles.append(kept[spec.name])
            continue
        shape = tuple(
            f"axis {index} of {spec.name}" if axis is None else axis
            for index, axis in enumerate(spec.shape)
        )
        mask = spec.name.endswith("mask") or spec.dtype == "bool"
        kind = "mask" if mask else "values" if spec.dtype.startswith("float") else "ids"
        roles.append(InputRole(spec.name, spec.dtype, shape, kind))
    return tuple(roles)


AXIS_NAMES = {"batch": "B", "seq": "S", "decoder_seq": "T"}
"""What people call the axes, and the symbols that stand for them."""


def sizes_for(
    roles: Sequence[InputRole],
    wanted: Mapping[str, int],
    bounds: Mapping[str, Mapping[str, Any]],
) -> dict[str, int]:
    """A size for each open axis: the one wanted; else 1 for the first axis, the batch, and for
    others their maximum. Raises `CompileError` E0721 where none is known, E0514 for an axis that
    the model does not have.
    """
    open_axes = list(dict.fromkeys(a for r in roles for a in r.shape if isinstance(a, str)))
    sizes: dict[str, int] = {}
    for name, size in wanted.items():
        axis = name if name in open_axes else AXIS_NAMES.get(name, name)
        if axis not in open_axes:
            known = ", ".join(open_axes) or "none"
            raise failure(
                "E0514",
                f"the model has no open axis {name!r}",
                status=ExitStatus.USAGE,
                help=f"its open axes: {known}",
            )
        sizes[axis] = size
    first = {role.shape[0] for role in roles if role.shape}
    for axis in open_axes:
        if axis in sizes:
            continue
        maximum = bounds.get(axis, {}).get("maximum")
        if isinstance(maximum, int):
            sizes[axis] = maximum
        elif axis in first:
            sizes[axis] = 1
        else:
            raise failure(
                "E0721",
                f"the axis {axis!r} has no size",
                status=ExitStatus.USAGE,
                help=f"give one: --sizes {axis}=16",
            )
    return sizes
