"""Figures of earlier compilations, kept for the user.

In: a machine. Out: `TuningCache`: what each form of a choice took, and which set of choices was
best for a whole model. The file's name is a hash of the machine, and the machine stands in it:
figures of another one, or of another version, are never used. A file that cannot be read counts as
empty, and one that cannot be written is not.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..user_cache import cache_directory
from .record import LARGEST_FILE, MeasuredModel, times_from_json


class TuningCache:
    """The figures of one machine on one target and precision."""

    def __init__(self, key: Mapping[str, str | int], *, used: bool = True) -> None:
        self._key = dict(key)
        directory = cache_directory() if used else None
        name = hashlib.sha256(json.dumps(self._key, sort_keys=True).encode()).hexdigest()[:24]
        self._file = directory / f"tuning-{name}.json" if directory else None
        self._choices: dict[str, tuple[str, dict[str, float]]] = {}
        self._models: dict[str, MeasuredModel] = {}
        self._read()

    def choice(self, signature: str, forms: set[str]) -> tuple[str, dict[str, float]] | None:
        """The best form, and microseconds by form; None where not just these were measured."""
        known = self._choices.get(signature)
        return known if known is not None and set(known[1]) == forms else None

    def model(self, signature: str) -> MeasuredModel | None:
        return self._models.get(signature)

    def add_choice(self, signature: str, best: str, times: Mapping[str, float]) -> None:
        self._choices[signature] = best, dict(times)

    def add_model(self, signature: str, measured: MeasuredModel) -> None:
        self._models[signature] = measured

    def write(self) -> None:
        """Keeps what was added, beside what another compilation has written meanwhile."""
        if self._file is None:
            return
        choices, models = self._choices, self._models
        self._choices, self._models = {}, {}
        self._read()
        self._choices |= choices
        self._models |= models
        with suppress(OSError):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._file.parent, prefix=self._file.name)
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as stream:
                    json.dump(self._content(), stream, ensure_ascii=False)
                os.replace(name, self._file)
            except OSError:
                Path(name).unlink(missing_ok=True)

    def _content(self) -> dict[str, Any]:
        return {
            "key": self._key,
            "choices": self._choices,
            "models": {signature: each.as_json() for signature, each in self._models.items()},
        }

    def _read(self) -> None:
        """Takes over what is sound in the file; the rest is measured anew."""
        if self._file is None:
            return
        with suppress(OSError, ValueError, RecursionError, AttributeError, KeyError, TypeError):
            if self._file.stat().st_size > LARGEST_FILE:
                return
            content = json.loads(self._file.read_text(encoding="utf-8"))
            if content.get("key") != self._key:
                return
            for signature, (best, told) in content["choices"].items():
                times = times_from_json(told)
                if best in times:
                    self._choices[signature] = best, times
            for signature, told in content["models"].items():
                self._models[signature] = MeasuredModel.from_json(told)
