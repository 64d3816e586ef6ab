"""`neural`: the toolbox's subcommands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from neuralc.ir.codes import CODES

Command = Callable[..., Any]


@pytest.fixture
def model(small: Path, command: Command) -> Path:
    """The small program, compiled with open axes and a mask."""
    options = ("--dynamic=seq", "--padding-mask", "--verify", "-q", "-o", "model.onnx")
    assert command("neuralc", small, *options).status == 0
    return Path("model.onnx")


def save_inputs() -> tuple[str, str]:
    random = np.random.default_rng(0)
    np.save("x.npy", random.standard_normal((2, 5, 8)).astype(np.float32))
    np.save("mask.npy", np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]))
    return "input=x.npy", "attention_mask=mask.npy"


# ---- check ------------------------------------------------------------------------------------


def test_check_says_what_is_wrong_and_nothing_else(small: Path, command: Command) -> None:
    outcome = command("neural", "check", small)
    assert (outcome.status, outcome.out) == (0, "")
    assert outcome.err.endswith("small.neural: ok (Small)\n")
    small.write_text(small.read_text().replace("num_heads=2", "num_heads=3"))
    outcome = command("neural", "check", small)
    assert outcome.status == 1
    assert "small.neural:4:34" in outcome.err
    assert [p.name for p in Path().iterdir()] == ["small.neural"]


def test_check_takes_several_programs_and_the_worst_decides(small: Path, command: Command) -> None:
    Path("bad.neural").write_text("network N { input: (3) layers: Dens(1) }")
    outcome = command("neural", "check", small, "bad.neural")
    assert outcome.status == 1
    assert "small.neural: ok" in outcome.err
    assert "Dense" in outcome.err
    assert command("neural", "check", small, "bad.neural", "absent.neural").status == 3


def test_check_tells_programs_as_json(small: Path, command: Command) -> None:
    told = json.loads(command("neural", "check", small, "--json").out)
    assert told["ok"] is True
    assert {d["code"] for d in told["diagnostics"]} >= {"W0211"}
    outcome = command("neural", "check", small, "--json", "-Werror")
    assert outcome.status == 1
    assert json.loads(outcome.out)["ok"] is False


def test_bare_layers_are_checked_each_by_itself(small: Path, command: Command) -> None:
    small.write_text("MultiHeadAttention(num_heads=8, key_dim=64)\n")
    assert command("neural", "check", small).status == 0


# ---- run --------------------------------------------------------------------------------------


def test_a_model_runs_on_files(model: Path, command: Command) -> None:
    inputs = save_inputs()
    arguments = [each for name in inputs for each in ("--input", name)]
    outcome = command("neural", "run", model, *arguments, "--output", "y.npz", "--provider=cpu")
    assert outcome.status == 0, outcome.err
    assert "output" in outcome.out
    assert "float32[2, 3]" in outcome.out
    assert "wrote y.npz" in outcome.err
    with np.load("y.npz") as saved:
        result = saved["output"]
    np.testing.assert_allclose(result.sum(-1), 1, rtol=1e-5)
    again = command("neural", "run", model, *arguments, "-o", "y.npy", "--json")
    assert json.loads(again.out)["provider"] == "cpu"
    assert np.array_equal(np.load("y.npy"), result)


def test_one_run_opens_a_session_for_one_run(
    model: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which packs no weights. A profile shows a session that does, as servers have it."""
    from neuralc.runtime import session

    opened: list[object] = []
    real = session.open_session

    def recorded(*arguments: Any, **more: Any) -> Any:
        opened.append(more.get("runs"))
        return real(*arguments, **more)

    monkeypatch.setattr(session, "open_session", recorded)
    assert command("neural", "run", model, "--random").status == 0
    assert command("neural", "run", model, "--random", "--profile").status == 0
    assert opened == [1, None]


def test_a_program_runs_as_its_model_does(model: Path, small: Path, command: Command) -> None:
    inputs = save_inputs()
    arguments = [each for name in inputs for each in ("--input", name)]
    options = ("--dynamic=seq", "--padding-mask")
    assert command("neural", "run", model, *arguments, "-o", "a.npy").status == 0
    assert command("neural", "run", small, *options, *arguments, "-o", "b.npy").status == 0
    assert np.array_equal(np.load("a.npy"), np.load("b.npy"))


def test_one_npz_holds_all_inputs(model: Path, command: Command) -> None:
    save_inputs()
    np.savez("all.npz", input=np.load("x.npy"), attention_mask=np.load("mask.npy"))
    assert command("neural", "run", model, "--input", "all.npz").status == 0
    assert command("neural", "run", model, "--input", "x.npy").status == 2


def test_random_inputs_have_the_sizes_asked_for(model: Path, command: Command) -> None:
    arguments = ("neural", "run", model, "--random", "--json")
    sizes = [
        json.loads(command(*arguments, *more).out)["outputs"]["output"]["shape"]
        for more in ((), ("--sizes", "batch=2,seq=3"), ("--sizes", "B=4"))
    ]
    assert sizes == [[1, 3], [2, 3], [4, 3]]
    assert command(*arguments, "--sizes", "depth=2").status == 2
    assert command("neural", "run", model, "--sizes", "batch=2").status == 2
    assert "E0717" in command(*arguments, "--sizes", "seq=99").err


def test_wrong_inputs_are_named(model: Path, command: Command) -> None:
    save_inputs()
    Path("text.npy").write_text("no array")
    Path("object.npy").write_bytes(b"")
    np.save("object.npy", np.array([{}], object), allow_pickle=True)
    run = ("neural", "run", model)
    assert "E0710" in command(*run, "--input", "input=x.npy").err
    both = ("--input", "input=x.npy", "--input", "attention_mask=mask.npy")
    for extra, code in (
        (("--input", "extra=x.npy"), "E0711"),
        (("--input", "input=mask.npy"), "E0712"),
        (("--input", "input=text.npy"), "E0718"),
        (("--input", "input=object.npy"), "E0718"),
        (("--input", "input=absent.npy"), "E0501"),
    ):
        outcome = command(*run, *both, *extra)
        assert outcome.status in (1, 3)
        assert f"error[{code}]" in outcome.err
        assert "Traceback" not in outcome.err


def test_an_output_over_an_input_is_refused(model: Path, command: Command) -> None:
    inputs = save_inputs()
    before = Path("x.npy").read_bytes()
    arguments = [each for name in inputs for each in ("--input", name)]
    assert command("neural", "run", model, *arguments, "-o", "x.npy").status == 2
    assert command("neural", "run", model, *arguments, "-o", "y.csv").status == 2
    assert Path("x.npy").read_bytes() == before


def test_the_profile_points_at_source_lines(model: Path, command: Command) -> None:
    outcome = command("neural", "run", model, "--random", "--profile")
    assert outcome.status == 0, outcome.err
    line = next(line for line in outcome.out.splitlines() if " Attention " in line)
    assert line.startswith("encoder[0]/attention ")
    assert line.endswith("small.neural:4:5")
    told = json.loads(command("neural", "run", model, "--random", "--profile", "--json").out)
    assert told["profile"]["runs"] == 10
    assert told["profile"]["microseconds"] > 0


def test_a_missing_gpu_is_status_3(model: Path, command: Command) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        assert command("neural", "run", model, "--random", "--provider=cuda").status in (0, 3)
    else:
        outcome = command("neural", "run", model, "--random", "--provider=cuda")
        assert outcome.status == 3
        assert "neuralc[gpu]" in outcome.err


# ---- inspect ----------------------------------------------------------------------------------


def test_inspect_tells_what_the_file_says(model: Path, command: Command) -> None:
    told = json.loads(command("neural", "inspect", model, "--json").out)
    assert told["name"] == "Small"
    assert [each["name"] for each in told["inputs"]] == ["input", "attention_mask"]
    assert told["inputs"][0]["shape"] == ["B", "S", 8]
    assert told["outputs"] == [{"name": "output", "dtype": "float32", "shape": ["B", 3]}]
    assert told["verification"]["passed"] is True
    assert told["source_map"] > 0
    assert told["fused"]["attention"] == 1
    assert "select_forms" in told["pipeline"]
    assert told["target"]["oldest_runtime"]
    assert {"loss", "optimizer"} <= set(told["sections"])
    text = command("neural", "inspect", model).out
    assert f"ONNX Runtime {told['target']['oldest_runtime']} or newer" in text
    assert "open axis" in text


def test_inspect_takes_foreign_models(small: Path, command: Command) -> None:
    from onnx import TensorProto, helper, save

    info = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 2])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "foreign", [info], [out])
    save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10),
        "f.onnx",
    )
    assert command("neural", "inspect", "f.onnx").status == 0
    outcome = command("neural", "run", "f.onnx", "--random", "--json")
    assert outcome.status == 0, outcome.err
    assert json.loads(outcome.out)["outputs"]["y"]["shape"] == [1, 2]


# ---- explain, layers, passes, debug -----------------------------------------------------------


def test_explain_knows_every_code(command: Command) -> None:
    assert command("neural", "explain", "e0712").out.startswith("E0712: ")
    listed = command("neural", "explain").out.splitlines()
    codes = [line.split()[0] for line in listed if line.startswith("  ")]
    assert sorted(codes) == sorted(CODES)
    assert "Shapes" in listed
    first = json.loads(command("neural", "explain", "--json").out)[0]
    assert first["title"]
    assert first["mended"]["language"] == "neural"
    outcome = command("neural", "explain", "E9999")
    assert outcome.status == 2
    assert "E0514" in outcome.err


def test_explain_shows_the_programs_of_the_page(command: Command) -> None:
    plain = command("neural", "explain", "E0213").out
    assert "TransformerEncoder(num_heads=7)" in plain
    assert "**This is right:**" in plain
    assert "Tested by" not in command("neural", "explain", "E0506").out


def test_explain_on_a_terminal_is_set_in_type(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuralc.compiler.cli.messages.Messages.use_color", lambda *_: True)
    told = command("neural", "explain", "E0213").out
    assert "\x1b[" in told
    assert "TransformerEncoder" in told
    assert "```" not in told


def test_explain_without_pages_has_the_short_explanation(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("neuralc.compiler.messages.pages.FOLDER", tmp_path)
    assert command("neural", "explain", "E0213").out.startswith("E0213: heads do not divide")


def test_layers_are_listed_and_described(command: Command) -> None:
    every = command("neural", "layers").out
    assert "TransformerEncoder" in every
    one = command("neural", "layers", "transformerencoder").out
    for parameter in ("num_heads", "d_model", "dff", "norm_first"):
        assert parameter in one
    wrong = command("neural", "layers", "Dens")
    assert wrong.status == 2
    assert "Dense" in wrong.err
    told = json.loads(command("neural", "layers", "Dense", "--json").out)
    assert told[0]["parameters"][0]["name"] == "units"


def test_the_weights_of_a_program_are_listed(small: Path, command: Command) -> None:
    told = json.loads(command("neural", "layers", small, "--weights", "--json").out)
    weights = {row["path"]: row for row in told}
    assert weights["encoder[0]/attention/query/kernel"]["shape"] == [8, 8]
    assert weights["encoder[0]/attention/query/kernel"]["place"].startswith("small.neural:4:5")
    assert "encoder[0]/ffn/inner/bias" in command("neural", "layers", small, "--weights").out
    assert command("neural", "layers", "--weights").status == 2


def test_passes_are_listed_with_their_reasons(command: Command) -> None:
    told = json.loads(command("neural", "passes", "--json").out)
    assert [row["pass"] for row in told["O0"]] == ["bound_scores"]
    names = [row["pass"] for row in told["O2"]]
    assert (
        names.index("for_inference") < names.index("fuse_attention") < names.index("select_forms")
    )
    assert all(row["reason"] for rows in told.values() for row in rows)
    assert "select_forms" not in [row["pass"] for row in told["O1"]]
    assert "fuse_attention" in command("neural", "passes", "-O2").out


def test_debug_shows_what_each_layer_gives(small: Path, command: Command) -> None:
    told = json.loads(command("neural", "debug", small, "--json").out)
    (rows,) = told.values()
    assert [row["layer"] for row in rows][-1].startswith("output")
    assert all(row["not finite"] == 0 for row in rows)


def test_debug_compares_stages_and_layers(small: Path, command: Command) -> None:
    outcome = command("neural", "debug", small, "--compare", "--json", "--padding-mask")
    assert outcome.status == 0, outcome.err
    stages, layers = json.loads(outcome.out).values()
    errors = {row["stage"]: float(row["maximum"]) for row in stages}
    assert all(error < 1e-8 for name, error in errors.items() if "float64" in name)
    assert all(0 < error < 1e-5 for name, error in errors.items() if "ONNX" in name)
    assert any(row["layer"].startswith("encoder[0]") for row in layers)


def test_attention_pictures_are_announced(small: Path, command: Command) -> None:
    outcome = command("neural", "debug", small, "--attention-weights")
    assert outcome.status == 2
    assert "E0515" in outcome.err


@pytest.mark.parametrize("name", ["check", "compile", "run", "inspect", "debug", "explain"])
def test_every_command_has_help(name: str, command: Command) -> None:
    assert f"Usage: neural {name}" in command("neural", name, "--help").out
    assert name in command("neural", "--help").out


def test_a_mistyped_command_gets_a_hint(command: Command) -> None:
    outcome = command("neural", "chekc")
    assert outcome.status == 2
    assert "did you mean 'check'?" in outcome.err
    assert command("neural").status == 2


def test_compile_is_neuralc(small: Path, command: Command) -> None:
    assert command("neural", "compile", small, "-o", "a.onnx", "-q").status == 0
    assert command("neuralc", small, "-o", "b.onnx", "-q").status == 0
    assert Path("a.onnx").read_bytes() == Path("b.onnx").read_bytes()
