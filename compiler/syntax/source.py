"""Source texts: where a program comes from, before anything is read into it.

In: a path, `-` for standard input, or a text. Out: a `Source`, which is known to be text and turns
character offsets into spans.
"""

from __future__ import annotations

import os
import sys
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ...ir.diagnostic import CompileError, ExitStatus, failure
from ...ir.span import Span

MAX_SOURCE_BYTES = 1_000_000


@dataclass(frozen=True)
class Source:
    """A program's text and the name that messages give it: the path as the user wrote it.

    A byte order mark is dropped and every kind of line end becomes `\\n`, so that columns count
    what an editor shows.
    """

    name: str
    text: str
    original: str = field(default="", compare=False, repr=False)
    """The text before that."""

    def __post_init__(self) -> None:
        if not self.original:
            object.__setattr__(self, "original", self.text)
        text = self.text.removeprefix("\ufeff")
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        object.__setattr__(self, "text", text)

    @cached_property
    def _line_starts(self) -> list[int]:
        starts = [0]
        position = self.text.find("\n")
        while position >= 0:
            starts.append(position + 1)
            position = self.text.find("\n", position + 1)
        return starts

    def span(self, start: int, end: int) -> Span:
        """The span of the characters from offset `start` up to, not including, `end`."""
        line = bisect_right(self._line_starts, start)
        end_line = bisect_right(self._line_starts, end)
        return Span(
            self.name,
            line,
            start - self._line_starts[line - 1] + 1,
            end_line,
            end - self._line_starts[end_line - 1] + 1,
        )

    def offsets(self, span: Span) -> tuple[int, int]:
        """The offsets of the characters that a span of this source encloses."""
        starts = self._line_starts
        return (
            starts[span.line - 1] + span.column - 1,
            starts[span.end_line - 1] + span.end_column - 1,
        )

    def line_start(self, offset: int) -> int:
        """The offset at which the line of the character at `offset` begins."""
        return self._line_starts[bisect_right(self._line_starts, offset) - 1]


def read_source(path: str | os.PathLike[str]) -> Source:
    """The program in the file `path`, or on standard input for `-`.

    Raises CompileError with exit status 3 where the file cannot be read (E0501 missing, E0502 a
    directory, E0503 anything else), with status 1 where it is no text (E0103) or over 1 MB (E0104).
    """
    if os.fspath(path) == "-":
        name = "<stdin>"
        try:
            data = sys.stdin.buffer.read(MAX_SOURCE_BYTES + 1)
        except OSError as error:
            raise failure("E0503", f"cannot read standard input: {_reason(error)}") from None
    else:
        name = os.fspath(path)
        data = _read_file(name)
    return _decode(name, data)


def _read_file(name: str) -> bytes:
    try:
        # One byte more than is allowed tells that there is more, whatever the size of the file.
        with open(name, "rb") as file:
            return file.read(MAX_SOURCE_BYTES + 1)
    except FileNotFoundError:
        raise failure("E0501", f"there is no file `{name}`", help=_similar(name)) from None
    except IsADirectoryError:
        raise failure(
            "E0502",
            f"`{name}` is a directory",
            help="give the path of a program, or `-` for standard input",
        ) from None
    except (OSError, ValueError) as error:
        raise failure("E0503", f"cannot read `{name}`: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _similar(name: str) -> str | None:
    """A hint at a program beside the missing file, or at one of its name with the usual ending."""
    path = Path(name)
    if Path(f"{name}.neural").is_file():
        return f"did you mean `{name}.neural`?"
    try:
        found = sorted(p for p in path.parent.iterdir() if p.suffix == ".neural")
    except OSError:
        return f"there is no directory `{path.parent}` either"
    from difflib import get_close_matches

    # The ending is left out: what all programs share makes none of them similar.
    programs = {p.stem: p for p in found}
    close = get_close_matches(path.stem, programs, n=1)
    return f"did you mean `{programs[close[0]]}`?" if close else None


def _decode(name: str, data: bytes) -> Source:
    def wrong(code: str, message: str, help: str | None = None) -> CompileError:
        return failure(code, message, status=ExitStatus.WRONG_PROGRAM, help=help)

    if b"\0" in data:
        raise wrong("E0103", f"`{name}` is a binary file, not a program")
    if len(data) > MAX_SOURCE_BYTES:
        raise wrong("E0104", f"`{name}` is larger than 1 MB, the most that a program may have")
    try:
        return Source(name, data.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise wrong(
            "E0103",
            f"`{name}` is not UTF-8: byte {data[error.start]:#04x} in line {line}",
            help="save the file as UTF-8",
        ) from None
