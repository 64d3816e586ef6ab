"""Whether a session lays the weights out for its kernels before the first run.

In: a file's metadata, the provider, how often the model will be run. Out: whether packing pays.

The runtime copies the weight of every product into the order in which its kernel reads it. That is
most of what making a session takes, and makes each run faster; without it the kernel does the same
for the piece that it works on, in each run anew. What is packed and what is lost by not packing
both grow with the weights, so that there is one number of runs from which on it pays, measured by
benchmarks/packing.py (docs/optimizations/start.md).
"""

from __future__ import annotations

from collections.abc import Mapping

from .model_file import read_object

PAYS_FROM_RUNS = 10
"""Runs of one session from which on packing has gained more than it took."""

OPTIONS_KEY = "neuralc.options"
WITHOUT = {"session.disable_prepacking": "1"}
"""The runtime's option for a session that packs nothing."""


def packing_pays(metadata: Mapping[str, str], provider: str, runs: int | None) -> bool:
    """Whether a session that will make so many runs, None for any number, should pack.

    Always, but for files of ours in full precision on the CPU: kernels of lower precision may
    compute otherwise, or far slower, on weights as they stand, and of foreign files nothing is
    known.
    """
    if runs is None or runs >= PAYS_FROM_RUNS or provider != "cpu":
        return True
    return read_object(metadata, OPTIONS_KEY).get("precision") != "fp32"
