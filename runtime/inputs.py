"""Checks a model's inputs before they reach the kernels.

In: arrays by name, and what the model's inputs are. Out: the arrays as the runtime wants them, or
one `CompileError` that lists everything that is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ir.diagnostic import CompileError, Diagnostic, ExitStatus, Severity

Array = np.ndarray[Any, Any]

_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
    "tensor(int16)": "int16",
    "tensor(uint16)": "uint16",
    "tensor(int32)": "int32",
    "tensor(uint32)": "uint32",
    "tensor(uint64)": "uint64",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
}


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """An input or output of a model: an axis is a size, a name, or None where nothing is known."""

    name: str
    dtype: str
    shape: tuple[int | str | None, ...]

    def __str__(self) -> str:
        axes = ", ".join("?" if axis is None else str(axis) for axis in self.shape)
        return f"{self.name}: {self.dtype}[{axes}]"


def spec_of(node: Any) -> TensorSpec:
    """What ONNX Runtime says of an input or output."""
    shape = tuple(axis if isinstance(axis, int | str) else None for axis in node.shape)
    return TensorSpec(node.name, _DTYPES.get(node.type, node.type), shape)


def refuse_foreign_types(specs: Sequence[TensorSpec]) -> None:
    """Raises `CompileError` E0712 for what is no array of numbers as numpy has them."""
    foreign = [spec for spec in specs if spec.dtype not in _DTYPES.values()]
    if foreign:
        raise CompileError(
            tuple(
                _wrong(
                    "E0712",
                    f"{spec.name!r} of the model is a {spec.dtype}, not an array of numbers",
                )
                for spec in foreign
            ),
            ExitStatus.SURROUNDINGS,
        )


def check_inputs(
    specs: Sequence[TensorSpec],
    inputs: Mapping[str, Array],
    sizes: Mapping[str, Mapping[str, Any]] | None = None,
    rows: Mapping[str, int] | None = None,
) -> dict[str, Array]:
    """The inputs as contiguous arrays of the model's types.

    A number type is changed only where no value can change: int32 ids to int64, float64 values to
    float32 never. `sizes` gives the open axes' bounds, `rows` for inputs of ids the rows of the
    table that they are looked up in. Raises `CompileError` with one diagnostic for each thing that
    is wrong: E0710 a missing input, E0711 an unknown one, E0712 the type, E0713 the rank, E0714 a
    size, E0715 an empty axis, E0716 sizes that disagree, E0717 a size beyond the model's bound,
    E0722 an id that the table does not have.
    """
    problems: list[Diagnostic] = []
    names = [spec.name for spec in specs]
    for name in inputs:
        if name not in names:
            from difflib import get_close_matches

            close = get_close_matches(name, names, n=1)
            help = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(names)}"
            problems.append(_wrong("E0711", f"the model has no input {name!r}", help))
    ready: dict[str, Array] = {}
    bound: dict[str, tuple[int, str]] = {}
    for spec in specs:
        if spec.name not in inputs:
            problems.append(_wrong("E0710", f"the input {spec.name!r} is missing", f"it is {spec}"))
            continue
        array = np.asarray(inputs[spec.name])
        problems += _check_type(spec, array)
        problems += _check_shape(spec, array, bound, sizes or {})
        if rows and spec.name in rows:
            problems += _check_ids(spec, array, rows[spec.name])
        if not problems:
            ready[spec.name] = np.ascontiguousarray(array, dtype=spec.dtype).reshape(array.shape)
    if problems:
        raise CompileError(tuple(problems))
    return ready


def _check_type(spec: TensorSpec, array: Array) -> list[Diagnostic]:
    wanted = np.dtype(spec.dtype)
    if array.dtype == wanted:
        return []
    if array.dtype.kind in "iu" and wanted.kind in "iu" and np.can_cast(array.dtype, wanted):
        return []
    message = f"the input {spec.name!r} has the type {array.dtype}, the model takes {wanted}"
    return [_wrong("E0712", message, f'convert it: x.astype("{wanted}")')]


def _check_ids(spec: TensorSpec, array: Array, rows: int) -> list[Diagnostic]:
    """ONNX counts a negative id from the table's end: a wrong vector, and no error."""
    if array.dtype.kind not in "iu" or not array.size:
        return []
    wrong = (array < 0) | (array >= rows)
    if not wrong.any():
        return []
    count, place = int(wrong.sum()), np.argwhere(wrong)[0].tolist()
    message = f"the input {spec.name!r} has the id {array[tuple(place)]} at {place}"
    message += f" ({count} such ids)" if count > 1 else ""
    return [_wrong("E0722", message, f"ids are from 0 to {rows - 1}")]


def _check_shape(
    spec: TensorSpec,
    array: Array,
    bound: dict[str, tuple[int, str]],
    sizes: Mapping[str, Mapping[str, Any]],
) -> list[Diagnostic]:
    if array.ndim != len(spec.shape):
        message = (
            f"the input {spec.name!r} has {array.ndim} axes {list(array.shape)}, "
            f"the model takes {len(spec.shape)}"
        )
        return [_wrong("E0713", message, f"it is {spec}")]
    problems = []
    for axis, (size, wanted) in enumerate(zip(array.shape, spec.shape, strict=True)):
        place = f"axis {axis} of the input {spec.name!r}"
        if size == 0:
            problems.append(_wrong("E0715", f"{place} is empty"))
        elif isinstance(wanted, int):
            if size != wanted:
                message = f"{place} has the size {size}, the model takes {wanted}"
                problems.append(_wrong("E0714", message, f"it is {spec}"))
        elif wanted is not None:
            before, where = bound.setdefault(wanted, (size, place))
            if before != size:
                message = f"{place} has the size {size}, but {where} has {before}"
                problems.append(_wrong("E0716", message, f"both are the size {wanted!r}"))
            least = sizes.get(wanted, {}).get("minimum")
            if isinstance(least, int) and size < least:
                message = f"{place} has the size {size}, the model needs {least} at least"
                help = "its windows fit no shorter one: pad what is given"
                problems.append(_wrong("E0717", message, help))
            most = sizes.get(wanted, {}).get("maximum")
            if isinstance(most, int) and size > most:
                message = f"{place} has the size {size}, the model was compiled for {most} at most"
                problems.append(_wrong("E0717", message, "compile it with a larger --max"))
    return problems


def _wrong(code: str, message: str, help: str | None = None) -> Diagnostic:
    return Diagnostic(code, Severity.ERROR, message, help=help)
