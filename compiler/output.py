"""Writes a command's results: whole or not at all, and never over what they were made from.

In: text or bytes, and where they shall go. Out: files written beside their target and renamed, or
text on standard output.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ..ir.diagnostic import CompileError, ExitStatus, failure


def refuse_overwriting(output: Path, inputs: Iterable[Path | str | None]) -> None:
    """Raises `CompileError` E0505 where the output is one of the inputs, by whatever name."""
    for given in inputs:
        if given is None or str(given) == "-":
            continue
        path = Path(given)
        try:
            same = real(output) == real(path) or os.path.samefile(output, path)
        except OSError:
            continue
        if same:
            raise failure(
                "E0505",
                f"the output `{output}` is the input `{given}`",
                status=ExitStatus.USAGE,
                help="write it elsewhere with -o",
            )


def check_writable(output: Path) -> None:
    """Raises `CompileError` E0504 where nothing can be written, before any work is done for it."""
    folder = real(output).parent if output.is_symlink() else output.parent
    if output.is_symlink() and real(output).is_symlink():
        raise failure("E0504", f"cannot write `{output}`: its links lead in a circle")
    if output.is_dir():
        raise failure("E0504", f"`{output}` is a directory, where a file is to be written")
    if not folder.is_dir():
        missing = "is not a directory" if folder.exists() else "does not exist"
        raise failure("E0504", f"cannot write `{output}`: the directory `{folder}` {missing}")
    beside = folder if is_regular(output) else output
    if not os.access(beside, os.W_OK):
        raise failure("E0504", f"cannot write `{output}`: no permission to write in `{folder}`")


def write_file(output: Path, content: str | bytes, *, durable: bool = True) -> None:
    """Writes a file in one step: until it is complete, what was there before stays.

    What is not `durable` does not wait for the disk: a loss of power may then lose it.
    Raises `CompileError` E0504 where that fails.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        if not is_regular(output):
            output.write_bytes(data)
            return
        # A link is followed, so that it stays one.
        target = real(output)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            os.chmod(temporary, _mode(target))
            os.replace(temporary, target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise cannot_write(output, error) from None


def write_stdout(content: str | bytes) -> None:
    """Prints a result as it is."""
    try:
        if isinstance(content, bytes):
            sys.stdout.buffer.write(content)
        else:
            sys.stdout.write(content if content.endswith("\n") else content + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        # What could not be written must not fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise cannot_write(Path("<stdout>"), error) from None


def cannot_write(output: Path, error: OSError) -> CompileError:
    return failure("E0504", f"cannot write `{output}`: {error.strerror or error}")


def real(path: Path) -> Path:
    """The file that a path leads to, through all links; a link of a circle stays as it is."""
    return Path(os.path.realpath(path))


def is_regular(output: Path) -> bool:
    """Whether the path is, or would become, an ordinary file and no device or pipe."""
    return output.is_file() or not output.exists()


def _mode(target: Path) -> int:
    """The permissions of the file that is replaced, or those that a new file gets."""
    try:
        return target.stat().st_mode & 0o7777
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
