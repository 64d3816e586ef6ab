"""What is demanded of `check` on any text.

In: a text. Out: a `Verdict`: nothing wrong, or what. No exception, diagnostics with places within
the text that can be shown as text and as JSON, and time in proportion to the text's length.
"""

from __future__ import annotations

import json
import time
import zlib
from dataclasses import dataclass
from unittest import mock

from neuralc.compiler.checking import macros
from neuralc.compiler.driver import Compilation, check_program
from neuralc.compiler.messages.data import as_data
from neuralc.compiler.messages.render import render
from neuralc.compiler.options import CompileOptions
from neuralc.compiler.syntax.source import Source
from neuralc.ir.codes import CODES
from neuralc.ir.diagnostic import CompileError, Diagnostic, ExitStatus, Severity

SECONDS, SECONDS_PER_MB = 0.3, 3.0
NODE_CAP = 2_000
"""Ops of a network in these runs, so that `* 10000` within `* 10000` is told soon."""
BUILT = 3
"""Of so many programs without errors one is built, which must not fail."""
VARIANTS = tuple(
    CompileOptions.of(**each)
    for each in (
        {},
        {},
        {},
        {},
        {},
        {},
        {"network": "Model"},
        {"network": "N0", "lint": False},
        {"dynamic": "seq", "max_sizes": {"seq": 64}},
        {"dynamic": "seq", "padding_mask": True},
        {"padding_mask": True, "mask_dtype": "bool", "logits": "last"},
        {"positions": "none", "logits": "last"},
        {"positions": "learned", "max_sizes": {"seq": 32, "width": 8}},
        {"hpo_default": True},
        {"hpo_default": True, "set": {"dense.units": 4}},
        {"set": {"dense[0].units": 4, "dense[1].activation": "relu"}},
        {"set": {"optimizer.learning_rate": 0.1, "train.epochs": 0}},
        {"set": {"conv2d.filters": "(2,", "block.width": 3}},
        {"set": {"residual/dense.units": 8, "transformer_encoder.num_heads": 3}},
        {"set": {"block[0].n": "2 * 3", "dense.repeat": 2}},
        {"set": {"model/dropout.rate": 2, "loss": "mse"}},
        {"input": (8, 16)},
        {"input": (None, 8), "dynamic": "seq"},
        {"input": (8, 8, 3)},
    )
)
"""Options, each as often as it stands here."""


@dataclass(frozen=True)
class Verdict:
    """`wrong` says what is wrong, empty where nothing is; `seconds` are of CPU time."""

    wrong: str
    seconds: float
    codes: tuple[str, ...]


def judge(text: str, slack: float = 1.0) -> Verdict:
    """Checks a text and what is said of it. `slack` multiplies the time that is allowed."""
    source = Source("fuzz", text)
    choice = zlib.crc32(text.encode("utf-8", "replace"))
    options = VARIANTS[choice % len(VARIANTS)]
    start = time.process_time()
    try:
        with mock.patch.object(macros, "NODE_LIMIT", NODE_CAP):
            _, told = check_program(source, options)
            seconds = time.process_time() - start
            right = not any(each.severity is Severity.ERROR for each in told)
            if right and choice // len(VARIANTS) % BUILT == 0:
                _build(source, options)
    except CompileError as error:
        seconds = time.process_time() - start
        told = list(error.diagnostics)
        if error.status not in (ExitStatus.WRONG_PROGRAM, ExitStatus.USAGE):
            return Verdict(f"exit status {error.status}", 0.0, ())
    except RecursionError:
        return Verdict("RecursionError", time.process_time() - start, ())
    except Exception as error:
        return Verdict(f"{type(error).__name__}: {error}", time.process_time() - start, ())
    codes = tuple(each.code for each in told)
    allowed = SECONDS + SECONDS_PER_MB * len(text.encode("utf-8", "replace")) / 1e6
    if seconds > slack * allowed:
        return Verdict(f"{seconds:.2f} s, and {allowed:.2f} are allowed", seconds, codes)
    return Verdict(_shown(told, source), seconds, codes)


def _build(source: Source, options: CompileOptions) -> None:
    """The graph of a program without errors. One of several networks, or a snippet, has none, and
    so has one whose choices are open."""
    try:
        _ = Compilation(source, options).source_graph
    except CompileError as error:
        if error.status is not ExitStatus.WRONG_PROGRAM:
            raise AssertionError(f"not built: {error}") from error
        if any(each.code not in ("E0220", "E0225") for each in error.diagnostics
               if each.severity is Severity.ERROR):  # fmt: skip
            raise AssertionError(f"not built: {error}") from error


def _shown(told: list[Diagnostic], source: Source) -> str:
    lines = source.text.split("\n")
    for each in told:
        if each.code not in CODES:
            return f"the code {each.code} is not registered"
        spans = [each.span, *(label.span for label in each.labels), *(f.span for f in each.fixes)]
        for span in spans:
            if span is None or span.file != "fuzz":
                continue
            if not 1 <= span.line <= span.end_line <= len(lines):
                return f"{each.code} points at line {span.end_line} of {len(lines)}"
            if not 1 <= span.column <= len(lines[span.line - 1]) + 1:
                return f"{each.code} points at column {span.column} of line {span.line}"
            if not 1 <= span.end_column <= len(lines[span.end_line - 1]) + 1:
                return f"{each.code} ends at column {span.end_column} of line {span.end_line}"
    try:
        render(told, {"fuzz": source.text}).encode("utf-8")
        json.dumps(as_data(told, {"fuzz": source.text}))
    except Exception as error:
        return f"cannot be shown: {type(error).__name__}: {error}"
    return ""
