"""Whatever a command is given: a status, a message, no traceback, and the old output whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]

NETWORK = "network N {{ input: {shape} layers: {layers} }}"


def network(layers: str, shape: str = "(6, 8)") -> bytes:
    return NETWORK.format(shape=shape, layers=layers).encode()


SOURCES = {
    "empty": (b"", "E0101"),
    "blanks": (b"  \n\t # nothing\n", "E0101"),
    "binary": (bytes(range(256)) * 8, "E0103"),
    "latin": ("network Größe".encode("latin-1"), "E0103"),
    "long line": (b"network N { input: (3) layers: Dense(" + b"1" * 10_000_000 + b") }", "E0104"),
    "long number": (network("Dense(" + "9" * 900_000 + ")"), "E0116"),
    "nested": (network("Residual{" * 10_000 + "Dense(8)" + "}" * 10_000), "E0102"),
    "nested brackets": (network("Dense(" + "(" * 10_000 + "8" + ")" * 10_000 + ")"), "E0102"),
    "repeated": (network("Dense(8) * 1000000000"), "E02"),
    "no units": (network("Dense(0)"), "E0"),
    "negative units": (network("Dense(-5)"), "E0"),
    "huge units": (network("Dense(1000000000000000000)"), "E0"),
    "huge input": (network("Dense(8)", "(1000000000000, 1000000000000)"), "E0"),
    "zero input": (network("Dense(8)", "(0, 8)"), "E0"),
    "negative input": (network("Dense(8)", "(-6, 8)"), "E0"),
    "no heads": (network("TransformerEncoder(num_heads=0, d_model=8)"), "E0"),
    "odd heads": (network("TransformerEncoder(num_heads=3, d_model=8)"), "E0"),
    "recursive macro": (b"define A() { A() } " + network("A()"), "E0"),
    "unclosed": (b"network N { input: (3) layers: Dense(", "E01"),
    "infinite": (network("LayerNormalization(epsilon=1e999)"), "E0"),
}


@pytest.mark.parametrize("name", SOURCES)
def test_a_hostile_program(name: str, tmp_path: Path, command: Command) -> None:
    content, code = SOURCES[name]
    source, output = tmp_path / "p.neural", tmp_path / "p.onnx"
    source.write_bytes(content)
    output.write_bytes(b"old")
    for arguments in (("neuralc", source, "-o", output), ("neural", "check", source)):
        outcome = command(*arguments)
        assert outcome.status == 1, outcome.err[:500]
        assert f"error[{code}" in outcome.err
        assert "Traceback" not in outcome.err
        assert len(outcome.err) < 10_000
    assert output.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.neural", "p.onnx"]


def test_what_cannot_be_read(small: Path, command: Command) -> None:
    Path("folder.neural").mkdir()
    for path, code in (("absent.neural", "E0501"), ("folder.neural", "E0502")):
        for arguments in (("neuralc", path), ("neural", "check", path), ("neural", "run", path)):
            outcome = command(*arguments)
            assert outcome.status == 3
            assert code in outcome.err


@pytest.mark.parametrize("content", [None, b"", b"garbage" * 99, b"\xff" * 8 + b"{}"])
def test_an_unreadable_weight_file(content: bytes | None, small: Path, command: Command) -> None:
    if content is not None:
        Path("w.safetensors").write_bytes(content)
    Path("small.onnx").write_text("old")
    outcome = command("neuralc", small, "--weights", "w.safetensors")
    assert outcome.status in (1, 3)
    assert "w.safetensors" in outcome.err
    assert "Traceback" not in outcome.err
    assert Path("small.onnx").read_text() == "old"


def test_an_output_that_cannot_be_written(small: Path, command: Command) -> None:
    Path("folder").mkdir()
    for output in ("absent/m.onnx", "folder", "small.neural/m.onnx"):
        for more in ((), ("--emit=ir",)):
            outcome = command("neuralc", small, "-o", output, *more)
            assert outcome.status == 3, output
            assert "E0504" in outcome.err
    assert command("neuralc", small, "--save-weights", "absent/w.safetensors").status == 3
    assert command("neuralc", small, "--dump-ir", small).status == 3
    assert not Path("small.onnx").exists()


def test_an_output_that_is_an_input(small: Path, small_source: str, command: Command) -> None:
    Path("link.neural").symlink_to(small)
    os.link(small, "hard.neural")
    for output in ("small.neural", "./small.neural", "link.neural", "hard.neural"):
        for more in ((), ("--emit=ir",)):
            outcome = command("neuralc", small, "-o", output, *more)
            assert outcome.status == 2, output
            assert "E0505" in outcome.err
    assert small.read_text() == small_source
    command("neuralc", small, "--save-weights", "w.safetensors", "-q")
    weights = Path("w.safetensors").read_bytes()
    arguments = ("--weights", "w.safetensors", "--save-weights", "w.safetensors")
    assert command("neuralc", small, *arguments).status == 2
    assert Path("w.safetensors").read_bytes() == weights


def test_an_output_may_be_no_file_at_all(small: Path, command: Command) -> None:
    assert command("neuralc", small, "-o", "/dev/null").status == 0
    assert not Path("/dev/null").is_file()


def test_a_file_that_is_no_model(small: Path, command: Command) -> None:
    Path("bad.onnx").write_bytes(b"\x08\x07garbage")
    Path("empty.onnx").write_bytes(b"")
    for name in ("bad.onnx", "empty.onnx"):
        for subcommand in ("run", "inspect"):
            outcome = command("neural", subcommand, name)
            assert outcome.status == 3
            assert "E0512" in outcome.err


def test_out_of_memory_is_said(
    small: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("neuralc.compiler.building.builder.build", exhausted)
    outcome = command("neuralc", small)
    assert outcome.status == 3
    assert "E0506" in outcome.err


@pytest.mark.parametrize("fault", [RuntimeError("boom"), RecursionError("deep")])
def test_a_fault_leaves_what_reproduces_it(
    fault: Exception, small: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr("neuralc.passes.fuse_attention.FuseAttention.run", broken)
    outcome = command("neuralc", small, "-O2", "-o", "m.onnx")
    assert outcome.status == 4
    assert "E0901" in outcome.err
    assert "Traceback" not in outcome.err
    (record,) = Path().glob("neuralc-fault-*.txt")
    text = record.read_text()
    assert "neuralc small.neural -O2 -o m.onnx" in text
    assert "## IR before fuse_attention" in text
    assert "graph @Small" in text
    assert "network Small {" in text
    assert "Traceback" in text
    assert "Traceback" in command("neuralc", small, "--debug").err
    assert not Path("m.onnx").exists()


def test_an_interrupt_leaves_no_half_file(
    small: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    Path("small.onnx").write_text("old")
    monkeypatch.setattr("os.replace", interrupted)
    outcome = command("neuralc", small)
    assert outcome.status == 130
    assert outcome.err.endswith("interrupted\n")
    assert Path("small.onnx").read_text() == "old"
    assert sorted(p.name for p in Path().iterdir()) == ["small.neural", "small.onnx"]


@pytest.mark.parametrize(
    ("shell", "status"),
    [
        ('"$0" small.neural --emit=mlir --remarks', 0),
        ('"$0" - <&-', 1),
        ('"$0" small.neural --emit=ir >&-', 0),
        ('"$0" small.neural 2>&-', 0),
        ('"$0" small.neural --emit=ir >/dev/full', 3),
    ],
)
def test_streams_that_are_closed_full_or_know_ascii_only(
    shell: str, status: int, small: Path
) -> None:
    done = subprocess.run(
        ["sh", "-c", shell, Path(sys.executable).parent / "neuralc"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert not list(Path().glob("neuralc-fault-*"))


def test_a_name_that_is_no_text(small: Path, command: Command) -> None:
    odd = os.fsdecode(b"odd\xff.neural")
    small.rename(odd)
    outcome = command("neuralc", odd, "-o", "m.onnx", "--verify")
    assert outcome.status == 0, outcome.err
    assert "odd\\xff.neural:4:5" in outcome.err
    assert command("neural", "check", odd).status == 0
    assert command("neuralc", odd, "--emit=ir", "-o", os.fsdecode(b"\xff.ir")).status == 0


def test_a_closed_pipe_is_no_error(small: Path) -> None:
    neuralc = Path(sys.executable).parent / "neuralc"
    with subprocess.Popen(
        [neuralc, "--emit=ir", small], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        error = process.stderr.read().decode()
        status = process.wait(timeout=60)
    assert status == 128 + signal.SIGPIPE
    assert "Traceback" not in error
    assert "Exception" not in error
