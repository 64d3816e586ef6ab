"""The compiled sentence encoder against the same checkpoint in transformers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.parity

Batch = dict[str, np.ndarray]
Tokenize = Callable[[Sequence[str]], Batch]
Reference = Callable[[Batch], np.ndarray]

COSINE = 0.99999
SENTENCES = (
    "A cat is sleeping on the sofa.",
    "Shares dropped at the start of the week, and analysts blamed the weather.",
    "Yes.",
    "Der Zug nach München fährt heute zehn Minuten später ab.",
    "In 1969, two people walked on the moon; a third one stayed in orbit around it (alone).",
    "def f(x): return x ** 2  # squares a number",
    "Nothing here but 🎈 and ½ cup of 日本語.",
    " ".join(["The committee postponed its decision until every member had read the report."] * 12),
)


def embed(session: Any, batch: Batch) -> np.ndarray:
    (vectors,) = session.run(batch).values()
    return np.asarray(vectors)


def cosines(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    return np.asarray((left.astype(np.float64) * right).sum(1) / norms)


@pytest.mark.parametrize("sentence", SENTENCES, ids=range(len(SENTENCES)))
def test_one_sentence(
    sentence: str, tokenize: Tokenize, reference: Reference, compiled: Any
) -> None:
    batch = tokenize([sentence])
    assert cosines(embed(compiled, batch), reference(batch)).min() >= COSINE


def test_a_padded_batch(tokenize: Tokenize, reference: Reference, compiled: Any) -> None:
    batch = tokenize(SENTENCES)
    assert (batch["attention_mask"] == 0).any()
    ours = embed(compiled, batch)
    assert cosines(ours, reference(batch)).min() >= COSINE
    assert np.allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-5)


def test_padding_changes_no_vector(tokenize: Tokenize, compiled: Any) -> None:
    together = embed(compiled, tokenize(SENTENCES))
    alone = np.concatenate([embed(compiled, tokenize([sentence])) for sentence in SENTENCES])
    assert cosines(together, alone).min() >= COSINE


@pytest.mark.parametrize("how", ["left", "gapped"])
def test_padding_elsewhere(
    how: str, tokenize: Tokenize, reference: Reference, compiled: Any
) -> None:
    """The mask, not the place, decides what counts; positions are counted from the first column."""
    batch = tokenize(SENTENCES)
    mask = batch["attention_mask"]
    if how == "left":
        batch = {name: array[:, ::-1].copy() for name, array in batch.items()}
    else:
        batch["attention_mask"] = mask * np.random.default_rng(7).integers(0, 2, mask.shape)
        batch["attention_mask"][:, 0] = 1
    assert cosines(embed(compiled, batch), reference(batch)).min() >= COSINE


def test_what_is_alike_is_close(tokenize: Tokenize, compiled: Any) -> None:
    """The vectors mean something: paraphrases lie closer than any unrelated pair."""
    cat, kitten, market = embed(
        compiled,
        tokenize(
            [
                "A cat is sleeping on the sofa.",
                "The kitten naps on the couch.",
                "Stock markets fell sharply on Monday.",
            ]
        ),
    )
    assert cat @ kitten > 0.5 > 0.2 > cat @ market
