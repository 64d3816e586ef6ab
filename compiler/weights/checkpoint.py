"""A checkpoint as an adapter sees it: tensors to take, and problems that are collected.

In: the header of a weights file, and the weights that a program has. Out: for each weight a source
that reads from the file, and every mismatch as a diagnostic that names both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from ...ir.diagnostic import Diagnostic, Severity
from ...ir.parameter import ParameterSource, Stored
from ...ir.span import Span
from ...ir.tensor_file import TensorEntry
from ...ir.type import TensorType
from ...ir.value import Value

LISTED = 20
"""So many mismatches of one kind are told one by one; the others are counted."""


@dataclass(frozen=True, slots=True)
class Weight:
    """A trainable parameter or a statistic of the program, and the first place that reads it."""

    value: Value
    span: Span | None

    @property
    def path(self) -> str:
        return self.value.name

    @property
    def type(self) -> TensorType:
        return self.value.type

    def __str__(self) -> str:
        return f"{self.path} ({self.type})"


class Checkpoint:
    """The tensors of one weights file, and what has become of them.

    An adapter calls `take` for each tensor it needs, `give` for each weight it can make, and
    `ignore` for tensors that inference does not need. `problems` then tells what does not fit.
    """

    def __init__(self, file: str, tensors: Mapping[str, TensorEntry]) -> None:
        self.file = file
        self.tensors = tensors
        self.sources: dict[Value, ParameterSource] = {}
        self.ignored: list[str] = []
        self._taken: dict[str, Weight] = {}
        self._refusal: Diagnostic | None = None
        self._wrong: list[Diagnostic] = []
        self._missing: list[tuple[Weight, str]] = []

    def __contains__(self, tensor: str) -> bool:
        return tensor in self.tensors

    def take(self, tensor: str, shape: tuple[int, ...], weight: Weight) -> ParameterSource | None:
        """The tensor of that name for `weight`, as floats of the weight's type.

        None where it is missing or is not `shape`: that is noted as a problem.
        """
        entry = self.tensors.get(tensor)
        if entry is None:
            self._missing.append((weight, tensor))
            return None
        self._taken[tensor] = weight
        if entry.shape != shape:
            self._mismatch("E0412", weight, tensor, f"needs {_shape(shape)}")
            return None
        if entry.dtype.is_float != weight.type.dtype.is_float:
            self._mismatch("E0413", weight, tensor, f"holds {weight.type.dtype}")
            return None
        return Stored(TensorType(weight.type.dtype, shape), self.file, tensor)

    def give(self, weight: Weight, source: ParameterSource | None) -> None:
        """Settles where a weight comes from; None where a problem has been noted instead."""
        if source is not None:
            self.sources[weight.value] = source

    def lack(self, weight: Weight, tensor: str = "") -> None:
        """Notes that the checkpoint has nothing for a weight, under the name it should have."""
        self._missing.append((weight, tensor))

    def refuse(self, code: str, message: str, help: str | None = None) -> None:
        """Notes that the whole file is of another sort, which leaves nothing else to say of it."""
        self._refusal = Diagnostic(code, Severity.ERROR, message, help=help)

    def ignore(self, unneeded: Callable[[str], bool]) -> None:
        """Leaves out the tensors that nobody took and that `unneeded` accepts."""
        self.ignored += [t for t in self.tensors if t not in self._taken and unneeded(t)]

    def problems(self) -> list[Diagnostic]:
        """Every mismatch: wrong tensors, missing ones, those left over; or the one refusal."""
        if self._refusal is not None:
            return [self._refusal]
        known = {*self._taken, *self.ignored}
        extra = [tensor for tensor in self.tensors if tensor not in known]
        missing = [self._tell_missing(weight, wanted, extra) for weight, wanted in self._missing]
        left_over = [self._tell_extra(tensor) for tensor in extra]
        return [*_shortened(self._wrong), *_shortened(missing), *_shortened(left_over)]

    def _mismatch(self, code: str, weight: Weight, tensor: str, needs: str) -> None:
        found = self.tensors[tensor]
        message = f"the weight {weight} {needs}, but {tensor!r} in {self.file} is {found}"
        self._wrong.append(Diagnostic(code, Severity.ERROR, message, weight.span))

    def _tell_missing(self, weight: Weight, wanted: str, extra: Sequence[str]) -> Diagnostic:
        name = repr(wanted) if wanted else "no tensor"
        verb = "is not in" if wanted else "for it is in"
        message = f"the weight {weight} has no value: {name} {verb} {self.file}"
        shape = weight.type.shape
        alike = [t for t in extra if self.tensors[t].shape == shape]
        close = get_close_matches(wanted, alike, 1, 0.6)
        help = f"did you mean {close[0]!r}, which nothing uses?" if close else None
        return Diagnostic("E0410", Severity.ERROR, message, weight.span, help=help)

    def _tell_extra(self, tensor: str) -> Diagnostic:
        found = self.tensors[tensor]
        message = f"the tensor {tensor!r} ({found}) in {self.file} belongs to no weight"
        return Diagnostic("E0411", Severity.ERROR, message)


def _shape(shape: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _shortened(found: list[Diagnostic]) -> list[Diagnostic]:
    if len(found) <= LISTED:
        return found
    rest = len(found) - LISTED
    last = found[LISTED - 1]
    notes = (*last.notes, f"and {rest} more like this")
    return [*found[: LISTED - 1], replace(last, notes=notes)]
