"""What is kept of a diagnostic's code."""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    """A short title, and a few sentences for somebody who meets the message the first time."""

    title: str
    explanation: str
