"""Collecting diagnostics while a program is checked.

In: messages as they are found, from any stage of the checker. Out: `Reporter.diagnostics`, each
message once, in the order of discovery.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from ...ir.diagnostic import Diagnostic, Fix, Label, Severity
from ...ir.span import Span


class Reporter:
    """A list of diagnostics without repeats.

    A layer that is repeated or stands in a macro is checked many times and says the same each
    time; a message of the same code, place and text counts once.
    """

    def __init__(self, *, lint: bool = True) -> None:
        self.lint = lint
        self.diagnostics: list[Diagnostic] = []
        self.errors = 0
        """How many errors were reported, repeats included."""
        self._seen: set[tuple[str, Span | None, str]] = set()
        self._uses: tuple[Label, ...] = ()

    @contextmanager
    def within(self, uses: tuple[Label, ...]) -> Iterator[None]:
        """Within it every message also points at the uses of the macros it comes from."""
        before = self._uses
        self._uses = uses
        try:
            yield
        finally:
            self._uses = before

    def take(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Takes over what another stage has found."""
        for diagnostic in diagnostics:
            self._add(diagnostic)

    def error(
        self,
        code: str,
        message: str,
        span: Span | None,
        *,
        labels: tuple[Label, ...] = (),
        notes: tuple[str, ...] = (),
        help: str | None = None,
        fix: Fix | None = None,
    ) -> None:
        fixes = (fix,) if fix is not None else ()
        self._add(Diagnostic(code, Severity.ERROR, message, span, labels, notes, help, fixes))

    def warning(
        self,
        code: str,
        message: str,
        span: Span | None,
        *,
        labels: tuple[Label, ...] = (),
        notes: tuple[str, ...] = (),
        help: str | None = None,
        fix: Fix | None = None,
    ) -> None:
        fixes = (fix,) if fix is not None else ()
        self._add(Diagnostic(code, Severity.WARNING, message, span, labels, notes, help, fixes))

    def lint_warning(
        self, code: str, message: str, span: Span | None, *, help: str | None = None
    ) -> None:
        """A warning about taste or likely trouble, which `--no-lint` turns off."""
        if self.lint:
            self.warning(code, message, span, help=help)

    def note(self, code: str, message: str, span: Span | None, *, help: str | None = None) -> None:
        self._add(Diagnostic(code, Severity.NOTE, message, span, help=help))

    def _add(self, diagnostic: Diagnostic) -> None:
        self.errors += diagnostic.severity is Severity.ERROR
        key = (diagnostic.code, diagnostic.span, diagnostic.message)
        if key in self._seen:
            return
        self._seen.add(key)
        if self._uses:
            diagnostic = replace(diagnostic, labels=diagnostic.labels + self._uses)
        self.diagnostics.append(diagnostic)
