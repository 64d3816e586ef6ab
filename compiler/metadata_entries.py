"""The entries of a compiled file's metadata that are this project's: their keys, and reading them.

In: a file's metadata. Out: an entry's value. The keys begin with `neuralc.`; their values are JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

VERSION = "neuralc.version"
OPTIONS = "neuralc.options"
PIPELINE = "neuralc.pipeline"
FUSED = "neuralc.fused"
PRODUCTS = "neuralc.products"
CALIBRATION = "neuralc.calibration"
INPUTS = "neuralc.inputs"
SIZES = "neuralc.sizes"
SESSION_OPTIONS = "neuralc.session_options"
TARGET = "neuralc.target"
VERIFICATION = "neuralc.verification"
TUNING = "neuralc.tuning"
"""What -O3 measured."""
CHOICES = "neuralc.choices"
"""The values that open choices got, by their names."""
SOURCE_MAP = "neuralc.source_map"
"""Written by lowering."""


def compact(value: Any) -> str:
    """JSON in one line, the same for equal values."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def read_entry(metadata: Mapping[str, str], key: str, absent: Any) -> Any:
    """The value of an entry; `absent` where the file has none, or not one of ours."""
    try:
        return json.loads(metadata[key])
    except (KeyError, ValueError):
        return absent


def source_map(metadata: Mapping[str, str]) -> dict[str, str]:
    """The source places of the file's nodes by the nodes' names; empty for foreign files."""
    places = read_entry(metadata, SOURCE_MAP, {})
    return places if isinstance(places, dict) else {}
