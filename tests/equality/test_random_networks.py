"""Programs that nobody would write compile to files as exact as the unoptimized graph.

`make test` takes the same few programs each time. `NEURALC_PROGRAMS=5000 pytest
tests/equality/test_random_networks.py` takes as many others (about two a second) and shrinks what
it finds; what was found stands below by itself, so that it stays mended.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import neuralc
import pytest
from exactness import FORMS, Check, Variant
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from neuralc.ir.diagnostic import CompileError
from random_programs import Program, program

MANY = int(os.environ.get("NEURALC_PROGRAMS", "0"))
FEW = 14
DIGESTED = 10

FOUND = {
    # The masks of causal layers became constants only after operands had been put in order.
    "a folded triangle under a pairwise mask": Program(
        """network N {
          input: (2, 12)
          layers:
            MultiHeadAttention(num_heads=2, key_dim=1, causal=true, use_attention_mask="pairwise")
        }""",
    ),
    # The checker and the op wrote the same length in two ways: (S + 1) // 2, (S - 1) // 2 + 1.
    "a causal convolution that strides along an open axis": Program(
        """network N {
          input: (7, 4)
          layers:
            Conv1D(6, kernel_size=3, strides=2, padding="causal")
            TransformerDecoder(num_heads=2)
        }""",
        {"dynamic": ("seq",)},
        longest=7,
    ),
}


def variants(random: Random) -> tuple[Variant, ...]:
    """One way to compile for each target and level, and a choice of forms."""
    return (
        Variant(2, "cpu", random.random() < 0.5),
        Variant(2, "portable", random.random() < 0.5),
        Variant(random.choice((0, 1, 3)), random.choice(("cpu", "portable")), True),
        Variant(2, "cpu", random.random() < 0.5, tuple(random.choice(FORMS).items())),
    )


def is_refused(error: CompileError) -> bool:
    """Whether a program is a wrong one, which is the checker's to say."""
    return all(
        each.code.startswith(("E02", "E03"))
        for each in error.diagnostics
        if each.severity.name == "ERROR"
    )


@given(random=st.randoms(use_true_random=False))
@settings(
    max_examples=MANY or FEW,
    derandomize=not MANY,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_random_programs_are_exact_in_every_variant(random: Random) -> None:
    written = program(random)
    try:
        problems = Check(written, variants(random)).run(cases_per_seed=4, seeds=1)
    except CompileError as error:
        if not is_refused(error):
            raise
        reject()
    assert not problems, f"{written.text}\n{written.options}\n" + "\n".join(problems)


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_stays_mended(name: str) -> None:
    every = [
        Variant(level, target, optimized)
        for level in range(4)
        for target in ("cpu", "portable")
        for optimized in (False, True)
    ]
    every += [Variant(2, "cpu", True, tuple(forms.items())) for forms in FORMS]
    assert Check(FOUND[name], tuple(every)).run(cases_per_seed=5, seeds=2) == []


def digests() -> str:
    """One line a program: the hash of its bytes, compiled for each target."""
    lines = []
    for seed in range(DIGESTED):
        written = program(Random(seed))
        for target in ("cpu", "portable"):
            try:
                model = neuralc.compile(written.text, target=target, lint=False, **written.options)
            except CompileError as error:
                lines.append(str(error))
            else:
                lines.append(hashlib.sha256(model.to_bytes()).hexdigest())
    return "\n".join(lines)


def test_the_same_program_gives_the_same_bytes_in_another_process() -> None:
    here = Path(__file__).parent
    command = "import test_random_networks as tests; print(tests.digests())"
    paths = os.pathsep.join([str(here), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PYTHONHASHSEED": "12345", "PYTHONPATH": paths}
    other = subprocess.run(
        [sys.executable, "-c", command], env=environment, capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() == digests()
