"""Fuzzing the front end: `make fuzz`, docs/fuzzing.md.

In: how many inputs, from which seed. Out: what was wrong, the kinds and codes that were reached,
times and memory; exit status 1 where something was wrong. Inputs that were wrong are made smaller
and written to `tests/fuzzing/found/`, where they stay as tests.

    python benchmarks/fuzz.py --count 200000 --seed 1
    python benchmarks/fuzz.py --count 20000 --seed 2 --coverage
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "fuzzing"))

FOUND = ROOT / "tests" / "fuzzing" / "found"
FRONT_END = ("syntax", "checking", "choosing", "layers", "messages", "training")
NOT_REACHED = ("syntax/grammar_cache.py", "syntax/source.py")
"""Files that no text reaches: the cache of the grammar, and reading files."""
BATCH = 250
GROWTH = 256 * 2**20
"""Bytes that a worker's memory may grow between its first batch and its last."""


@dataclass
class Outcome:
    """What one batch of inputs gave."""

    wrong: list[tuple[int, str, str]] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, 0)
    seconds: float = 0.0
    peak: int = 0
    worker: int = 0


def run_batch(seed: int, first: int, count: int, slack: float) -> Outcome:
    """Judges inputs `first` … of a seed."""
    from judge import judge
    from mutations import Mutator

    mutator = _once(Mutator)
    outcome = Outcome(worker=os.getpid())
    for number in range(first, first + count):
        kind, text = mutator.text(seed, number)
        verdict = judge(text, slack)
        outcome.kinds[kind] += 1
        outcome.codes.update(verdict.codes)
        outcome.seconds += verdict.seconds
        outcome.slowest = max(outcome.slowest, (verdict.seconds, number))
        if verdict.wrong:
            again = judge(text, slack)  # a busy machine is no fault of the program
            if again.wrong:
                outcome.wrong.append((number, again.wrong, text))
    outcome.peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return outcome


_MADE: list[object] = []


def _once(mutator: type) -> object:
    if not _MADE:
        _MADE.append(mutator.of_corpus())
    return _MADE[0]


def main() -> int:
    form = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--count", type=int, default=200_000, help="inputs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--slack", type=float, default=1.0, help="multiplies the time allowed")
    parser.add_argument("--coverage", action="store_true", help="measure branches, in one process")
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    given = parser.parse_args()
    if given.coverage:
        return _with_coverage(given)
    total = Outcome()
    peaks: dict[int, list[int]] = {}
    start = time.monotonic()
    firsts = range(0, given.count, BATCH)
    with _progress(given.count) as advance, ProcessPoolExecutor(given.workers) as pool:
        jobs = [
            pool.submit(run_batch, given.seed, first, min(BATCH, given.count - first), given.slack)
            for first in firsts
        ]
        for job in jobs:
            each = job.result()
            total.wrong += each.wrong
            total.kinds += each.kinds
            total.codes += each.codes
            total.seconds += each.seconds
            total.slowest = max(total.slowest, each.slowest)
            peaks.setdefault(each.worker, []).append(each.peak)
            advance(sum(each.kinds.values()))
    growth = max((p[-1] - p[0] for p in peaks.values()), default=0)
    peak = max((p[-1] for p in peaks.values()), default=0)
    _report(given, total, growth, peak, time.monotonic() - start)
    _keep(total.wrong, given.slack)
    return 1 if total.wrong or growth > GROWTH else 0


def _report(given: argparse.Namespace, total: Outcome, growth: int, peak: int, wall: float) -> None:
    count = sum(total.kinds.values())
    figures = {
        "inputs": count,
        "seed": given.seed,
        "wrong": len(total.wrong),
        "kinds": dict(sorted(total.kinds.items())),
        "codes": len(total.codes),
        "cpu_seconds_of_check": round(total.seconds, 1),
        "mean_ms": round(1e3 * total.seconds / max(count, 1), 2),
        "slowest_s": round(total.slowest[0], 3),
        "slowest_input": total.slowest[1],
        "peak_mb": round(peak / 2**20),
        "growth_mb": round(growth / 2**20),
        "wall_s": round(wall),
    }
    if given.json:
        print(json.dumps(figures, indent=2))
    else:
        width = max(len(name) for name in figures)
        for name, value in figures.items():
            print(f"{name:<{width}}  {value}")
    for number, wrong, text in total.wrong[:10]:
        print(f"input {number}: {wrong}\n{text[:400]!r}")


def _keep(wrong: list[tuple[int, str, str]], slack: float) -> None:
    """Writes the smallest text that is wrong in the same way for each that was found."""
    from judge import judge

    for _, words, text in wrong[:20]:
        kind = words.split(":")[0].split(" ")[0]

        def same(shorter: str, kind: str = kind) -> bool:
            return judge(shorter, slack).wrong.startswith(kind)

        small = _smaller(text, same) if len(text) < 20_000 else text
        FOUND.mkdir(exist_ok=True)
        name = hashlib.sha256(small.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        (FOUND / f"{name}.txt").write_bytes(small.encode("utf-8", "surrogatepass"))
        print(f"kept {FOUND / name}.txt")


def _smaller(text: str, same: object) -> str:
    """Leaves out parts as long as what is wrong stays (delta debugging)."""
    step = max(len(text) // 2, 1)
    while True:
        at = 0
        while at < len(text):
            shorter = text[:at] + text[at + step :]
            if same(shorter):  # type: ignore[operator]
                text = shorter
            else:
                at += step
        if step == 1:
            return text
        step = max(step // 2, 1)


def _with_coverage(given: argparse.Namespace) -> int:
    """The same under coverage.py: which branches of the front end are reached."""
    folder = Path(tempfile.mkdtemp(prefix="neural-fuzz-"))
    include = ",".join(f"*/compiler/{room}/*" for room in FRONT_END)
    command = [sys.executable, "-m", "coverage"]
    share = -(-given.count // given.workers)
    running = []
    for worker in range(given.workers):
        first = worker * share
        count = min(share, given.count - first)
        script = folder / f"worker{worker}.py"
        script.write_text(
            f"import sys; sys.path[:0] = [{str(ROOT / 'benchmarks')!r}]; import fuzz\n"
            f"found = fuzz.run_batch({given.seed}, {first}, {count}, 20.0)"
            "\nprint(len(found.wrong), 'wrong'); sys.exit(bool(found.wrong))\n"
        )
        data = f"--data-file={folder / f'.coverage.{worker}'}"
        run = [*command, "run", "--branch", data, f"--include={include}", str(script)]
        running.append(subprocess.Popen(run))
    status = max(process.wait() for process in running)
    data = f"--data-file={folder / '.coverage'}"
    subprocess.run([*command, "combine", data, str(folder)], check=True, stdout=subprocess.DEVNULL)
    omit = "--omit=" + ",".join(f"*/compiler/{file}" for file in NOT_REACHED)
    report = [*command, "report", data, omit, "--show-missing", "--skip-covered"]
    subprocess.run(report, check=True)
    figures = folder / "coverage.json"
    as_json = [*command, "json", data, omit, "-o", str(figures)]
    subprocess.run(as_json, check=True, stdout=subprocess.DEVNULL)
    totals = json.loads(figures.read_text())["totals"]
    reached, branches = totals["covered_branches"], totals["num_branches"]
    print(f"branches reached: {reached} of {branches}, {reached / branches:.1%}")
    return status


def _progress(count: int):  # type: ignore[no-untyped-def]
    from contextlib import contextmanager

    @contextmanager
    def shown():  # type: ignore[no-untyped-def]
        if not sys.stderr.isatty():
            yield lambda done: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        columns = BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task("", total=count)
            yield lambda done: bar.advance(task, done)

    return shown()


if __name__ == "__main__":
    sys.exit(main())
