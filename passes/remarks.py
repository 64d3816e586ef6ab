"""What the passes tell the user: what was fused, what was not and why.

In: calls from passes. Out: `Remark` values in the order of the graph, and the diagnostics that
`--remarks` prints at the source lines.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from ..ir.diagnostic import Diagnostic, Severity
from ..ir.emitter import shared_scope
from ..ir.node import Node
from ..ir.span import Span


class RemarkKind(Enum):
    """What a remark reports; the value is its word in texts."""

    FUSED = "fused"
    MISSED = "missed"
    CHANGED = "changed"
    KEPT = "kept"
    FORM = "form"
    NOTE = "note"

    @property
    def code(self) -> str:
        """The diagnostic code of such remarks."""
        return _CODES[self]


_CODES = {
    RemarkKind.FUSED: "R0801",
    RemarkKind.MISSED: "R0802",
    RemarkKind.CHANGED: "R0804",
    RemarkKind.KEPT: "R0802",
    RemarkKind.FORM: "R0803",
    RemarkKind.NOTE: "R0804",
}

_PREFIXES = {
    RemarkKind.FUSED: "fused: ",
    RemarkKind.MISSED: "not fused: ",
    RemarkKind.KEPT: "left as it is: ",
}


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that a pass did, chose or declined, and the places that it concerns."""

    pass_name: str
    kind: RemarkKind
    message: str
    spans: tuple[Span, ...] = ()
    scope: str = ""

    def __str__(self) -> str:
        place = f" in {self.scope}" if self.scope else ""
        return f"{self.kind.value} [{self.pass_name}]{place}: {self.message}"

    def as_diagnostic(self) -> Diagnostic:
        """The remark alone as a diagnostic, at the first of its places."""
        return _diagnostic(self, [self.scope])


class Remarks:
    """The remarks of one run of a pipeline, in the order in which they were made."""

    def __init__(self) -> None:
        self._remarks: list[Remark] = []

    def fused(self, pass_name: str, message: str, nodes: Iterable[Node]) -> None:
        """Nodes became one."""
        self._record(pass_name, RemarkKind.FUSED, message, nodes)

    def missed(self, pass_name: str, message: str, nodes: Iterable[Node]) -> None:
        """Nodes that look like a pattern stayed as they are; the message gives the reason."""
        self._record(pass_name, RemarkKind.MISSED, message, nodes)

    def changed(self, pass_name: str, message: str, nodes: Iterable[Node]) -> None:
        """Nodes are computed in another way, in another order or at another size."""
        self._record(pass_name, RemarkKind.CHANGED, message, nodes)

    def kept(self, pass_name: str, message: str, nodes: Iterable[Node]) -> None:
        """Nodes that could have been changed so were not; the message gives the reason."""
        self._record(pass_name, RemarkKind.KEPT, message, nodes)

    def form(self, pass_name: str, message: str, nodes: Iterable[Node]) -> None:
        """A fused op was given the form in which the target runs it."""
        self._record(pass_name, RemarkKind.FORM, message, nodes)

    def note(self, pass_name: str, message: str, nodes: Iterable[Node]) -> None:
        """Anything else worth a line."""
        self._record(pass_name, RemarkKind.NOTE, message, nodes)

    def add(self, remark: Remark) -> None:
        self._remarks.append(remark)

    def all(self) -> tuple[Remark, ...]:
        return tuple(self._remarks)

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """The remarks for the user: equal ones about one source place become one that counts."""
        groups: dict[tuple[str, RemarkKind, str, tuple[Span, ...]], list[Remark]] = {}
        for remark in self._remarks:
            key = (remark.pass_name, remark.kind, remark.message, remark.spans)
            groups.setdefault(key, []).append(remark)
        return tuple(
            _diagnostic(group[0], [remark.scope for remark in group]) for group in groups.values()
        )

    def _record(
        self, pass_name: str, kind: RemarkKind, message: str, nodes: Iterable[Node]
    ) -> None:
        nodes = list(nodes)
        spans = tuple(dict.fromkeys(span for node in nodes for span in node.spans))
        scope = shared_scope([node.scope for node in nodes])
        self.add(Remark(pass_name, kind, message, spans, scope))


def _diagnostic(remark: Remark, scopes: list[str]) -> Diagnostic:
    times = f" ({len(scopes)} times)" if len(scopes) > 1 else ""
    named = [scope for scope in dict.fromkeys(scopes) if scope]
    where = ", ".join(named) if len(named) <= 3 else f"{named[0]} … {named[-1]}"
    prefix = _PREFIXES.get(remark.kind, "")
    return Diagnostic(
        remark.kind.code,
        Severity.REMARK,
        f"{prefix}{remark.message}{times}",
        remark.spans[0] if remark.spans else None,
        notes=(f"in {where}",) if where else (),
    )
