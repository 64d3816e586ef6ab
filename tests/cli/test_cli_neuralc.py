"""`neuralc`: every option does what its help says."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from neuralc import __version__

Command = Callable[..., Any]


def session(path: str | Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def test_it_compiles_and_names_every_file(small: Path, command: Command) -> None:
    outcome = command("neuralc", small, "-O2", "-o", "model.onnx")
    assert outcome.status == 0
    assert outcome.out == ""
    assert "wrote model.onnx (" in outcome.err
    assert "N0401" in outcome.err
    x = np.zeros((1, 6, 8), np.float32)
    assert session("model.onnx").run(None, {"input": x})[0].shape == (1, 3)


def test_without_o_the_model_is_called_like_the_program(small: Path, command: Command) -> None:
    Path("deep").mkdir()
    moved = small.rename("deep/net.neural")
    assert command("neuralc", moved, "-q").status == 0
    assert Path("net.onnx").is_file()


def test_quiet_says_nothing_unasked(small: Path, command: Command) -> None:
    outcome = command("neuralc", small, "-q")
    assert (outcome.status, outcome.out, outcome.err) == (0, "", "")


def test_quiet_answers_what_is_asked(small: Path, command: Command) -> None:
    outcome = command("neuralc", small, "-q", "--remarks", "--time-passes", "--verify")
    assert outcome.status == 0
    assert "remark[R0801]" in outcome.err
    assert "fuse_attention" in outcome.err
    assert "verified: RMS error" in outcome.err
    assert "note[" not in outcome.err
    assert "wrote" not in outcome.err


def test_json_answers_what_is_asked(small: Path, command: Command) -> None:
    outcome = command("neuralc", small, "--diagnostics=json", "--time-passes", "--verify")
    told = json.loads(outcome.err)
    assert {each["pass"] for each in told["times"]} > {"fuse_attention", "select_forms"}
    assert told["verification"]["rms"] <= told["verification"]["rms_bound"]


@pytest.mark.parametrize(
    ("kind", "beginning"),
    [
        ("ast", "Program @1:1"),
        ("ir", "graph @Small {"),
        ("target-ir", "graph @Small {"),
        ("dot", 'digraph "Small" {'),
        ("memory-plan", "memory plan of Small"),
        ("mlir", "module {"),
    ],
)
def test_texts_go_to_stdout_or_to_a_file(
    kind: str, beginning: str, small: Path, command: Command
) -> None:
    outcome = command("neuralc", small, f"--emit={kind}")
    assert outcome.status == 0
    assert outcome.out.startswith(beginning)
    assert command("neuralc", small, f"--emit={kind}", "-o", "text").status == 0
    assert Path("text").read_text() == outcome.out


def test_several_results_get_their_own_suffixes(small: Path, command: Command) -> None:
    outcome = command(
        "neuralc", small, "--emit=onnx", "--emit=ir", "--emit=target-ir", "-o", "out.onnx"
    )
    assert outcome.status == 0
    assert {p.name for p in Path().glob("out.*")} == {"out.onnx", "out.ir", "out.target.ir"}
    assert command("neuralc", small, "--emit=ast", "--emit=ir", "-o", "-").status == 2


def test_levels_differ_in_what_they_fuse(small: Path, command: Command) -> None:
    raised = command("neuralc", small, "-O2", "--emit=ir").out
    built = command("neuralc", small, "-O0", "--emit=ir").out
    assert "= attention(" in raised
    assert "= attention(" not in built
    assert "= dropout(" in built


def test_stdin_and_stdout(
    small_source: str,
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    stdin = io.TextIOWrapper(io.BytesIO(small_source.encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert command("neuralc", "-", "-q").status == 0
    assert Path("model.onnx").is_file()


def test_no_model_is_written_to_a_terminal(
    small: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    outcome = command("neuralc", small, "-o", "-")
    assert outcome.status == 2
    assert outcome.out == ""
    assert "E0510" in outcome.err
    assert "terminal" in outcome.err
    assert command("neuralc", small, "--emit=ir", "-o", "-").out.startswith("graph @Small")


def test_one_network_is_chosen_by_name(small: Path, small_source: str, command: Command) -> None:
    small.write_text(small_source + small_source.replace("Small", "Other"))
    several = command("neuralc", small)
    assert several.status == 1
    assert "--network" in several.err
    assert command("neuralc", small, "--network", "Other", "--emit=ir").out.startswith(
        "graph @Other"
    )


def test_bare_layers_compile_for_a_shape(small: Path, command: Command) -> None:
    small.write_text("TransformerEncoder(num_heads=2, d_model=8, dff=16)\nDense(4)\n")
    assert command("neuralc", small).status == 1
    outcome = command("neuralc", small, "--input", "(6, 8)", "-o", "m.onnx")
    assert outcome.status == 0, outcome.err
    assert command("neuralc", small, "--input", "6;8").status == 2


def test_language_options_reach_the_model(small: Path, command: Command) -> None:
    outcome = command(
        "neuralc", small, "--dynamic", "seq", "--max", "seq=32", "--padding-mask",
        "--mask-dtype", "bool", "--positions", "none", "-o", "m.onnx",
    )  # fmt: skip
    assert outcome.status == 0, outcome.err
    inputs = {each.name: (each.type, each.shape) for each in session("m.onnx").get_inputs()}
    assert inputs == {
        "input": ("tensor(float)", ["B", "S", 8]),
        "attention_mask": ("tensor(bool)", ["B", "S"]),
    }


def test_the_last_logits_are_asked_for(small: Path, command: Command) -> None:
    outcome = command("neuralc", small, "--logits", "last", "-o", "m.onnx")
    assert outcome.status == 1
    assert "`--logits last`" in outcome.err
    small.write_text("network N { input: (6, 8) layers: TransformerDecoder(2) Output(5) }")
    outcome = command("neuralc", small, "--logits", "last", "-o", "m.onnx")
    assert outcome.status == 0, outcome.err
    last = session("m.onnx")
    assert [each.shape for each in last.get_outputs()] == [["B", 1, 5]]
    told = json.loads(last.get_modelmeta().custom_metadata_map["neuralc.options"])
    assert told["logits"] == "last"
    assert command("neuralc", small, "--logits", "first").status == 2


def test_padding_is_left_out_or_kept_as_asked_for(small: Path, command: Command) -> None:
    small.write_text(
        "network Small {\n  input: (6, 8)\n  layers:\n    TransformerEncoder(num_heads=2)\n"
        "    GlobalAveragePooling1D()\n}\n"
    )
    asked = ("neuralc", small, "--padding-mask", "--emit=target-ir")
    assert "nonzero(" in command(*asked, "--padding", "packed").out
    assert "nonzero(" not in command(*asked, "--padding", "kept").out
    told = command(*asked, "--remarks")
    assert "nonzero(" not in told.out
    assert "padding is computed: the rows need" in told.err
    assert command(*asked, "--padding", "none").status == 2


def test_warnings_fail_with_werror(small: Path, command: Command) -> None:
    assert command("neuralc", small, "-Werror").status == 1
    assert command("neuralc", small, "-Werror", "--no-lint").status == 0


def test_remarks_and_times_are_told(small: Path, command: Command) -> None:
    outcome = command("neuralc", small, "--remarks", "--time-passes")
    assert "R0801" in outcome.err
    assert "small.neural:4:5" in outcome.err
    assert "fuse_attention" in outcome.err


def test_diagnostics_as_json_are_one_document(small: Path, command: Command) -> None:
    outcome = command("neuralc", small, "--diagnostics=json", "--remarks")
    codes = {each["code"] for each in json.loads(outcome.err)["diagnostics"]}
    assert {"N0401", "W0211", "R0801"} <= codes
    small.write_text("network N { input: (3) layers: Dens(1) }")
    outcome = command("neuralc", small, "--diagnostics=json")
    assert outcome.status == 1
    assert json.loads(outcome.err)["diagnostics"][0]["span"]["line"] == 1


def test_the_ir_is_dumped_after_each_pass_that_changed_it(small: Path, command: Command) -> None:
    outcome = command("neuralc", small, "--dump-ir", "dump", "--emit=ir")
    assert outcome.status == 0
    names = sorted(path.name for path in Path("dump").iterdir())
    graphs = [name for name in names if name.endswith(".ir")]
    assert graphs[0] == "00-built.ir"
    assert any(name.endswith("-fuse_attention.ir") for name in graphs)
    assert any(name.endswith("-select_forms.ir") for name in graphs)
    assert len(graphs) == len(names) - len(graphs) + 1
    diff = next(Path("dump").glob("*fuse_attention.diff")).read_text()
    assert "\n+  %attention = attention(" in diff
    assert f"wrote dump: {len(graphs)} graphs" in outcome.err
    command("neuralc", small, "-O0", "--dump-ir", "dump", "--emit=ir")
    assert not list(Path("dump").glob("*fuse_attention*"))


def test_a_form_can_be_chosen(small: Path, command: Command) -> None:
    packed = command("neuralc", small, "--form", "qkv=packed", "--emit=target-ir")
    assert "split(" in packed.out
    wrong = command("neuralc", small, "--form", "qkv=folded", "--emit=target-ir")
    assert wrong.status != 0
    assert "folded" in wrong.err


def test_verification_is_reported(small: Path, command: Command) -> None:
    outcome = command("neuralc", small, "--verify", "-o", "m.onnx")
    assert outcome.status == 0
    assert "verified: RMS error" in outcome.err


def test_files_for_cuda_are_made_here_and_verified_there(small: Path, command: Command) -> None:
    fp16 = ("--target=cuda", "--precision=fp16", "-o", "m.onnx")
    outcome = command("neuralc", small, *fp16)
    assert outcome.status == 0, outcome.err
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        outcome = command("neuralc", small, *fp16, "--verify")
        assert outcome.status == 3
        assert "E0508" in outcome.err
    assert command("neuralc", small, "--precision=fp16").status == 2


@pytest.mark.parametrize("precision", ["int8", "int8-tensor", "int8-weights", "int4-weights"])
def test_products_in_bytes_are_told_everywhere(
    small: Path, command: Command, precision: str
) -> None:
    small.write_text("network Wide { input: (6, 256) layers: Dense(192) Dense(4) }")
    asked = f"--precision={precision}"
    outcome = command("neuralc", small, asked, "--remarks", "--input=6,256", "-o", "m.onnx")
    assert outcome.status == 0, outcome.err
    assert f"the product by f32[256, 192] dense[0]/kernel as {precision}" in outcome.err
    assert "the product by f32[192, 4] stays fp32" in outcome.err
    told = command("neural", "inspect", "m.onnx").out
    assert f"precision={precision}" in told
    assert f"{precision}=1, fp32=1" in told
    exact = command("neuralc", small, "-o", "exact.onnx")
    assert exact.status == 0
    x = np.random.default_rng(0).standard_normal((2, 6, 256)).astype(np.float32)
    found, wanted = (session(name).run(None, {"input": x})[0] for name in ("m.onnx", "exact.onnx"))
    assert 0 < np.abs(found - wanted).max() < 0.3 * wanted.std()
    assert command("neuralc", small, asked, "-O1", "-o", "m.onnx").status == 2
    assert command("neuralc", small, asked, "--target=portable", "-o", "m.onnx").status == 2


def test_weights_are_saved_and_read_back(small: Path, command: Command) -> None:
    assert command("neuralc", small, "--seed=7", "--save-weights=w.safetensors", "-q").status == 0
    first = session("small.onnx")
    assert command("neuralc", small, "--weights=w.safetensors", "-o", "again.onnx").status == 0
    x = np.ones((1, 6, 8), np.float32)
    results = [s.run(None, {"input": x})[0] for s in (first, session("again.onnx"))]
    assert np.array_equal(*results)


def test_weights_can_stand_beside_the_model(small: Path, command: Command) -> None:
    small.write_text("network Wide { input: (64) layers: Dense(64) }")
    outcome = command("neuralc", small, "--external", "-o", "m.onnx")
    (weights,) = Path().glob("m.*.weights")
    assert f"wrote {weights}" in outcome.err
    assert command("neuralc", small, "--external", "--single-file").status == 2
    assert command("neuralc", small, "--single-file", "-o", "m.onnx").status == 0
    assert not onnx.load("m.onnx", load_external_data=False).graph.initializer[0].external_data


def test_version_and_help(command: Command) -> None:
    assert command("neuralc", "--version").out == f"neuralc {__version__}\n"
    help = command("neuralc", "--help").out
    from neuralc.compiler.cli.neuralc import command as neuralc

    for parameter in neuralc.params:
        shown = [name for name in parameter.opts if name.startswith("-")]
        hidden = getattr(parameter, "hidden", False)
        assert hidden or not shown or any(name in help for name in shown), parameter.name
    assert "Other" in help
    assert "SOURCE" in help


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("a.neural", "b.neural"),
        ("small.neural", "-O9"),
        ("small.neural", "--emit=pdf"),
        ("small.neural", "--max", "seq"),
        ("small.neural", "--max", "seq=-1"),
        ("small.neural", "--max", "seq=١٢"),
        ("small.neural", "--seed=x"),
        ("small.neural", "--seed=-1"),
        ("small.neural", "--nonsense"),
        ("small.neural", "--form", "attention"),
        ("small.neural", "--weights-from=bert"),
    ],
)
def test_wrong_usage_is_status_2(arguments: tuple[str, ...], small: Path, command: Command) -> None:
    outcome = command("neuralc", *arguments)
    assert outcome.status == 2
    assert "error" in outcome.err
    assert "Traceback" not in outcome.err
    assert not Path("small.onnx").exists()


@pytest.mark.parametrize(("flag", "colored"), [("always", True), ("never", False), ("auto", False)])
def test_color_is_asked_for(flag: str, colored: bool, small: Path, command: Command) -> None:
    outcome = command("neuralc", small, f"--color={flag}")
    assert ("\x1b[" in outcome.err) is colored


@pytest.mark.parametrize("level", ["-O0", "-O1"])
def test_a_form_needs_fusion(level: str, small: Path, command: Command) -> None:
    outcome = command("neuralc", small, level, "--form", "attention=decomposed")
    assert outcome.status == 2
    assert "E0510" in outcome.err
    assert "--form goes with -O2" in outcome.err
