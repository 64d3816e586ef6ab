"""What an engineer expects of the command lines on an ordinary day: files, places, messages."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import neuralc
import numpy as np
import pytest
from neuralc.ir.diagnostic import CompileError

Command = Callable[..., Any]


# ---- files --------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [(), ("--external",), ("--emit=ir",)])
def test_a_link_stays_a_link(small: Path, command: Command, options: tuple[str, ...]) -> None:
    Path("models").mkdir()
    Path("models/old.onnx").write_text("old")
    link = Path("link.onnx")
    link.symlink_to("models/old.onnx")
    assert command("neuralc", small, "-o", link, *options).status == 0
    assert link.is_symlink()
    assert Path("models/old.onnx").read_bytes() != b"old"
    if "--emit=ir" not in options:
        assert command("neural", "run", link, "--random").status == 0


def test_a_link_to_nothing_makes_the_file(small: Path, command: Command) -> None:
    Path("link.onnx").symlink_to("made.onnx")
    assert command("neuralc", small, "-o", "link.onnx").status == 0
    assert Path("link.onnx").is_symlink()
    assert Path("made.onnx").stat().st_size > 1000


@pytest.mark.parametrize("option", ["-o", "--save-weights"])
def test_a_circle_of_links_is_no_place(small: Path, command: Command, option: str) -> None:
    Path("circle").symlink_to("circle")
    outcome = command("neuralc", small, option, "circle")
    assert outcome.status == 3
    assert "E0504" in outcome.err
    assert "in a circle" in outcome.err


def test_bytes_do_not_depend_on_where_the_program_lies(
    small: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path.cwd()
    Path("a/b").mkdir(parents=True)
    Path("a/b/small.neural").write_bytes(small.read_bytes())
    written = set()
    for folder, source in [
        (".", "small.neural"),
        (".", "a/b/small.neural"),
        ("a", "b/small.neural"),
        ("a/b", "../../small.neural"),
        ("a", str(root / "small.neural")),
    ]:
        monkeypatch.chdir(root / folder)
        assert command("neuralc", source, "-o", "model.onnx").status == 0
        written.add(Path("model.onnx").read_bytes())
    assert len(written) == 1
    assert b"small.neural:4:5" in written.pop()


def test_a_full_disk_behind_stdout_is_named(small: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                "from neuralc.compiler.cli.neuralc import main; main()",
                str(small),
                "--emit=ir",
            ],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 3
    assert "cannot write `<stdout>`" in done.stderr


def test_weights_beside_nothing(small: Path, command: Command) -> None:
    """Standard output has no place beside it where a file of weights could lie."""
    outcome = command("neuralc", small, "--external", "-o", "-")
    assert (outcome.status, outcome.out) == (2, "")
    assert "E0511" in outcome.err


# ---- messages -----------------------------------------------------------------------------------


def check(command: Command, layers: str, shape: str = "(16, 32)") -> str:
    Path("p.neural").write_text(f"network N {{ input: {shape} layers: {layers} }}")
    text: str = command("neural", "check", "p.neural").err
    return text


def codes(text: str) -> list[str]:
    return re.findall(r"^\w+\[(\w+)\]", text, re.MULTILINE)


@pytest.mark.usefixtures("small")
def test_messages_come_in_the_order_of_the_program(command: Command) -> None:
    Path("many.neural").write_text(
        "network N {\n"
        "  input: (16, 32)\n"
        "  layers:\n"
        "    Densee(3)\n"
        "    TransformerEncoder(num_heads=7, d_model=32)\n"
        "    Dropout(3)\n"
        "    Dense(0)\n"
        '  loss: "mes"\n'
        "}\n"
    )
    outcome = command("neural", "check", "many.neural", "--json")
    found = [(d["code"], d["span"]["line"]) for d in json.loads(outcome.out)["diagnostics"]]
    assert found == [("E0201", 4), ("E0213", 5), ("E0207", 6), ("E0207", 7), ("W0206", 8)]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("layers", "shape", "expected"),
    [
        # The width is wrong, and with the right one the heads are not.
        ("TransformerEncoder(num_heads=8, d_model=500)", "(16, 512)", ["E0302"]),
        # Both are wrong.
        ("TransformerEncoder(num_heads=7, d_model=500)", "(16, 512)", ["E0213", "E0302"]),
        # Where positions would have been added is of no interest any more.
        ("TransformerEncoder(num_heads=7)", "(16, 512)", ["E0213"]),
        ("b: { Dense(3) } Add()", "{a: (4), b: (5)}", ["E0230"]),
        ('TransformerEncoder(4, attention="local", window=3)', "(16, 512)", ["E0212", "E0212"]),
    ],
)
def test_nothing_is_said_that_follows(
    command: Command, layers: str, shape: str, expected: list[str]
) -> None:
    assert codes(check(command, layers, shape)) == expected


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("layers", "help"),
    [
        ("Transformer(8)", "did you mean `TransformerEncoder` or `TransformerDecoder`?"),
        ("EinsumDense(8)", "`neural layers` lists those that can"),
        ('Dense(3, "rellu")', "did you mean `relu`?"),
        ("TransformerEncoder(7, 512)", "num_heads=4 or num_heads=8 would divide it"),
    ],
)
def test_the_help_says_what_to_do(command: Command, layers: str, help: str) -> None:
    assert help in check(command, layers, "(16, 512)")


@pytest.mark.usefixtures("small")
def test_a_network_that_there_is_not_is_shown_by_name_only(command: Command) -> None:
    Path("two.neural").write_text(
        "network A { input: (8) layers: Dense(4) }\nnetwork B { input: (8) layers: Dense(5) }\n"
    )
    for options, code in (((), "E0225"), (("--network", "C"), "E0223")):
        outcome = command("neuralc", "two.neural", "--diagnostics", "json", *options)
        (told,) = json.loads(outcome.err)["diagnostics"]
        span = told["span"]
        assert (outcome.status, told["code"]) == (1, code)
        assert (span["line"], span["column"], span["end_column"]) == (1, 9, 10)


@pytest.mark.usefixtures("small")
def test_a_name_given_as_source_is_seen_to_be_one() -> None:
    with pytest.raises(CompileError, match="E0502") as caught:
        neuralc.compile("small.neural")
    assert "Path" in (caught.value.diagnostics[0].help or "")


@pytest.mark.usefixtures("small")
def test_programs_are_not_similar_because_they_are_programs(command: Command) -> None:
    assert "did you mean" not in command("neuralc", "other.neural").err
    assert "did you mean `small.neural`?" in command("neuralc", "smal.neural").err


def test_remarks_say_that_something_was_fused(small: Path, command: Command) -> None:
    text = command("neuralc", small, "--remarks", "-o", os.devnull).err
    assert "remark[R0801]: fused: attention with 2 heads" in text


def test_the_differences_of_a_dump_are_for_reading(small: Path, command: Command) -> None:
    assert command("neuralc", small, "--dump-ir", "dump", "-o", os.devnull).status == 0
    differences = sorted(Path("dump").glob("*.diff"))
    graphs = sorted(Path("dump").glob("*.ir"))
    assert len(differences) == len(graphs) - 1 > 3
    assert max(len(line) for d in differences for line in d.read_text().splitlines()) < 400
    assert max(len(line) for g in graphs for line in g.read_text().splitlines()) > 200


# ---- running ------------------------------------------------------------------------------------


def header(shape: str) -> bytes:
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize("shape", ["(1000000000, 6, 8)", "(99999999999999999999999,)", "(-1, 8)"])
def test_a_header_that_promises_more_than_there_is(
    small: Path, command: Command, shape: str
) -> None:
    Path("x.npy").write_bytes(header(shape))
    with zipfile.ZipFile("x.npz", "w") as archive:
        archive.writestr("input.npy", header(shape))
    for file in ("x.npy", "x.npz"):
        outcome = command("neural", "run", small, "-q", "--input", f"input={file}")
        assert outcome.status == 3
        assert "E0718" in outcome.err
        assert "promises" in outcome.err


def test_damaged_arrays(small: Path, command: Command) -> None:
    rows = np.random.default_rng(1).standard_normal((2, 6, 8)).astype(np.float32)
    np.save("x.npy", rows)
    np.savez_compressed("x.npz", input=rows)
    for file in ("x.npy", "x.npz"):
        whole = Path(file).read_bytes()
        for at in range(0, len(whole), 7):
            Path(f"damaged-{file}").write_bytes(
                whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :]
            )
            outcome = command("neural", "run", small, "-q", "--input", f"input=damaged-{file}")
            assert outcome.status in (0, 1, 3), outcome.err
            if at > 100:
                break
    Path("t.npz").write_bytes(Path("x.npz").read_bytes()[:200])
    assert "E0718" in command("neural", "run", small, "-q", "--input", "t.npz").err


def test_options_of_the_compiler_say_nothing_to_a_compiled_file(
    small: Path, command: Command
) -> None:
    assert command("neuralc", small).status == 0
    for option in (("-O0",), ("--dynamic", "seq"), ("--target", "portable")):
        outcome = command("neural", "run", "small.onnx", "--random", *option)
        assert outcome.status == 2
        assert "E0511" in outcome.err
    assert command("neural", "run", "small.onnx", "--random", "--seed", 3).status == 0


def test_numbers_that_are_none_are_not_called_zero(small: Path, command: Command) -> None:
    np.save("x.npy", np.full((1, 6, 8), np.nan, np.float32))
    told = json.loads(command("neural", "run", small, "--input", "x.npy", "--json").out)
    assert told["outputs"]["output"]["max"] is None
    assert told["outputs"]["output"]["not_finite"] == 3
    outcome = command("neural", "debug", small, "--input", "x.npy", "--json")
    (rows,) = json.loads(outcome.out).values()
    assert rows[-1]["mean"] is None


def test_debug_says_what_it_ran_on(small: Path, command: Command) -> None:
    assert "input [1, 6, 8], random (seed 0)" in command("neural", "debug", small).err
    np.save("x.npy", np.zeros((2, 6, 8), np.float32))
    text = command("neural", "debug", small, "--input", "x.npy").err
    assert "input [2, 6, 8], from its file" in text


@pytest.mark.usefixtures("small")
def test_models_of_others(command: Command) -> None:
    import onnx

    helper, kinds = onnx.helper, onnx.TensorProto

    def write(name: str, value: Any, op: str = "Identity", out: Any = None) -> str:
        result = out or type(value).FromString(value.SerializeToString())
        result.name = "y"
        node = helper.make_node(op, ["x"], ["y"])
        graph = helper.make_graph([node], "g", [value], [result])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 8
        onnx.save(model, name)
        return name

    texts = write("texts.onnx", helper.make_tensor_value_info("x", kinds.STRING, ["N"]))
    assert "x: string[N]" in command("neural", "inspect", texts).out
    outcome = command("neural", "run", texts, "--random")
    assert outcome.status == 3
    assert "E0712" in outcome.err
    many = helper.make_tensor_sequence_value_info("x", kinds.FLOAT, None)
    length = helper.make_tensor_value_info("y", kinds.INT64, [])
    sequence = write("sequence.onnx", many, "SequenceLength", length)
    assert "x: sequence_type[…]" in command("neural", "inspect", sequence).out
    assert command("neural", "run", sequence, "--random").status == 3
    unshaped = write("unshaped.onnx", helper.make_tensor_value_info("x", kinds.FLOAT, None))
    assert "x: float32[…]" in command("neural", "inspect", unshaped).out


def test_inspecting_a_damaged_model(small: Path, command: Command) -> None:
    assert command("neuralc", small).status == 0
    whole = Path("small.onnx").read_bytes()
    # The first is a character of an operation's name, which is then no text.
    places = np.random.default_rng(0).integers(len(whole), size=30).tolist()
    for place in (whole.index(b"LayerNormalization"), *places):
        Path("bad.onnx").write_bytes(whole[:place] + b"\xff" + whole[place + 1 :])
        outcome = command("neural", "inspect", "bad.onnx")
        assert outcome.status in (0, 3), outcome.err
