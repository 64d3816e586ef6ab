"""What a compilation may be asked for, as one value.

In: the arguments of `neuralc.compile` or of the command line. Out: `CompileOptions`, checked.
Loads nothing heavy: the command lines read their choices from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..ir.diagnostic import ExitStatus, failure

OPT_LEVELS = (0, 1, 2, 3)
TARGETS = ("cpu", "portable", "cuda")
PRECISIONS = ("fp32", "fp16", "int8", "int8-tensor", "int8-weights", "int4-weights")
ACTIVATION_SCALES = ("row", "static")
MASK_DTYPES = ("int64", "bool", "float32")
LOGITS = ("all", "last")
PADDINGS = ("auto", "packed", "kept")
POSITIONS = ("none", "sinusoidal", "learned")
WEIGHT_ADAPTERS = ("bert",)


@dataclass(frozen=True, slots=True)
class CompileOptions:
    """Everything beside the source that decides what is compiled, and how.

    Two compilations with equal options, sources and weights give the same bytes.
    """

    opt_level: int = 2
    """0 nothing, 1 cleaning, 2 fusion, 3 what needs measuring."""
    target: str = "cpu"
    precision: str = "fp32"
    calibrate: Path | None = None
    """An .npz file of inputs that a precision of whole numbers is tuned and judged on."""
    max_error: float | None = None
    """How far the outputs may be from those at float32, relative to their spread."""
    activation_scales: str = "row"
    """Of int8: `row`, found for each row when the model runs, or `static`, from calibration."""
    forms: tuple[tuple[str, str], ...] = ()
    """Fused ops with the form each must take, e.g. `("qkv", "packed")`, instead of the fastest."""
    tuning: Path | None = None
    """What was measured before: a tuning record, or a model that -O3 compiled. With it nothing is
    measured."""
    tuning_time: float = 60.0
    """Seconds that measuring may take, more or less."""
    tuning_threads: int = 0
    """The threads that the model is to run on; 0 are as many as the runtime takes."""
    tuning_sizes: tuple[tuple[str, int], ...] = ()
    """Sizes of open axes to measure at: the batch is 1 and others at their maximum otherwise."""
    tuning_cache: bool = True
    """Take and keep the figures of this machine in the user's cache."""
    weights: Path | None = None
    """A safetensors file; without it the initializers draw the weights from `seed`."""
    weights_from: str | None = None
    """How the tensors of `weights` are named; None: by our own names."""
    seed: int = 0
    network: str | None = None
    """Which network of the source; needed where it has several."""
    dynamic: tuple[str, ...] = ()
    """Axes that stay open, e.g. `seq`."""
    max_sizes: tuple[tuple[str, int], ...] = ()
    """The largest size of each open axis."""
    padding_mask: bool = False
    mask_dtype: str = "int64"
    padding: str = "auto"
    """Whether padding positions are computed: "kept", "packed" (nowhere where no output depends on
    them), or "auto" (packed where that saves more than it costs)."""
    positions: str | None = None
    logits: str = "all"
    """Which positions a result for each position is given for: `all`, or the `last` one alone."""
    set: tuple[tuple[str, str], ...] = ()
    """Values for open choices and arguments by their paths, as they are written in programs."""
    hpo_default: bool = False
    """Open choices that nobody made take their defaults."""
    input: tuple[int | None, ...] | None = None
    """A shape, without the batch, that bare layers are compiled for as a chain; None is open."""
    lint: bool = True
    warnings_as_errors: bool = False
    verify: bool = False
    """Run the model in ONNX Runtime and compare it with the float64 interpreter."""
    check_ir: bool = False
    """Verify the IR after every pass."""

    @classmethod
    def of(cls, **arguments: Any) -> CompileOptions:
        """Options from keyword arguments, with mappings and sequences taken where pairs are meant.

        Raises `CompileError` (E0510, status USAGE) for a value that no option has, and `TypeError`
        for an argument that does not exist.
        """
        known = {field.name for field in fields(cls)}
        for name in arguments:
            if name not in known:
                raise TypeError(f"compile() has no argument {name!r}")
        for name in _PAIRS:
            given = arguments.get(name)
            if isinstance(given, Mapping):
                arguments[name] = tuple(given.items())
            elif given is not None:
                arguments[name] = tuple(given)
        if "set" in arguments:
            arguments["set"] = tuple((path, as_written(v)) for path, v in arguments["set"])
        if isinstance(arguments.get("dynamic"), str):
            arguments["dynamic"] = (arguments["dynamic"],)
        elif "dynamic" in arguments:
            arguments["dynamic"] = tuple(arguments["dynamic"])
        for name in ("weights", "tuning", "calibrate"):
            if arguments.get(name) is not None:
                arguments[name] = Path(arguments[name])
        options = cls(**arguments)
        options._check()
        return options

    @property
    def is_calibrated(self) -> bool:
        """Whether the model is run while it is compiled, to choose how it is computed."""
        asked = self.calibrate is not None or self.max_error is not None
        return asked or self.activation_scales != "row"

    def as_metadata(self) -> dict[str, Any]:
        """What of the options decides the file's content, JSON-ready, defaults left out."""
        # What tuning found stands in an entry of its own.
        left_out = {"lint", "warnings_as_errors", "verify", "check_ir", "weights", *_TUNING}
        told = {"opt_level": self.opt_level, "target": self.target, "precision": self.precision}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in left_out and value != field.default:
                told[field.name] = dict(value) if field.name in _PAIRS else value
        if self.calibrate is not None:
            told["calibrate"] = self.calibrate.name
        if self.weights is not None:
            told.pop("seed", None)
            told["weights"] = self.weights.name
        return told

    def _check(self) -> None:
        _one_of("opt_level", self.opt_level, OPT_LEVELS)
        _one_of("target", self.target, TARGETS)
        _one_of("precision", self.precision, PRECISIONS)
        _one_of("mask_dtype", self.mask_dtype, MASK_DTYPES)
        _one_of("logits", self.logits, LOGITS)
        _one_of("padding", self.padding, PADDINGS)
        if self.positions is not None:
            _one_of("positions", self.positions, POSITIONS)
        if self.weights_from is not None:
            _one_of("weights_from", self.weights_from, WEIGHT_ADAPTERS)
            if self.weights is None:
                raise _wrong(
                    "weights_from says how the tensors of a weights file are named, "
                    "and there is no weights file",
                    "give the file with --weights FILE.safetensors",
                )
        if not 0 <= self.seed < 2**63:
            raise _wrong(f"a seed is a whole number from 0 to 2^63 - 1, not {self.seed}")
        if self.forms:
            from ..passes.forms_pipeline import FORMS_FROM_LEVEL

            if self.opt_level < FORMS_FROM_LEVEL:
                raise _wrong(
                    f"at -O{self.opt_level} nothing is fused, so there is no form to choose",
                    f"--form goes with -O{FORMS_FROM_LEVEL} and above",
                )
        if self.precision.startswith("int"):
            from ..passes.forms_pipeline import FORMS_FROM_LEVEL

            if self.opt_level < FORMS_FROM_LEVEL:
                raise _wrong(
                    f"at -O{self.opt_level} no products are formed that could be computed in "
                    f"{self.precision}",
                    f"--precision {self.precision} goes with -O{FORMS_FROM_LEVEL} and above",
                )
        self._check_tuning()
        self._check_calibration()
        for name, size in self.max_sizes:
            if size < 1:
                raise _wrong(f"the largest size of the axis {name!r} cannot be {size}")

    def _check_tuning(self) -> None:
        defaults = {field.name: field.default for field in fields(self)}
        given = [name for name in _TUNING if getattr(self, name) != defaults[name]]
        if given and self.opt_level < 3:
            raise _wrong(
                f"at -O{self.opt_level} nothing is measured, so {given[0]} says nothing",
                "the options of tuning go with -O3",
            )
        if not 0 < self.tuning_time < 1e6:
            raise _wrong(f"measuring cannot take {self.tuning_time} seconds")
        if not 0 <= self.tuning_threads <= 4096:
            raise _wrong(f"a model cannot run on {self.tuning_threads} threads")
        for name, size in self.tuning_sizes:
            if size < 1:
                raise _wrong(f"the size of the axis {name!r} cannot be {size}")

    def _check_calibration(self) -> None:
        _one_of("activation_scales", self.activation_scales, ACTIVATION_SCALES)
        if self.is_calibrated and not self.precision.startswith("int"):
            raise _wrong(
                f"calibration chooses between float32 and a lower precision, not {self.precision}",
                "add --precision int8",
            )
        if self.max_error is not None and not 0 <= self.max_error < float("inf"):
            raise _wrong(f"the largest error cannot be {self.max_error}", "0.01 is one percent")
        if self.activation_scales == "static":
            if self.precision != "int8":
                raise _wrong(
                    f"{self.precision} has no scales of activations that could be static",
                    "--activation-scales static goes with --precision int8",
                )
            if self.calibrate is None:
                raise _wrong(
                    "static scales of activations come from calibration data",
                    "give real inputs with --calibrate FILE.npz",
                )


_TUNING = ("tuning", "tuning_time", "tuning_threads", "tuning_sizes", "tuning_cache")
_PAIRS = ("forms", "max_sizes", "tuning_sizes", "set")


def as_written(value: Any) -> str:
    """A Python value as a program has it; a text is taken as it is."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        inner = ", ".join(as_written(each) for each in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return str(value)


def _one_of(name: str, value: Any, allowed: Iterable[Any]) -> None:
    choices = tuple(allowed)
    if value not in choices or isinstance(value, bool):
        shown = ", ".join(map(str, choices))
        raise _wrong(f"{name} cannot be {value!r}", f"it is one of {shown}")


def _wrong(message: str, help: str | None = None) -> Exception:
    return failure("E0510", message, status=ExitStatus.USAGE, help=help)
