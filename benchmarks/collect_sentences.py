"""Collects the sentences that a sentence encoder is measured on, from this project's own texts.

    python benchmarks/collect_sentences.py > benchmarks/sentences.txt

In: the documentation, the docstrings and the texts of diagnostics. Out: 512 lines of mixed length,
in an order that has nothing to do with it: single sentences and, as many, pairs that follow each
other. The file is committed, so that figures stay comparable when the texts change; this says how
it came about.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = ("compiler", "ir", "lowering", "passes", "runtime")
COUNT = 512
LONG_ONE_IN = 2
WORDS = range(2, 90)
"""How many words a line may have."""


def paragraphs() -> Iterator[str]:
    """Running text: no code, tables, headings or command lines."""
    for path in sorted((*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"))):
        text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        yield from re.split(r"\n\s*\n", text)
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield from re.split(r"\n\s*\n", node.value)


def sentences(paragraph: str) -> list[str]:
    """The sentences of a paragraph of running text; none of anything else."""
    if re.search(r"^(\||#|    |!|>)|[{}<>→=\\]|\]\(|%", paragraph, flags=re.MULTILINE):
        return []
    text = " ".join(re.sub(r"^- ", "", paragraph).replace("**", "").replace("`", "").split())
    parts = re.split(r"(?<=[.?!]) (?=[A-Z])", text)
    return [part for part in parts if re.match(r"[A-Z].*[a-z]+.*[.?!]$", part)]


def collect() -> list[str]:
    short, long = set(), set()
    for paragraph in paragraphs():
        found = sentences(paragraph)
        short.update(found)
        long.update(" ".join(found[start : start + 2]) for start in range(0, len(found) - 1, 2))

    def drawn(texts: set[str], count: int) -> list[str]:
        fitting = [text for text in texts if len(text.split()) in WORDS]
        return sorted(fitting, key=digest)[:count]

    longs = COUNT // LONG_ONE_IN
    chosen = [*drawn(short, COUNT - longs), *drawn(long, longs)]
    return sorted(chosen, key=lambda text: digest(text[::-1]))


def digest(text: str) -> str:
    """A place in an order that is the same everywhere and has nothing to do with the text."""
    return hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    print("\n".join(collect()))
