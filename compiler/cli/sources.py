"""Reads the program that a command was given.

In: a path, `-` for standard input. Out: its `Source`, known to the command's messages.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..syntax.source import Source, read_source
from .messages import Messages


def open_source(messages: Messages, path: Path) -> Source:
    """The program. Raises `CompileError` where it cannot be read or is no text."""
    source = read_source(path)
    # A file's name may hold bytes that are no text; messages and compiled files can hold text only.
    shown = source.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if shown != source.name:
        source = replace(source, name=shown)
    messages.sources[source.name] = source.text
    return source
