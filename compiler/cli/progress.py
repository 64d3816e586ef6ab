"""A progress line for work that takes longer than two seconds.

In: the names of stages as they begin, of long ones the share that is done. Out: on a terminal, a
line with a spinner, the stage, a bar and the time; on anything else nothing. rich is loaded only
when the line appears.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

from .messages import Messages

PATIENCE_SECONDS = 2.0


class Progress:
    """Shows the present stage while it is entered as a context."""

    def __init__(self, messages: Messages) -> None:
        wanted = not messages.quiet and messages.format == "text" and sys.stderr.isatty()
        self._timer = threading.Timer(PATIENCE_SECONDS, self._appear) if wanted else None
        self._lock = threading.Lock()
        self._stage = ""
        self._share: float | None = None
        self._bar: Any = None
        self._stopped = False

    def __enter__(self) -> Progress:
        if self._timer is not None:
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stage(self, name: str, share: float | None = None, /) -> None:
        """The stage that begins now, and which share of the work is done where that is known."""
        with self._lock:
            self._stage, self._share = name, share
            self._show()

    def _show(self) -> None:
        """The stage and its share on the line, where there is one already."""
        for task in self._bar.tasks if self._bar is not None else ():
            # Where nobody knows how much there is to do, the bar moves to and fro.
            task.description, task.total = self._stage, None if self._share is None else 1.0
            task.completed = self._share or 0.0

    def stop(self) -> None:
        """Takes the line away, for good."""
        if self._timer is not None:
            self._timer.cancel()
        with self._lock:
            self._stopped = True
            if self._bar is not None:
                self._bar.stop()
                self._bar = None

    def _appear(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        with self._lock:
            if self._stopped:
                return
            columns = (
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                TimeElapsedColumn(),
            )
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._bar.add_task(self._stage, total=None)
            self._show()
            self._bar.start()
