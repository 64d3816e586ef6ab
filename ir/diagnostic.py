"""Messages to the user as values: made anywhere, rendered in one place.

In: spans. Out: `Diagnostic` values, and `CompileError`, the one exception that carries them to
the command line or to the caller of the Python API.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Any

from .span import Span


class Severity(Enum):
    """How much a message matters; only errors stop a compilation."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"
    REMARK = "remark"


class ExitStatus(IntEnum):
    """What a command's exit status says."""

    DONE = 0
    WRONG_PROGRAM = 1
    USAGE = 2
    SURROUNDINGS = 3
    """A file, permission, disk, missing package or missing provider."""
    COMPILER_FAULT = 4


@dataclass(frozen=True, slots=True)
class Label:
    """A second place that a message speaks of, with what is to be said there."""

    span: Span
    message: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A mend that a tool can make: `replacement` in the place of what `span` encloses."""

    title: str
    span: Span
    replacement: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One message: a stable code, the smallest span that is wrong, and how to mend it.

    `code` is `E…` for errors, `W…` for warnings and lints, `N…` for notes, `R…` for remarks; each
    is listed with its meaning in `ir/codes/` and shown by `neural explain CODE`.
    """

    code: str
    severity: Severity
    message: str
    span: Span | None = None
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str | None = None
    fixes: tuple[Fix, ...] = ()
    """Mends that are surely meant, or nearly; each by itself, the best first."""

    def as_json(self) -> dict[str, Any]:
        """The message as JSON-ready data, for editors and other programs (docs/diagnostics.md)."""

        def place(span: Span) -> dict[str, Any]:
            return {
                "file": span.file,
                "line": span.line,
                "column": span.column,
                "end_line": span.end_line,
                "end_column": span.end_column,
            }

        return {
            "code": self.code,
            "severity": self.severity.value,
            "message": self.message,
            "span": place(self.span) if self.span else None,
            "labels": [
                {"span": place(label.span), "message": label.message} for label in self.labels
            ],
            "notes": list(self.notes),
            "help": self.help,
            "fixes": [
                {"title": fix.title, "span": place(fix.span), "replacement": fix.replacement}
                for fix in self.fixes
            ],
        }


class CompileError(Exception):
    """A compilation that cannot go on: its diagnostics and the exit status they mean."""

    def __init__(
        self,
        diagnostics: tuple[Diagnostic, ...],
        status: ExitStatus = ExitStatus.WRONG_PROGRAM,
    ) -> None:
        self.diagnostics = diagnostics
        self.status = status
        super().__init__("; ".join(f"{d.code}: {d.message}" for d in diagnostics))


def failure(
    code: str,
    message: str,
    *,
    status: ExitStatus = ExitStatus.SURROUNDINGS,
    help: str | None = None,
    notes: tuple[str, ...] = (),
) -> CompileError:
    """A `CompileError` of one diagnostic that points at no place in a source text."""
    diagnostic = Diagnostic(code, Severity.ERROR, message, help=help, notes=notes)
    return CompileError((diagnostic,), status)
