"""Where what can be computed again is kept for a user.

In: the environment. Out: a directory, which may not exist yet.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_directory() -> Path | None:
    """The user's cache directory, as each system has it, with a folder of our own in it; None where
    the user has none."""
    chosen = os.environ.get("XDG_CACHE_HOME")
    if chosen and os.path.isabs(chosen):
        return Path(chosen, "neuralc")
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local, "neuralc", "cache") if local else None
    try:
        home = Path.home()
    except RuntimeError:
        return None
    below = ("Library", "Caches") if sys.platform == "darwin" else (".cache",)
    return home.joinpath(*below, "neuralc")
