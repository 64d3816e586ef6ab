"""What measuring found, as a value that a compilation can be repeated from.

In: figures, or the JSON that `--save-tuning` wrote or a compiled model carries. Out:
`TuningRecord`, and the `TunedForms` that passes follow.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...ir.diagnostic import CompileError, ExitStatus, failure
from ...passes.tuned_forms import Measured, TunedForms
from ..metadata_entries import TUNING

VERSION = 1
"""Of the layout of records. Another one is refused."""
BEYOND_DOUBT = 1.005
"""The lower end of the 99 % interval from which a set of choices counts as faster."""
LARGEST_FIGURE = 1e15
"""Microseconds: thirty years."""
LARGEST_FILE = 16 << 20
"""Bytes of a record: no compilation makes as many choices."""


@dataclass(frozen=True, slots=True)
class MeasuredChoice:
    """One choice: all nodes of one signature."""

    form: str
    """The form they take."""
    microseconds: Mapping[str, float]
    """A run of the small model that holds one such node, by form."""
    nodes: int
    """How many nodes of the graph it speaks of."""


@dataclass(frozen=True, slots=True)
class MeasuredModel:
    """The whole model under the few best sets of choices, beside that of -O2."""

    taken: str
    microseconds: Mapping[str, float]
    """A run, by set of choices."""
    faster: Mapping[str, tuple[float, float, float]]
    """How many times as fast as -O2's: the median over the rounds, and its 99 % interval."""
    rounds: int

    @property
    def beyond_doubt(self) -> list[str]:
        """The sets of choices that are faster than -O2's at the lower end of their interval."""
        return [name for name, (_, low, _) in self.faster.items() if low > BEYOND_DOUBT]

    def followed_by(self, again: MeasuredModel) -> MeasuredModel:
        """With the figures of further rounds, which decide."""
        times = {**self.microseconds, **again.microseconds}
        return MeasuredModel(again.taken, times, {**self.faster, **again.faster}, again.rounds)

    def as_json(self) -> dict[str, Any]:
        return {
            "taken": self.taken,
            "rounds": self.rounds,
            "microseconds": dict(self.microseconds),
            "faster": {name: list(three) for name, three in self.faster.items()},
        }

    @classmethod
    def from_json(cls, told: Any) -> MeasuredModel:
        """Raises `ValueError` for data that `as_json` did not write."""
        told = _object(told, "model")
        faster: dict[str, tuple[float, float, float]] = {}
        for name, each in _object(told.get("faster"), "faster").items():
            if not isinstance(each, list) or len(each) != 3:
                raise ValueError("faster has not a ratio and two bounds")
            median, low, high = (_figure(number) for number in each)
            faster[name] = median, low, high
        taken, rounds = _text(told.get("taken"), "taken"), _count(told.get("rounds"), "rounds")
        return cls(taken, times_from_json(told.get("microseconds")), faster, rounds)


@dataclass(frozen=True, slots=True)
class TuningRecord:
    """All choices of a compilation, the figures under them, and where those hold."""

    machine: Mapping[str, str | int]
    target: str
    precision: str
    sizes: Mapping[str, int]
    choices: Mapping[str, MeasuredChoice] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    """Passes left out, because the whole model is faster so."""
    model: MeasuredModel | None = None

    def forms(self) -> TunedForms:
        """What `select_forms` is to follow."""
        choices = {
            signature: Measured(each.form, each.microseconds)
            for signature, each in self.choices.items()
        }
        return TunedForms(dict(self.sizes), choices, frozenset(self.without))

    def as_json(self) -> dict[str, Any]:
        """The record as JSON-ready data, the same for equal records."""
        told: dict[str, Any] = {
            "version": VERSION,
            "machine": dict(self.machine),
            "target": self.target,
            "precision": self.precision,
            "sizes": dict(self.sizes),
            "choices": {
                signature: {
                    "form": each.form,
                    "nodes": each.nodes,
                    "microseconds": dict(each.microseconds),
                }
                for signature, each in self.choices.items()
            },
            "without": list(self.without),
        }
        if self.model is not None:
            told["model"] = self.model.as_json()
        return told

    @classmethod
    def from_json(cls, told: Any) -> TuningRecord:
        """Raises `ValueError`, with what is wrong, for data that `as_json` did not write."""
        told = _object(told, "the record")
        if told.get("version") != VERSION:
            raise ValueError(f"its version is {told.get('version')!r}, not {VERSION}")
        choices = {
            signature: _choice(each)
            for signature, each in _object(told.get("choices"), "choices").items()
        }
        without = told.get("without")
        if not isinstance(without, list):
            raise ValueError("without is no list")
        return cls(
            machine={
                name: value if type(value) is int else _text(value, "machine")
                for name, value in _object(told.get("machine"), "machine").items()
            },
            target=_text(told.get("target"), "target"),
            precision=_text(told.get("precision"), "precision"),
            sizes={
                name: _count(value, "sizes")
                for name, value in _object(told.get("sizes"), "sizes").items()
            },
            choices=choices,
            without=tuple(_text(each, "without") for each in without),
            model=None if told.get("model") is None else MeasuredModel.from_json(told["model"]),
        )

    def text(self) -> str:
        """The record as the content of a file."""
        return json.dumps(self.as_json(), indent=1, ensure_ascii=False) + "\n"


def read_record(path: Path) -> TuningRecord:
    """The record in a JSON file, or in the metadata of a compiled model.

    Raises `CompileError` E0501–E0503 where there is no such file, E0512 for a damaged model, E0640
    for a file without a sound record.
    """
    from ..output import is_regular

    if path.suffix == ".onnx":
        from ...runtime.model_file import read_metadata

        text = read_metadata(path).get(TUNING)
        if text is None:
            raise _damaged(path, "the model was not compiled with -O3")
    else:
        try:
            if is_regular(path) and path.stat().st_size > LARGEST_FILE:
                raise _damaged(path, "it is too large for a record")
            with path.open("rb") as file:
                text = file.read(LARGEST_FILE).decode("utf-8")
        except FileNotFoundError as error:
            raise failure("E0501", f"there is no file `{path}`") from error
        except IsADirectoryError as error:
            raise failure("E0502", f"`{path}` is a directory, not a tuning record") from error
        except OSError as error:
            raise failure("E0503", f"cannot read `{path}`: {error.strerror or error}") from error
        except UnicodeDecodeError as error:
            raise _damaged(path, "it is no text") from error
    try:
        return TuningRecord.from_json(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, why: str) -> CompileError:
    return failure(
        "E0640",
        f"`{path}` holds no tuning record that can be used: {why}",
        status=ExitStatus.SURROUNDINGS,
        help="give a file that --save-tuning wrote or -O3 compiled, or leave --tuning out",
    )


def _choice(told: Any) -> MeasuredChoice:
    told = _object(told, "a choice")
    form = _text(told.get("form"), "form")
    times = times_from_json(told.get("microseconds"))
    return MeasuredChoice(form, times, _count(told.get("nodes"), "nodes"))


def times_from_json(told: Any) -> dict[str, float]:
    """Microseconds by name. Raises `ValueError` for anything else."""
    return {name: _figure(each) for name, each in _object(told, "microseconds").items()}


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} is no object")
    return value


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{what} is no text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        # JSON can write half a character, which no file can hold.
        raise ValueError(f"{what} is no text") from error
    return value


def _count(value: Any, what: str) -> int:
    if type(value) is not int or not 0 < value < 2**63:
        raise ValueError(f"{what} has {value!r}, which is no number of 1 or more")
    return value


def _figure(value: Any) -> float:
    if type(value) not in (int, float) or not 0 < value < LARGEST_FIGURE:
        raise ValueError(f"{value!r} is no figure")
    return float(value)
