"""Files that replace others only when they are whole.

In: a path to be written. Out: temporary files beside it, brought to the disk and renamed into their
places, or removed.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import re
import tempfile
from pathlib import Path
from typing import IO


class PendingFiles:
    """Temporary files beside the target, each either put into its place or removed."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._open: list[IO[bytes]] = []
        self._placed: list[Path] = []

    def temporary(self) -> IO[bytes]:
        file = tempfile.NamedTemporaryFile(  # noqa: SIM115
            dir=self._target.parent, prefix=f".{self._target.stem}.", suffix=".part", delete=False
        )
        self._open.append(file)
        return file

    def place(self, file: IO[bytes], path: Path) -> None:
        """Brings a file to the disk and gives it its name, replacing what had it."""
        file.flush()
        os.fsync(file.fileno())
        file.close()
        os.chmod(file.name, 0o666 & ~_umask())
        new = not path.exists()
        os.replace(file.name, path)
        self._open.remove(file)
        if new:
            self._placed.append(path)
        _sync_folder(path.parent)

    def undo(self) -> None:
        """Removes what was written, temporary files and those that replaced nothing."""
        for file in self._open:
            with contextlib.suppress(OSError):
                file.close()
            with contextlib.suppress(OSError):
                os.unlink(file.name)
        for path in self._placed:
            with contextlib.suppress(OSError):
                path.unlink()


def _umask() -> int:
    """The process's mask for new files, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Brings the folder's names to the disk, where the system can open folders."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def outdated(path: Path, weights: Path | None) -> list[Path]:
    """Data files of our naming that the model at `path` names, and no other model beside it."""
    pattern = re.compile(re.escape(path.stem) + r"\.[0-9a-f]{12}\.weights")
    if not path.is_file():
        return []
    siblings = [
        file
        for file in sorted(path.parent.iterdir())
        if pattern.fullmatch(file.name) and file.is_file() and file != weights
    ]
    others = [file for file in sorted(path.parent.glob("*.onnx")) if file.name != path.name]
    return [
        file
        for file in siblings
        if _mentions(path, file.name) and not any(_mentions(o, file.name) for o in others)
    ]


def _mentions(model: Path, name: str) -> bool:
    """Whether a file names another; a name with a hash in it occurs for no other reason."""
    with (
        contextlib.suppress(OSError, ValueError),
        model.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        return content.find(name.encode()) >= 0
    return False
