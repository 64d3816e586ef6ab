"""Fuzzing that follows what is reached: atheris mutates the programs of this project.

In: seconds to run. Out: what libFuzzer reports; a text that breaks a promise ends the run and is
kept beside. Needs `pip install "neuralc[fuzz]"`.

    python benchmarks/fuzz_guided.py --seconds 120
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "fuzzing"))
SLACK = 30.0
"""Instrumented code is slow: only what never ends counts as too slow here."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    import atheris

    with atheris.instrument_imports(include=["neuralc.compiler"]):
        from judge import judge
        from mutations import corpus

    def one(data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        verdict = judge(text, SLACK)
        if verdict.wrong:
            raise AssertionError(verdict.wrong)

    seeds = Path(tempfile.mkdtemp(prefix="neural-fuzz-"))
    for number, text in enumerate(corpus()):
        (seeds / str(number)).write_text(text, "utf-8")
    options = [f"-max_total_time={given.seconds}", f"-seed={given.seed}", "-max_len=4000"]
    atheris.Setup([sys.argv[0], *options, "-timeout=60", str(seeds)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
