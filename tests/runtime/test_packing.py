"""Sessions for a few runs do not pack the weights; all others do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import neuralc
import numpy as np
import pytest
from neuralc.runtime.packing import PAYS_FROM_RUNS, packing_pays
from neuralc.runtime.session import open_session

FULL = {"neuralc.options": json.dumps({"precision": "fp32"})}
ENTRY = "session.disable_prepacking"


def setting(session: neuralc.runtime.session.Session) -> str | None:
    settings = session.running.get_session_options()
    try:
        return str(settings.get_session_config_entry(ENTRY))
    except RuntimeError:
        return None


def test_a_few_runs_of_a_file_of_ours_need_no_packing() -> None:
    assert not packing_pays(FULL, "cpu", 1)
    assert not packing_pays(FULL, "cpu", PAYS_FROM_RUNS - 1)


@pytest.mark.parametrize(
    ("metadata", "provider", "runs"),
    [
        (FULL, "cpu", None),
        (FULL, "cpu", PAYS_FROM_RUNS),
        (FULL, "cuda", 1),
        ({}, "cpu", 1),
        ({"neuralc.options": json.dumps({"precision": "int8"})}, "cpu", 1),
        ({"neuralc.options": "[1]"}, "cpu", 1),
        ({"neuralc.options": "{"}, "cpu", 1),
    ],
    ids=["any number", "many", "a GPU", "foreign", "lower precision", "damaged", "no JSON"],
)
def test_everything_else_is_packed(metadata: dict[str, str], provider: str, runs: int) -> None:
    assert packing_pays(metadata, provider, runs)


def test_the_session_gets_what_was_decided(model_bytes: Callable[..., bytes]) -> None:
    assert setting(open_session(model_bytes(FULL), provider="cpu", runs=1)) == "1"
    assert setting(open_session(model_bytes(FULL), provider="cpu")) is None
    assert setting(open_session(model_bytes(), provider="cpu", runs=1)) is None


def test_what_the_caller_or_the_file_asks_for_stands(model_bytes: Callable[..., bytes]) -> None:
    asked = open_session(model_bytes(FULL), provider="cpu", runs=1, options={ENTRY: "0"})
    assert setting(asked) == "0"
    in_file = FULL | {"neuralc.session_options": json.dumps({ENTRY: "0"})}
    assert setting(open_session(model_bytes(in_file), provider="cpu", runs=1)) == "0"


@pytest.mark.parametrize("target", ["cpu", "portable"])
def test_results_are_the_same_but_for_rounding(target: str, tmp_path: Path) -> None:
    source = """network N {
      input: (20, 96)
      layers:
        TransformerEncoder(num_heads=4, d_model=96, dff=200, activation="gelu") * 2
        Dense(300)
    }"""
    path = tmp_path / "n.onnx"
    neuralc.compile(source, target=target, lint=False).save(path, external="always")
    values = np.random.default_rng(0).standard_normal((3, 20, 96)).astype(np.float32)
    sessions = [open_session(path, provider="cpu", runs=runs) for runs in (None, 1)]
    assert [setting(each) for each in sessions] == [None, "1"]
    packed, plain = (next(iter(each.run({"input": values}).values())) for each in sessions)
    np.testing.assert_allclose(plain, packed, rtol=2e-5, atol=3e-6)
